package engine

import (
	"context"
	"go/token"
	"reflect"

	"muster/numeric"
	"muster/wire"
	"muster/wire/pickle"
)

// codec turns values into frames and back, with arrays as gonum has them.
var codec = &pickle.Codec{
	Flatten: func(v any) (pickle.Array, bool) {
		dtype, shape, data, ok := numeric.Flatten(v)
		return pickle.Array{DType: dtype, Shape: shape, Data: data}, ok
	},
	Build: func(a pickle.Array) (any, error) { return numeric.Build(a.DType, a.Shape, a.Data) },
}

// apply calls a function with arguments (protocol section 16). On iopub only
// output, an error, and the worker's idle are published.
func (e *Engine) apply(ctx context.Context, r *request) answer {
	call, err := codec.DeserializeCall(r.Buffers)
	if err != nil {
		return e.failed(r, failure(ctx, userErrorf(ValueError, "apply_request: %v", err)))
	}
	typed(call.Kwargs, r.marks.GoTypes)
	var result any
	if f, ok := call.Func.(pickle.Reference); ok && f.Name == wire.TaskFunction {
		result, err = e.task(ctx, r, call)
	} else {
		result, err = e.invoke(ctx, call)
	}
	if err != nil {
		a := e.failed(r, failure(ctx, err))
		if result != nil { // of a map, what precedes the item that failed
			if frames, err := codec.Serialize(result); err == nil {
				a.buffers = frames
			}
		}
		return a
	}
	frames, err := codec.Serialize(result)
	if err != nil {
		return e.failed(r, failure(ctx, userErrorf(TypeError, "the result cannot be sent: %v", err)))
	}
	a := answer{status: wire.StatusOK, content: contentOK, buffers: frames}
	if f, ok := call.Func.(pickle.Reference); ok && f.Name == wire.ValueFunction {
		a.goType = wire.GoType(reflect.TypeOf(result))
	}
	return a
}

// invoke calls what the request names as its function: a helper, or a function
// of the namespace.
func (e *Engine) invoke(ctx context.Context, call pickle.Call) (any, error) {
	var name string
	switch f := call.Func.(type) {
	case pickle.Reference:
		name = f.Name
	case pickle.Function:
		if name = pickledHelper(f); name == "" {
			return nil, pythonFunction(f)
		}
	default:
		return nil, userErrorf(TypeError, "a %T cannot be called: send the function as a Reference to its name", call.Func)
	}
	args := call.Args
	if name == wire.MapFunction && len(args) > 0 {
		args = args[1:] // the function goes by its name
	}
	if err := e.resolveAll(ctx, args); err != nil {
		return nil, err
	}
	if _, err := e.resolve(ctx, call.Kwargs, 1); err != nil {
		return nil, err
	}
	if help := helpers[name]; help != nil {
		return help(e, ctx, call)
	}
	if len(call.Kwargs) > 0 {
		args = append(args, call.Kwargs)
	}
	return e.ns.Call(ctx, name, args)
}

// pythonFunction is the error for a function that only Python can run.
func pythonFunction(f pickle.Function) error {
	return userErrorf(TypeError, "%s.%s is a pickled Python function, which cannot run on a Go engine: "+
		"define a Go function there (execute \"func %s(...) ... { ... }\"), or compile one into the engine (engine.Func), "+
		"and call it by ipp.Reference(%q)", f.Module, f.Name, goName(f.Name), goName(f.Name))
}

// goName is a Python function's name if Go could have it.
func goName(name string) string {
	if token.IsIdentifier(name) {
		return name
	}
	return "f"
}

// lookup returns the value of a name or of an expression.
func (e *Engine) lookup(ctx context.Context, expr string) (any, error) {
	if token.IsIdentifier(expr) {
		return e.ns.Get(expr)
	}
	return e.ns.Eval(ctx, expr)
}

// resolveAll resolves the references among arguments.
func (e *Engine) resolveAll(ctx context.Context, args []any) (err error) {
	for i := range args {
		if args[i], err = e.resolve(ctx, args[i], 1); err != nil {
			return err
		}
	}
	return nil
}

// resolve replaces a reference by the value of its expression, also inside of
// a list, tuple or dict, as deep as peers put them there.
func (e *Engine) resolve(ctx context.Context, v any, depth int) (_ any, err error) {
	switch x := v.(type) {
	case pickle.Reference:
		return e.lookup(ctx, x.Name)
	case pickle.Tuple:
		if depth > 0 {
			for i := range x {
				if x[i], err = e.resolve(ctx, x[i], depth-1); err != nil {
					return nil, err
				}
			}
		}
	case []any:
		if depth > 0 {
			_, err = e.resolve(ctx, pickle.Tuple(x), depth)
		}
	case map[string]any:
		if depth > 0 {
			for k := range x {
				if x[k], err = e.resolve(ctx, x[k], depth-1); err != nil {
					return nil, err
				}
			}
		}
	}
	return v, err
}
