package numeric

import (
	"fmt"
	"reflect"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/cblas128"
	"gonum.org/v1/gonum/mat"
)

// Bounds returns the range of items that part p of q gets when n items are dealt in blocks: the first n%q parts
// get one item more than the others (ipyparallel's client/map.py). It panics unless 0 <= p < q.
func Bounds(p, q, n int) (low, high int) {
	if q <= 0 || p < 0 || p >= q {
		panic(ErrParts)
	}
	size, more := n/q, n%q
	low = p*size + min(p, more)
	high = low + size
	if p < more {
		high++
	}
	return low, high
}

// Split deals v into n parts of consecutive items, as even as they can be (see [Bounds]); with fewer items than
// parts the last parts are empty. The items are the rows of a *mat.Dense, *mat.CDense or Array and the
// elements of a *mat.VecDense or of any slice. Parts are of v's type and share its memory, but an empty part of
// a gonum matrix is an Array, for gonum has no matrix of 0 x N. Split panics when n is not positive.
func Split(v any, n int) ([]any, error) {
	return split(v, n, func(s sequence, p int) any {
		low, high := Bounds(p, n, s.len)
		return s.part(low, high, 1)
	})
}

// SplitCyclic deals v into n parts like cards: part p gets the items p, p+n, p+2n, and so on. Parts of gonum
// types share v's memory, those of slices and Arrays are copies. Otherwise it is as [Split].
func SplitCyclic(v any, n int) ([]any, error) {
	return split(v, n, func(s sequence, p int) any { return s.part(min(p, s.len), s.len, n) })
}

// SplitEvery deals v into parts of size consecutive items, of which the last may have fewer; there is none without
// items. Parts are as those of [Split]. It panics when size is not positive.
func SplitEvery(v any, size int) ([]any, error) {
	if size <= 0 {
		panic(ErrParts)
	}
	s, ok := sequenceOf(v)
	if !ok {
		return nil, noSequence(v)
	}
	var parts []any
	for low := 0; low < s.len; low += size {
		parts = append(parts, s.part(low, min(low+size, s.len), 1))
	}
	return parts, nil
}

func noSequence(v any) error {
	return fmt.Errorf("numeric: cannot split %T: it is not a slice, a gonum matrix or vector, or an Array with at least one axis", v)
}

func split(v any, n int, part func(s sequence, p int) any) ([]any, error) {
	if n <= 0 {
		panic(ErrParts)
	}
	s, ok := sequenceOf(v)
	if !ok {
		return nil, noSequence(v)
	}
	parts := make([]any, n)
	for p := range parts {
		parts[p] = part(s, p)
	}
	return parts, nil
}

// sequence is anything that can be split: part returns the items low, low+step, .. below high, as a view where
// it can.
type sequence struct {
	len  int
	part func(low, high, step int) any
}

func sequenceOf(v any) (sequence, bool) {
	switch v := v.(type) {
	case nil:
		return sequence{}, false
	case *mat.Dense:
		if v == nil {
			return sequence{}, false
		}
		m := v.RawMatrix()
		return sequence{m.Rows, func(low, high, step int) any {
			n := count(low, high, step)
			if n == 0 {
				return emptyRows(m.Rows, m.Cols, "f8", new(mat.Dense))
			}
			d := new(mat.Dense)
			d.SetRawMatrix(blas64.General{Rows: n, Cols: m.Cols, Stride: m.Stride * step,
				Data: m.Data[low*m.Stride : (low+(n-1)*step)*m.Stride+m.Cols]})
			return d
		}}, true
	case *mat.CDense:
		if v == nil {
			return sequence{}, false
		}
		m := v.RawCMatrix()
		return sequence{m.Rows, func(low, high, step int) any {
			n := count(low, high, step)
			if n == 0 {
				return emptyRows(m.Rows, m.Cols, "c16", new(mat.CDense))
			}
			d := new(mat.CDense)
			d.SetRawCMatrix(cblas128.General{Rows: n, Cols: m.Cols, Stride: m.Stride * step,
				Data: m.Data[low*m.Stride : (low+(n-1)*step)*m.Stride+m.Cols]})
			return d
		}}, true
	case *mat.VecDense:
		if v == nil {
			return sequence{}, false
		}
		x := v.RawVector()
		return sequence{x.N, func(low, high, step int) any {
			n := count(low, high, step)
			d := new(mat.VecDense)
			if n > 0 {
				d.SetRawVector(blas64.Vector{N: n, Inc: x.Inc * step, Data: x.Data[low*x.Inc : (low+(n-1)*step)*x.Inc+1]})
			}
			return d
		}}, true
	case Array:
		return sequenceOf(&v)
	case *Array:
		if v == nil || len(v.shape) == 0 {
			return sequence{}, false
		}
		return sequence{v.shape[0], func(low, high, step int) any { return v.rows(low, high, step) }}, true
	}
	s := reflect.ValueOf(v)
	if s.Kind() != reflect.Slice {
		return sequence{}, false
	}
	return sequence{s.Len(), func(low, high, step int) any {
		if step == 1 {
			return s.Slice3(low, high, high).Interface()
		}
		own := reflect.MakeSlice(s.Type(), 0, count(low, high, step))
		for i := low; i < high; i += step {
			own = reflect.Append(own, s.Index(i))
		}
		return own.Interface()
	}}, true
}

// count is the number of items low, low+step, .. below high.
func count(low, high, step int) int { return (high - low + step - 1) / step }

// emptyRows is a part without rows: an Array that remembers the columns, or none when the whole had none.
func emptyRows(rows, cols int, code string, none any) any {
	if rows == 0 {
		return none
	}
	return Zeros(string(nativeOrder)+code, 0, cols)
}

// rows returns every step-th row from low to high, a view when step is 1.
func (a *Array) rows(low, high, step int) *Array {
	if step == 1 {
		return a.Rows(low, high)
	}
	row := a.rowSize()
	shape := slices.Clone(a.shape)
	shape[0] = count(low, high, step)
	own := alloc(shape[0] * row)
	for i := range shape[0] {
		copy(own[i*row:(i+1)*row], a.data[(low+i*step)*row:])
	}
	return &Array{a.dtype, a.elem, a.size, shape, own}
}
