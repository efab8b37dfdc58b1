package numeric

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Join puts the parts that [Split] made one after the other again, in memory of its own. Slices of one type give
// a slice of that type, slices of several types a []any; arrays of one dtype and one row shape give the type
// the parts have, or what [Build] makes when they are of several. When the first part is not a sequence, the
// parts themselves are the items, and Join returns them. Arrays that do not fit together are an error.
func Join(parts []any) (any, error) {
	return join(parts, func(start, _, i int) int { return start + i }, 1)
}

// JoinCyclic puts the parts that [SplitCyclic] made together again: item i of part p of n is item i*n+p of the
// result. Parts whose lengths [SplitCyclic] would not give are an error. Otherwise it is as [Join].
func JoinCyclic(parts []any) (any, error) {
	n := len(parts)
	for p := 1; p < n; p++ {
		first, ok := sequenceOf(parts[0])
		s, ok2 := sequenceOf(parts[p])
		prev, ok3 := sequenceOf(parts[p-1])
		if ok && ok2 && ok3 && (s.len > prev.len || first.len-s.len > 1) {
			return nil, fmt.Errorf("numeric: join %d cyclic parts: part %d has %d items after parts of %d to %d", n, p, s.len, prev.len, first.len)
		}
	}
	return join(parts, func(_, p, i int) int { return i*n + p }, n)
}

// join places item i of part p, the items before which number start, at place(start, p, i); the places of one part
// are step apart.
func join(parts []any, place func(start, p, i int) int, step int) (any, error) {
	if len(parts) == 0 {
		return nil, errors.New("numeric: join: no parts")
	}
	total, same, slice := 0, true, true
	for p, part := range parts {
		s, ok := sequenceOf(part)
		if !ok && p == 0 {
			return slices.Clone(parts), nil
		}
		if !ok {
			return nil, fmt.Errorf("numeric: join: part %d is %T, the first is %T", p, part, parts[0])
		}
		total += s.len
		same = same && reflect.TypeOf(part) == reflect.TypeOf(parts[0])
		slice = slice && reflect.TypeOf(part).Kind() == reflect.Slice
	}
	if !slice {
		return joinRows(parts, total, same, place, step)
	}
	typ := reflect.TypeOf(parts[0])
	if !same {
		typ = reflect.TypeFor[[]any]()
	}
	whole := reflect.MakeSlice(typ, total, total)
	start := 0
	for p, part := range parts {
		v := reflect.ValueOf(part)
		if step == 1 && same {
			reflect.Copy(whole.Slice(start, total), v)
		} else {
			for i := range v.Len() {
				whole.Index(place(start, p, i)).Set(v.Index(i))
			}
		}
		start += v.Len()
	}
	return whole.Interface(), nil
}

func joinRows(parts []any, total int, same bool, place func(start, p, i int) int, step int) (any, error) {
	var whole *Array
	var row, start int
	for p, part := range parts {
		a := flatten(part)
		if a == nil {
			return nil, fmt.Errorf("numeric: join: part %d is %T, the first is %T", p, part, parts[0])
		}
		if whole == nil {
			shape := slices.Clone(a.shape)
			shape[0] = total
			row = a.rowSize()
			whole = &Array{a.dtype, a.elem, a.size, shape, alloc(total * row)}
		}
		if a.dtype != whole.dtype || !slices.Equal(a.shape[1:], whole.shape[1:]) {
			return nil, fmt.Errorf("numeric: join: part %d has dtype %s and shape %v, the first has %s and %v",
				p, a.dtype, a.shape, whole.dtype, flatten(parts[0]).shape)
		}
		if step == 1 {
			copy(whole.data[start*row:], a.data)
		} else {
			for i := range a.shape[0] {
				copy(whole.data[place(start, p, i)*row:][:row], a.data[i*row:])
			}
		}
		start += a.shape[0]
	}
	if same {
		return whole.like(parts[0]), nil
	}
	return whole.gonum(), nil
}

// like returns a in the type of model, from which a was flattened; scalars and slices included.
func (a *Array) like(model any) any {
	switch model.(type) {
	case *Array, Array:
		return a
	case *mat.Dense:
		if a.Len() == 0 {
			return new(mat.Dense)
		}
	case *mat.CDense:
		if a.Len() == 0 {
			return new(mat.CDense)
		}
	case *mat.VecDense:
		if a.Len() == 0 {
			return new(mat.VecDense)
		}
		return mat.NewVecDense(a.Len(), a.Slice().([]float64))
	default:
		if t := reflect.TypeOf(model); t.Kind() == reflect.Slice {
			return a.sliceOf(t.Elem()).Convert(t).Interface()
		} else if len(a.shape) == 0 {
			return reflect.ValueOf(a.At()).Convert(t).Interface()
		}
	}
	return a.gonum()
}

// sliceOf is the memory of a as a slice of elem, a type of the same layout as a's elements.
func (a *Array) sliceOf(elem reflect.Type) reflect.Value {
	if len(a.data) == 0 {
		return reflect.MakeSlice(reflect.SliceOf(elem), 0, 0)
	}
	return reflect.SliceAt(elem, reflect.ValueOf(a.data).UnsafePointer(), a.Len())
}
