package mpi

import (
	"fmt"
	"reflect"
	"unsafe"

	"gonum.org/v1/gonum/mat"
)

// buffer is a user's buffer as the shim takes it: n elements of one kind, one
// after the other.
type buffer struct {
	ptr     unsafe.Pointer // the first element; nil if n is 0
	n       int
	kind    kind
	inPlace bool
	packed  unpacker // where the elements came from, if ptr is a packed copy
}

// unpacker puts the elements of a packed copy back where they belong.
type unpacker interface{ unpack() }

// unpack ends a call that wrote to b.
func (b *buffer) unpack() {
	if b.packed != nil {
		b.packed.unpack()
	}
}

func (b *buffer) bytes() []byte {
	return unsafe.Slice((*byte)(b.ptr), b.n*b.kind.size())
}

// overlaps says whether a and b share memory.
func (b *buffer) overlaps(a *buffer) bool {
	if a.n == 0 || b.n == 0 {
		return false
	}
	a0, b0 := uintptr(a.ptr), uintptr(b.ptr)
	return a0 < b0+uintptr(b.n*b.kind.size()) && b0 < a0+uintptr(a.n*a.kind.size())
}

// String is called by hand where messages are made: a pointer handed to fmt
// would move every buffer to the heap.
func (b *buffer) String() string { return fmt.Sprintf("%d %v", b.n, b.kind) }

// bufferOf tells what x is. The error says only what is wrong with x.
func bufferOf(x any) (buffer, error) {
	switch x := x.(type) {
	case nil:
		return buffer{}, fmt.Errorf("is nil")
	case []float64: // without reflection, as it is what most calls have
		return buffer{ptr: unsafe.Pointer(unsafe.SliceData(x)), n: len(x), kind: kindFloat64}, nil
	case inPlace:
		return buffer{inPlace: true}, nil
	case *mat.Dense:
		if x == nil {
			return buffer{}, fmt.Errorf("is a nil *mat.Dense")
		}
		m := x.RawMatrix()
		return strided(kindFloat64, m.Data, m.Rows, m.Cols, m.Stride), nil
	case *mat.CDense:
		if x == nil {
			return buffer{}, fmt.Errorf("is a nil *mat.CDense")
		}
		m := x.RawCMatrix()
		return strided(kindComplex128, m.Data, m.Rows, m.Cols, m.Stride), nil
	case *mat.VecDense:
		if x == nil {
			return buffer{}, fmt.Errorf("is a nil *mat.VecDense")
		}
		v := x.RawVector()
		return strided(kindFloat64, v.Data, v.N, 1, v.Inc), nil
	case interface{ Slice() any }:
		if v := reflect.ValueOf(x); v.Kind() == reflect.Pointer && v.IsNil() {
			return buffer{}, fmt.Errorf("is a nil %T", x)
		}
		return plain(x.Slice())
	}
	return plain(x)
}

// plain is bufferOf for slices and pointers.
func plain(x any) (buffer, error) {
	v := reflect.ValueOf(x)
	switch v.Kind() {
	case reflect.Slice:
		if k, ok := kindOf(v.Type().Elem()); ok {
			return buffer{ptr: v.UnsafePointer(), n: v.Len(), kind: k}, nil
		}
	case reflect.Pointer:
		if v.IsNil() {
			return buffer{}, fmt.Errorf("is a nil %T", x)
		}
		t, n := v.Type().Elem(), 1
		if t.Kind() == reflect.Array {
			t, n = t.Elem(), t.Len()
		}
		if k, ok := kindOf(t); ok {
			return buffer{ptr: v.UnsafePointer(), n: n, kind: k}, nil
		}
	}
	return buffer{}, fmt.Errorf("has type %s; pass a slice of or pointer to fixed-size numbers, or a *mat.Dense, *mat.CDense or *mat.VecDense", typeName(x))
}

// strided is the buffer of a matrix: its own memory if that has no gaps, and
// otherwise a packed copy. The copy holds the matrix's values, as a message
// that is received may be shorter than the matrix.
func strided[T any](k kind, data []T, rows, cols, stride int) buffer {
	n := rows * cols
	if stride == cols || rows <= 1 {
		return buffer{ptr: unsafe.Pointer(unsafe.SliceData(data)), n: n, kind: k}
	}
	p := &packing[T]{data: data, copy: make([]T, n), cols: cols, stride: stride}
	for row, at := 0, 0; row < n; row, at = row+cols, at+stride {
		copy(p.copy[row:row+cols], data[at:])
	}
	return buffer{ptr: unsafe.Pointer(unsafe.SliceData(p.copy)), n: n, kind: k, packed: p}
}

// packing is a matrix with gaps between its rows, and a copy without them.
type packing[T any] struct {
	data, copy   []T
	cols, stride int
}

func (p *packing[T]) unpack() {
	for row, at := 0, 0; row < len(p.copy); row, at = row+p.cols, at+p.stride {
		copy(p.data[at:], p.copy[row:row+p.cols])
	}
}
