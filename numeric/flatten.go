package numeric

import (
	"reflect"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Flatten takes an array apart: its NumPy dtype string, its shape and its items in C order. It takes slices of
// bool and fixed-size numbers (int and uint too) except []byte, gonum matrices and vectors, and Arrays; ok is
// false for any other value. data is the memory of v itself, or a copy when v is not contiguous.
func Flatten(v any) (dtype string, shape []int, data []byte, ok bool) {
	a := flatten(v)
	if a == nil {
		return "", nil, nil, false
	}
	return a.dtype, a.shape, a.data, true
}

// flatten is v as an Array, or nil.
func flatten(v any) *Array {
	switch v := v.(type) {
	case []float64:
		return New(v)
	case []byte, nil:
		return nil
	case Array:
		return &v
	case *Array:
		return v
	case *mat.Dense:
		if v != nil {
			raw := v.RawMatrix()
			return New(contiguous(raw.Data, raw.Rows, raw.Cols, raw.Stride), raw.Rows, raw.Cols)
		}
	case *mat.CDense:
		if v != nil {
			raw := v.RawCMatrix()
			return New(contiguous(raw.Data, raw.Rows, raw.Cols, raw.Stride), raw.Rows, raw.Cols)
		}
	case *mat.VecDense:
		if v != nil {
			raw := v.RawVector()
			return New(contiguous(raw.Data, raw.N, 1, raw.Inc))
		}
	case mat.Matrix:
		if !reflect.ValueOf(v).IsZero() { // not a nil pointer
			return flatten(mat.DenseCopyOf(v))
		}
	default:
		if r := reflect.ValueOf(v); r.Kind() == reflect.Slice && r.Type().Elem().Kind() != reflect.Uint8 && elementOfKind(r.Type().Elem().Kind()) != nil {
			return New(v)
		}
	}
	return nil
}

// contiguous returns rows of cols items that stand stride items apart as one slice, a copy only if it must be.
func contiguous[T any](data []T, rows, cols, stride int) []T {
	if rows == 0 || cols == 0 {
		return nil
	}
	if stride == cols || rows == 1 {
		return data[:rows*cols]
	}
	own := make([]T, 0, rows*cols)
	for i := range rows {
		own = append(own, data[i*stride:i*stride+cols]...)
	}
	return own
}

// sliceMemory is the memory of any slice of elements.
func sliceMemory(v reflect.Value) []byte {
	switch s := v.Interface().(type) {
	case []float64:
		return memory(s)
	case []byte:
		return s
	}
	if v.Len() == 0 {
		return []byte{}
	}
	n := v.Len() * int(v.Type().Elem().Size())
	return slices.Clip(reflect.SliceAt(reflect.TypeFor[byte](), v.UnsafePointer(), n).Bytes())
}

// Build puts together what Flatten takes apart, with data from outside: an array with one axis becomes a slice of the
// Go type of its items, where int64 is int; one of float64 or complex128 with two a *mat.Dense or *mat.CDense; and
// anything else (also a matrix without rows or columns, which gonum cannot shape) an *Array. data is used as it is, and copied only when it is misaligned
// or in foreign byte order. A dtype, shape and number of bytes that do not fit together are an error.
func Build(dtype string, shape []int, data []byte) (any, error) {
	a, err := newArray(dtype, shape, data)
	if err != nil {
		return nil, err
	}
	return a.gonum(), nil
}

// gonum is a as the slice or the gonum type that stands for it, if there is one.
func (a *Array) gonum() any {
	matrix := len(a.shape) == 2 && a.Len() > 0
	switch s := a.Slice().(type) {
	case []byte: // as a slice it would be a string of bytes
		return a
	case []float64:
		if matrix {
			return mat.NewDense(a.shape[0], a.shape[1], s)
		}
	case []complex128:
		if matrix {
			return mat.NewCDense(a.shape[0], a.shape[1], s)
		}
	}
	switch {
	case len(a.shape) != 1:
		return a
	case a.elem == elementOfKind(reflect.Int):
		return a.sliceOf(reflect.TypeFor[int]()).Interface()
	}
	return a.Slice()
}
