package wire

// How a client reaches an engine's namespace by apply_request in a form that
// engines of every language understand. The function of the call is a Reference
// (protocol section 16). A Python engine evaluates its name as an expression,
// which is written so that it does the work there; an engine in another
// language recognises the name and does the same by its own means. An engine
// recognises as well what Python clients send instead, the CannedFunctions
// named _push and _pull, and the lambda that maps.
const (
	// PushFunction sets variables: one keyword argument for each, by name.
	// The result is None.
	PushFunction = "globals().update"
	// PullFunction reads variables: its one argument is a list of names (or
	// expressions), its result the list of their values, in that order.
	PullFunction = "lambda keys: [eval(key, globals()) for key in keys]"
	// DeleteFunction forgets variables: its one argument is a list of names. Of
	// those that are not defined the first is the NameError's, after the others
	// have gone. The result is None.
	DeleteFunction = "lambda names: exec('del ' + ', '.join(sorted(names, key=globals().__contains__, reverse=True)), globals())"
	// ValueFunction returns its one argument. With a Reference as that, the reply
	// is one serialized object, the value of a variable (or of an expression),
	// which can travel on as it is.
	ValueFunction = "lambda value: value"
	// MapFunction calls a function on every item: the arguments are a
	// Reference to the function and one or more sequences; the result is the
	// list of f(a[i], b[i], ...), as long as the shortest of them. An array is a
	// sequence of its rows, a vector one of its elements, a string one of its
	// characters. An engine may answer with an array instead, of one axis, when
	// all values are floats or all are ints; and the buffers of a reply with an
	// error, when there are any, hold the values before the item that failed.
	MapFunction = "lambda f, *seqs: list(map(f, *seqs))"
)

// Metadata keys that Muster's peers add and that others ignore. The first two
// spare an empty call two messages on iopub, each of which would pass three
// processes; the others keep the types of Go's values.
const (
	// CountOutputs, in a request, is true when the client goes by Outputs: the
	// engine then need not publish status and execute_input for the request.
	CountOutputs = "count_outputs"
	// Outputs, in the reply to any request, is how many messages of the types
	// stream, display_data, execute_result and error the engine has published
	// for it, all of them before the reply. A client has the whole output when
	// it has received so many; a reply without the key (a Python engine's) is
	// followed by a status "idle" that ends the output.
	Outputs = "outputs"
	// GoTypes, in an apply_request, has the GoType of those of its keyword
	// arguments that have one, by name: a Go engine converts them.
	GoTypes = "go_types"
	// ResultType, in a Go engine's reply to ValueFunction, is the GoType of the value.
	ResultType = "go_type"
)
