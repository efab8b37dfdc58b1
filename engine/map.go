package engine

import (
	"context"
	"math"
	"reflect"

	"gonum.org/v1/gonum/mat"

	"muster/numeric"
	"muster/wire/pickle"
)

// mapCalls calls a function on the items of sequences, as many as the shortest
// has: args are a reference to the function and the sequences.
func (e *Engine) mapCalls(ctx context.Context, args []any) (any, error) {
	if len(args) < 2 {
		return nil, userErrorf(TypeError, "map: takes a function and at least one sequence")
	}
	var name string
	switch f := args[0].(type) {
	case pickle.Reference:
		name = f.Name
	case pickle.Function:
		return nil, pythonFunction(f)
	default:
		return nil, userErrorf(TypeError, "map: a %T cannot be called: send the function as a Reference to its name", f)
	}
	seqs := make([]sequence, len(args)-1)
	shortest := math.MaxInt
	for i, a := range args[1:] {
		var ok bool
		if seqs[i], ok = newSequence(a); !ok {
			return nil, userErrorf(TypeError, "map: a %T is no sequence", a)
		}
		shortest = min(shortest, seqs[i].len)
	}
	out := make([]any, shortest)
	for i := range out {
		items := make([]any, len(seqs))
		for j, s := range seqs {
			items[j] = s.at(i)
		}
		var err error
		if out[i], err = e.ns.Call(ctx, name, items); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// A sequence has items by index: the elements of a slice or a vector, the rows
// of a matrix or an array, the characters of a string.
type sequence struct {
	len int
	at  func(int) any
}

func newSequence(v any) (sequence, bool) {
	switch v := v.(type) {
	case nil:
		return sequence{}, false
	case string:
		chars := []rune(v)
		return sequence{len(chars), func(i int) any { return string(chars[i]) }}, true
	case *mat.VecDense:
		return sequence{v.Len(), func(i int) any { return v.AtVec(i) }}, true
	case *mat.Dense:
		rows, _ := v.Dims()
		return sequence{rows, func(i int) any { return v.RawRowView(i) }}, true
	case *mat.CDense:
		m := v.RawCMatrix()
		return sequence{m.Rows, func(i int) any { return m.Data[i*m.Stride:][:m.Cols] }}, true
	case *numeric.Array:
		shape := v.Shape()
		switch len(shape) {
		case 0:
			return sequence{}, false
		case 1:
			return sequence{shape[0], func(i int) any { return v.At(i) }}, true
		}
		return sequence{shape[0], func(i int) any { return v.Rows(i, i+1).Reshape(shape[1:]...) }}, true
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice {
		return sequence{r.Len(), func(i int) any { return r.Index(i).Interface() }}, true
	}
	return sequence{}, false
}
