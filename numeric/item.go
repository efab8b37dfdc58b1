package numeric

import (
	"reflect"

	"gonum.org/v1/gonum/mat"
)

// Len returns how many items v has to [Split]: rows of a matrix or an array, elements of a vector or a slice. It is
// not ok for what cannot be split.
func Len(v any) (n int, ok bool) {
	s, ok := sequenceOf(v)
	return s.len, ok
}

// Item returns item i of what can be split: a number or another element, a []float64 for the row of a *mat.Dense, an
// Array with an axis less for the row of one. A row shares the memory of v. Item panics when there is no such item.
func Item(v any, i int) any {
	n, ok := Len(v)
	if !ok || i < 0 || i >= n {
		panic(ErrIndex)
	}
	switch v := v.(type) {
	case *mat.Dense:
		return v.RawRowView(i)
	case *mat.CDense:
		m := v.RawCMatrix()
		return m.Data[i*m.Stride : i*m.Stride+m.Cols : i*m.Stride+m.Cols]
	case *mat.VecDense:
		return v.AtVec(i)
	case Array:
		return v.row(i)
	case *Array:
		return v.row(i)
	}
	return reflect.ValueOf(v).Index(i).Interface()
}
