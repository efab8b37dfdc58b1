package numeric

import (
	"fmt"
	"reflect"
	"slices"
)

// Op says how [Reduce] combines two elements.
type Op int

// The operations of Reduce. Min and Max of a NaN are NaN.
const (
	Sum Op = iota
	Prod
	Min
	Max
)

func (op Op) String() string {
	if op < Sum || op > Max {
		return fmt.Sprintf("Op(%d)", int(op))
	}
	return [...]string{"sum", "prod", "min", "max"}[op]
}

// Reduce combines parts of one dtype and shape element by element, in the order of the parts, and returns the
// result in new memory, in the type of the first part. Parts are numbers, or arrays as [Flatten] takes them.
// Integers wrap around, as Go's do. Parts that differ, that are not numeric, or complex ones with Min or Max,
// are an error.
func Reduce(op Op, parts []any) (any, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("numeric: %v: no parts", op)
	}
	var dst *Array
	for p, part := range parts {
		a := flatten(part)
		if a == nil {
			a = scalar(part)
		}
		switch {
		case a == nil || !op.takes(a.elem):
			return nil, fmt.Errorf("numeric: %v: part %d, a %T, has no such operation", op, p, part)
		case dst == nil:
			dst = &Array{a.dtype, a.elem, a.size, slices.Clone(a.shape), alloc(len(a.data))}
			copy(dst.data, a.data)
		case a.dtype != dst.dtype || !slices.Equal(a.shape, dst.shape):
			return nil, fmt.Errorf("numeric: %v: part %d has dtype %s and shape %v, the first has %s and %v",
				op, p, a.dtype, a.shape, dst.dtype, dst.shape)
		default:
			op.fold(dst.Slice(), a.Slice())
		}
	}
	return dst.like(parts[0]), nil
}

// takes reports whether op is defined for elements of type e.
func (op Op) takes(e *element) bool {
	if e == nil || op < Sum || op > Max {
		return false
	}
	switch e.typ.Kind() {
	case reflect.Bool:
		return false
	case reflect.Complex64, reflect.Complex128:
		return op == Sum || op == Prod
	}
	return true
}

// fold combines src into dst, slices of one type and length.
func (op Op) fold(dst, src any) {
	switch dst := dst.(type) {
	case []float64:
		fold(op, dst, src.([]float64))
	case []float32:
		fold(op, dst, src.([]float32))
	case []int64:
		fold(op, dst, src.([]int64))
	case []int32:
		fold(op, dst, src.([]int32))
	case []int16:
		fold(op, dst, src.([]int16))
	case []int8:
		fold(op, dst, src.([]int8))
	case []uint64:
		fold(op, dst, src.([]uint64))
	case []uint32:
		fold(op, dst, src.([]uint32))
	case []uint16:
		fold(op, dst, src.([]uint16))
	case []uint8:
		fold(op, dst, src.([]uint8))
	case []complex128:
		foldComplex(op, dst, src.([]complex128))
	case []complex64:
		foldComplex(op, dst, src.([]complex64))
	}
}

type ordered interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

func fold[T ordered](op Op, dst, src []T) {
	for i, x := range src {
		switch op {
		case Sum:
			dst[i] += x
		case Prod:
			dst[i] *= x
		case Min:
			dst[i] = min(dst[i], x)
		case Max:
			dst[i] = max(dst[i], x)
		}
	}
}

func foldComplex[T complex64 | complex128](op Op, dst, src []T) {
	for i, x := range src {
		if op == Sum {
			dst[i] += x
		} else {
			dst[i] *= x
		}
	}
}

// scalar is a number as an Array with no axes, or nil.
func scalar(v any) *Array {
	r := reflect.ValueOf(v)
	if elementOfKind(r.Kind()) == nil {
		return nil
	}
	s := reflect.MakeSlice(reflect.SliceOf(r.Type()), 0, 1)
	return New(reflect.Append(s, r).Interface(), []int{}...)
}
