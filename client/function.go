package client

import (
	"maps"
	"slices"

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

// Kwargs, as the last argument of a call, are its keyword arguments.
type Kwargs map[string]any

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
