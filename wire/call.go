package wire

import "encoding/json"

import "strconv"

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
	// On Python engines too the items of a vector are Python's own numbers, and
	// not NumPy's: they know no overflow, and travel back in a tenth of the bytes.
	MapFunction = "lambda f, *seqs: list(map(f, *[s.tolist() if getattr(s, 'ndim', 0) == 1 else s for s in seqs]))"
	// KeysFunction takes nothing; its result is the list of the names that
	// users have defined, sorted.
	KeysFunction = "lambda: __import__('IPython').get_ipython().run_line_magic('who_ls', '')"
	// ImportFunction imports packages: its one argument is a list of their
	// paths (names of modules). The result is None.
	ImportFunction = "lambda paths: [globals().__setitem__(path.partition('.')[0], __import__(path)) for path in paths] and None"
)

var (
	// DefineFunction defines functions from their sources: its one argument is
	// a dict of sources by name, each a definition of that name or a literal (a
	// lambda). The result is None.
	DefineFunction = python(`
def f(sources):
    import linecache, textwrap
    for name, source in sources.items():
        source = textwrap.dedent(source).strip()
        file = '<function %s>' % name
        linecache.cache[file] = len(source), None, source.splitlines(True), file
        if not source.startswith(('def ', 'async ', '@')):
            source = name + ' = ' + source
        made = {}
        exec(compile(source, file, 'exec'), user, made)
        if not callable(made.get(name)):
            raise NameError('the source of %s defines no function of that name' % name)
        user[name] = made[name]
`)
	// SourceFunction reads the sources of functions: its one argument is a list
	// of names, its result the list of their sources, in that order.
	SourceFunction = python(`
def f(names):
    import inspect
    sources = []
    for name in names:
        try:
            sources.append(inspect.getsource(eval(name, user)))
        except (OSError, TypeError) as e:
            raise TypeError('the source of %s is not known: %s' % (name, e))
    return sources
`)
)

// Properties are a dict of an engine, by name, that the code it runs sees as
// properties and that clearing the namespace leaves alone. On a Python engine it
// is made by the first of these calls, among the builtins.
const (
	// SetPropertiesFunction sets properties: its one argument is a dict of
	// values. The result is None.
	SetPropertiesFunction = properties + ".update"
	// PropertiesFunction reads properties: its one argument is a list of names,
	// empty for all, its result a dict of their values.
	PropertiesFunction = "lambda names: {name: " + properties + "[name] for name in names or " + properties + "}"
	// HasPropertiesFunction takes a list of names; its result is a list of
	// booleans that tell which of them are there.
	HasPropertiesFunction = "lambda names: [name in " + properties + " for name in names]"
	// DeletePropertiesFunction deletes properties: its one argument is a list of
	// names, none of which is deleted if one is not there. The result is None.
	DeletePropertiesFunction = "lambda names: [" + properties + "[name] for name in names] and [" + properties + ".pop(name, None) for name in names] and None"
	// ClearPropertiesFunction deletes all properties. It takes nothing; the
	// result is None.
	ClearPropertiesFunction = properties + ".clear"

	properties = "__import__('builtins').__dict__.setdefault('properties', {})"
)

// python is an expression whose value is the function f that a source in
// Python defines. In it, user is the namespace.
func python(source string) string {
	return "(lambda d: (exec(" + strconv.Quote(source) + ", d), d['f'])[1])({'user': globals()})"
}

// Metadata keys that Muster's peers add and that others ignore. The first two
// spare an empty call two messages on iopub, each of which would pass three
// processes; two keep the types of Go's values.
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

	// Priority, in a request for the task queue, is an int, 0 if it is missing:
	// of the tasks that wait, those of the highest go first.
	Priority = "priority"
	// Deadline, in a request for work, is for how many seconds it may run, for
	// ever if it is 0 or missing: a Go engine then interrupts it, and its reply is
	// the error TaskDeadline.
	Deadline = "deadline"
	// SourceFile, in an execute_request, is the name of the file that the code
	// is. Tracebacks then name it instead of the cell, and a Go program in it is
	// run as a program.
	SourceFile = "source_file"
	// GoTypes, in an apply_request, has the GoType of those of its keyword
	// arguments that have one, by name: a Go engine converts them.
	GoTypes = "go_types"
	// ResultType, in a Go engine's reply to ValueFunction, is the GoType of the value.
	ResultType = "go_type"
	// Again, in a request, is true when the client has sent it before, to a
	// controller that was started anew since. One whose first sending was
	// acknowledged has neither content nor buffers: the controller has them.
	Again = "again"
	// SentTo, in such a request, is the Instance of the controller that it goes to
	// where it was sent to that one before: only the connection had ended.
	SentTo = "sent_to"
	// Sendings is how often such a request was sent, from the third time on.
	Sendings = "sendings"
	// BroadcastReplies, in a coalescing broadcast request (protocol section 9),
	// is true when the client takes the one reply apart; then an engine that
	// dies does not fail the others. In the reply it is the list of what the
	// engines have answered, a BroadcastReply for each of broadcast_targets, in
	// that order.
	BroadcastReplies = "broadcast_replies"
)

// A BroadcastReply is one engine's reply within a coalesced one: its dicts, and
// how many of the coalesced reply's buffers are its own.
type BroadcastReply struct {
	Header   json.RawMessage `json:"header"`
	Metadata json.RawMessage `json:"metadata"`
	Content  json.RawMessage `json:"content"`
	Buffers  int             `json:"buffers"`
}

// BroadcastRecords is the key of Connected.Records in a connection_reply.
const BroadcastRecords = "broadcast_records"
