package client

import (
	"context"
	"maps"
	"slices"
	"strings"

	"muster/numeric"
	"muster/wire"
	"muster/wire/pickle"
)

// A Function is something that engines can call: a Ref, or a handle on a
// compiled function that the engines' program registered (engine.Func).
type Function interface {
	// Name is what the engine knows the function by.
	Name() string
}

// A Ref names a value in the namespace of the engines. As the function of a
// call it names a function; as an argument it stands for the value that each
// engine has under the name. It may be an expression: of Python on a Python
// engine ("lambda x: x**2", "np.linalg.norm"), of Go on a Go engine
// ("func(x int) int { return x*x }", "math.Sqrt").
type Ref string

// Name implements Function.
func (r Ref) Name() string { return string(r) }

// title is a function as errors name it: a literal of several lines by its first.
func title(fn Function) string {
	first, _, more := strings.Cut(fn.Name(), "\n")
	if more {
		first += " ... }"
	}
	return first
}

// Kwargs, as the last argument of a call, are its keyword arguments.
type Kwargs map[string]any

// PushFunction defines functions on the engines, by name, from their sources:
// a declaration of that name ("func f(x int) int { return x * x }", which may be
// generic, or "def f(x): ...") or a literal ("func(x int) int { return x * x }",
// "lambda x: x*x"). They are functions of the namespace as any that a cell
// defines.
func (v *DirectView) PushFunction(ctx context.Context, sources map[string]string) error {
	_, err := v.pushFunction(ctx, sources).Get(ctx)
	return err
}

// PushFunctionAsync is PushFunction without the wait. The AsyncResult's values
// are nil.
func (v *DirectView) PushFunctionAsync(sources map[string]string) *AsyncResult {
	return v.pushFunction(context.Background(), sources)
}

func (v *DirectView) pushFunction(ctx context.Context, sources map[string]string) *AsyncResult {
	names := slices.Sorted(maps.Keys(sources))
	what := "push function " + strings.Join(names, ", ")
	if err := named(names); err != nil {
		return failed(what, err)
	}
	return v.help(ctx, what, wire.DefineFunction, sources)
}

// PullFunction returns the sources of functions that the engines have in their
// namespaces, by name, as they were typed: in PushFunction, or in a cell. Pushed
// elsewhere they are the same functions, as long as what they refer to is there
// too. Methods go with their types, which are cells to execute; a function that
// is compiled into an engine, or has come to its name otherwise than by its
// source, is an error.
func (v *DirectView) PullFunction(ctx context.Context, names ...string) ([]map[string]string, error) {
	return Values[map[string]string](ctx, v.pullFunction(ctx, names))
}

// PullFunctionAsync is PullFunction without the wait. The AsyncResult's values
// are map[string]any, of strings.
func (v *DirectView) PullFunctionAsync(names ...string) *AsyncResult {
	return v.pullFunction(context.Background(), names)
}

func (v *DirectView) pullFunction(ctx context.Context, names []string) *AsyncResult {
	what := "pull function " + strings.Join(names, ", ")
	if err := named(names); err != nil {
		return failed(what, err)
	}
	ar := &AsyncResult{what: what, decode: func(t *task) (any, error) { return pulledByName(t, names) }}
	r, err := applyRequest(wire.SourceFunction, names)
	return v.send(ctx, ar, r, err)
}

// codec turns values into frames and back, with arrays as numeric has them.
var codec = &pickle.Codec{
	Flatten: func(v any) (pickle.Array, bool) {
		dtype, shape, data, ok := numeric.Flatten(v)
		return pickle.Array{DType: dtype, Shape: shape, Data: data}, ok
	},
	Build: func(a pickle.Array) (any, error) { return numeric.Build(a.DType, a.Shape, a.Data) },
}

// countOutputs is the metadata of the requests that run code.
var countOutputs = []byte(`{"` + wire.CountOutputs + `":true}`)

// callRequest calls a function, unless its handle tells that the arguments do
// not fit it.
func callRequest(fn Function, args []any) (*request, error) {
	if err := signatureOf(fn).takes(args); err != nil {
		return nil, err
	}
	return applyRequest(fn.Name(), args...)
}

// applyRequest calls the function of that name. args may end in Kwargs.
func applyRequest(fn string, args ...any) (*request, error) {
	var kwargs map[string]any
	if n := len(args); n > 0 {
		if k, ok := args[n-1].(Kwargs); ok {
			args, kwargs = args[:n-1], maps.Clone(k)
		}
	}
	args = slices.Clone(args)
	for i, a := range args {
		args[i] = reference(a)
	}
	for k, a := range kwargs {
		kwargs[k] = reference(a)
	}
	buffers, err := codec.SerializeCall(pickle.Reference{Name: fn}, args, kwargs)
	if err != nil {
		return nil, unsendable(err)
	}
	return &request{msgType: wire.ApplyRequest, metadata: countOutputs, buffers: buffers}, nil
}

// reference is an argument as it travels.
func reference(arg any) any {
	switch a := arg.(type) {
	case Ref:
		return pickle.Reference{Name: string(a)}
	case Serialized:
		return pickle.Object(a.frames)
	}
	return arg
}

// applied decodes the value of an apply_reply.
func applied(t *task) (any, error) {
	v, _, err := codec.Deserialize(t.reply.Buffers)
	return v, err
}
