package engine

import (
	"context"

	"muster/wire/pickle"
)

// mapCalls calls a function on the items of sequences, as many as the shortest
// has: the arguments are a reference to the function and the sequences. Beside
// an error it returns the values before the item that failed. Python's client
// wants a list; ours takes numbers as an array (wire.MapFunction).
func (e *Engine) mapCalls(ctx context.Context, call pickle.Call) (any, error) {
	if len(call.Args) < 2 || len(call.Kwargs) > 0 {
		return nil, userErrorf(TypeError, "map: takes a function and at least one sequence, by position")
	}
	var name string
	switch f := call.Args[0].(type) {
	case pickle.Reference:
		name = f.Name
	case pickle.Function:
		return nil, pythonFunction(f)
	default:
		return nil, userErrorf(TypeError, "map: a %T cannot be called: send the function as a Reference to its name", f)
	}
	values, err := e.ns.Map(ctx, name, call.Args[1:]...)
	if _, python := call.Func.(pickle.Function); python {
		values = list(values)
	}
	return values, err
}

// list is a slice of numbers as a list.
func list(values any) any {
	switch v := values.(type) {
	case []float64:
		return boxed(v)
	case []int:
		return boxed(v)
	}
	return values
}

func boxed[T any](s []T) []any {
	out := make([]any, len(s))
	for i, x := range s {
		out[i] = x
	}
	return out
}
