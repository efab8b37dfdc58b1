package numeric

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"slices"
	"unicode/utf8"
)

// Array is an array of any shape and any fixed-size NumPy dtype, held in C order (last index fastest) and in
// native byte order. It is for what gonum has no type for. Its methods share the Array's memory unless they say
// otherwise. An Array may be read by many goroutines, written by one.
type Array struct {
	dtype string
	elem  *element // nil: items are opaque
	size  int      // bytes per item
	shape []int
	data  []byte
}

// New returns the Array of the given shape over data, a slice of bool or of fixed-size numbers (or int, uint),
// which is not copied. With no shape it has one axis. New panics when data is of another type or its length is
// not the product of shape.
func New(data any, shape ...int) *Array {
	v := reflect.ValueOf(data)
	if v.Kind() != reflect.Slice {
		panic(ErrData)
	}
	e := elementOfKind(v.Type().Elem().Kind())
	if e == nil {
		panic(ErrData)
	}
	if shape == nil {
		shape = []int{v.Len()}
	}
	if n, ok := product(shape); !ok || n != v.Len() {
		panic(ErrShape)
	}
	return &Array{e.dtype(), e, int(e.typ.Size()), slices.Clone(shape), sliceMemory(v)}
}

// Zeros returns a new Array of zeros. dtype is a NumPy dtype string with a size, such as "<f4" or "<U8". Zeros
// panics when it is not, or when an axis is negative.
func Zeros(dtype string, shape ...int) *Array {
	size, ok := itemSize(dtype)
	if !ok || size < 0 {
		panic(ErrDType)
	}
	n, ok := product(shape)
	if hi, lo := bits.Mul(uint(n), uint(size)); !ok || hi != 0 || lo > maxInt {
		panic(ErrShape)
	}
	a, err := newArray(dtype, shape, alloc(n*size))
	if err != nil {
		panic(ErrDType)
	}
	return a
}

const maxInt = uint(^uint(0) >> 1)

// newArray is an Array over bytes from outside, which it copies only to make them native.
func newArray(dtype string, shape []int, data []byte) (*Array, error) {
	n, ok := product(shape)
	if !ok {
		return nil, fmt.Errorf("numeric: array of dtype %s: impossible shape %v", dtype, shape)
	}
	e, swap := elementOf(dtype)
	size, ok := itemSize(dtype)
	switch {
	case !ok:
		return nil, fmt.Errorf("numeric: array of shape %v: no NumPy dtype of fixed size: %.40q", shape, dtype)
	case size < 0 && n > 0:
		size = len(data) / n
	case size < 0:
		size = 0
	}
	if hi, want := bits.Mul(uint(n), uint(size)); hi != 0 || want != uint(len(data)) {
		return nil, fmt.Errorf("numeric: array of dtype %s and shape %v does not fit its %d bytes of data", dtype, shape, len(data))
	}
	if len(data) == 0 && hollow(shape) > maxHollow {
		return nil, fmt.Errorf("numeric: array of dtype %s and shape %v has more than %d items or rows without a byte in them", dtype, shape, maxHollow)
	}
	if e != nil {
		dtype, data = e.dtype(), e.native(data, swap)
	}
	return &Array{dtype, e, size, slices.Clone(shape), data}, nil
}

// maxHollow is how many items or rows an array from outside may have that take no memory, but time to walk.
const maxHollow = 1 << 20

// hollow is the number of items before the first axis of length 0: what a walk over an array without bytes takes.
func hollow(shape []int) int {
	if zero := slices.Index(shape, 0); zero >= 0 {
		shape = shape[:zero]
	}
	n, ok := product(shape)
	if !ok {
		return math.MaxInt
	}
	return n
}

// product is the number of items of a shape; not ok if an axis is negative or the product overflows.
func product(shape []int) (n int, ok bool) {
	n = 1
	for _, d := range shape {
		if d < 0 {
			return 0, false
		}
		if d == 0 {
			n = 0
		}
	}
	for _, d := range shape {
		hi, lo := bits.Mul(uint(n), uint(d))
		if hi != 0 || lo > maxInt {
			return 0, false
		}
		n = int(lo)
	}
	return n, true
}

// DType returns the NumPy dtype string, such as "<f4", or the text of the list of fields of a structured one.
func (a *Array) DType() string { return a.dtype }

// Shape returns the length of each axis; an Array with no axes has one item.
func (a *Array) Shape() []int { return slices.Clone(a.shape) }

// Len returns the number of items, the product of the shape.
func (a *Array) Len() int {
	n, _ := product(a.shape)
	return n
}

// Bytes returns the items in C order and native byte order, in the Array's own memory.
func (a *Array) Bytes() []byte { return a.data }

// Slice returns the items in C order as a slice of the Go type of the dtype ([]float32, []int64, []bool, ..)
// over the same memory, and as []byte when Go has no such type.
func (a *Array) Slice() any {
	if a.elem == nil {
		return a.data
	}
	return a.elem.view(a.data)
}

// At returns the item at the given index of each axis: a Go number or bool, a string for dtype 'U', and the
// bytes of the item for every other dtype (for 'S', without the padding).
func (a *Array) At(index ...int) any {
	i := a.offset(index)
	if a.elem != nil {
		return reflect.ValueOf(a.Slice()).Index(i).Interface()
	}
	item := a.data[i*a.size : (i+1)*a.size]
	switch {
	case len(a.dtype) > 1 && a.dtype[1] == 'S':
		return bytes.TrimRight(item, "\x00")
	case len(a.dtype) > 1 && a.dtype[1] == 'U':
		return text(item, a.dtype[0] == '>')
	}
	return item
}

// Set changes the item at the given index of each axis to v, by the rules of [Convert]. It panics
// when v does not fit, and for dtypes that Go has no type for.
func (a *Array) Set(v any, index ...int) {
	i := a.offset(index)
	if a.elem == nil {
		panic(ErrDType)
	}
	if err := Convert(v, reflect.ValueOf(a.Slice()).Index(i).Addr().Interface()); err != nil {
		panic(Error{err.Error()})
	}
}

func (a *Array) offset(index []int) int {
	if len(index) != len(a.shape) {
		panic(ErrAxes)
	}
	off := 0
	for k, i := range index {
		if i < 0 || i >= a.shape[k] {
			panic(ErrIndex)
		}
		off = off*a.shape[k] + i
	}
	return off
}

// Rows returns the view of indices i to j (exclusive) of the first axis.
func (a *Array) Rows(i, j int) *Array {
	if len(a.shape) == 0 {
		panic(ErrAxes)
	}
	if i < 0 || j < i || j > a.shape[0] {
		panic(ErrIndex)
	}
	row := a.rowSize()
	shape := a.Shape()
	shape[0] = j - i
	return &Array{a.dtype, a.elem, a.size, shape, a.data[i*row : j*row : j*row]}
}

// rowSize is the bytes of one index of the first axis.
func (a *Array) rowSize() int {
	n, _ := product(a.shape[1:])
	return n * a.size
}

// Reshape returns a view of the same items with another shape of as many items.
func (a *Array) Reshape(shape ...int) *Array {
	if n, ok := product(shape); !ok || n != a.Len() {
		panic(ErrShape)
	}
	return &Array{a.dtype, a.elem, a.size, slices.Clone(shape), a.data}
}

// Equal reports whether a and b have the same dtype, shape and bytes; so NaN equals itself and -0 is not 0.
func (a *Array) Equal(b *Array) bool {
	return a.dtype == b.dtype && slices.Equal(a.shape, b.shape) && bytes.Equal(a.data, b.data)
}

// text decodes an item of dtype 'U': UTF-32, padded with zeros.
func text(item []byte, big bool) string {
	var s []byte
	for c := range slices.Chunk(item, 4) {
		r := rune(c[0]) | rune(c[1])<<8 | rune(c[2])<<16 | rune(c[3])<<24
		if big {
			r = rune(c[3]) | rune(c[2])<<8 | rune(c[1])<<16 | rune(c[0])<<24
		}
		s = utf8.AppendRune(s, r)
	}
	return string(bytes.TrimRight(s, "\x00"))
}
