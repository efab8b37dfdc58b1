package numeric

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// A dtype string is NumPy's: a byte order ('<' little, '>' big, '|' none, '=' native), a kind and a size in
// bytes, as in "<f8". Sizes of 'U' count characters of four bytes. A structured dtype is the text of its
// list of fields, "[('x', '<f8'), ('n', '<i4')]"; its items are opaque bytes here.

// element is a kind of array element that Go has a type for.
type element struct {
	code string // kind and size: "f8"
	typ  reflect.Type
	word int              // bytes of the unit whose order may differ: half an item for complex numbers
	view func([]byte) any // the typed slice over the same memory
}

var elements = []element{
	newElement[float64]("f8"), newElement[float32]("f4"),
	newElement[complex128]("c16"), newElement[complex64]("c8"),
	newElement[int64]("i8"), newElement[int32]("i4"), newElement[int16]("i2"), newElement[int8]("i1"),
	newElement[uint64]("u8"), newElement[uint32]("u4"), newElement[uint16]("u2"), newElement[uint8]("u1"),
	newElement[bool]("b1"),
}

func newElement[T any](code string) element {
	typ := reflect.TypeFor[T]()
	return element{code, typ, typ.Align(), func(b []byte) any { return view[T](b) }}
}

// nativeOrder is the byte order of this machine as dtype strings write it.
var nativeOrder = func() byte {
	one := uint16(1)
	if *(*byte)(unsafe.Pointer(&one)) == 1 {
		return '<'
	}
	return '>'
}()

// dtype is the dtype string of e in native byte order.
func (e *element) dtype() string {
	if e.word == 1 {
		return "|" + e.code
	}
	return string(nativeOrder) + e.code
}

// elementOf finds the element of a dtype string, or nil when the items are opaque, and whether their bytes must
// be swapped to be native.
func elementOf(dtype string) (e *element, swap bool) {
	if len(dtype) < 3 {
		return nil, false
	}
	i := slices.IndexFunc(elements, func(e element) bool { return e.code == dtype[1:] })
	if i < 0 {
		return nil, false
	}
	e = &elements[i]
	switch dtype[0] {
	case '<', '>':
		return e, e.word > 1 && dtype[0] != nativeOrder
	case '|', '=':
		return e, false
	}
	return nil, false
}

// elementOfKind finds the element with the memory layout of a Go kind, or nil.
func elementOfKind(k reflect.Kind) *element {
	switch k {
	case reflect.Int:
		k = reflect.Int64
		if unsafe.Sizeof(int(0)) == 4 {
			k = reflect.Int32
		}
	case reflect.Uint:
		k = reflect.Uint64
		if unsafe.Sizeof(uint(0)) == 4 {
			k = reflect.Uint32
		}
	}
	for i := range elements {
		if elements[i].typ.Kind() == k {
			return &elements[i]
		}
	}
	return nil
}

// itemSize returns the bytes of one item, and -1 for a structured dtype, of which this package does not know. It is
// not ok for any other text.
func itemSize(dtype string) (n int, ok bool) {
	if strings.HasPrefix(dtype, "[") {
		return -1, true
	}
	if len(dtype) < 3 || !strings.Contains("<>|=", dtype[:1]) || dtype[1] < 'A' {
		return 0, false
	}
	digits, _, _ := strings.Cut(dtype[2:], "[") // "<M8[ns]"
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > 1<<29 {
		return 0, false
	}
	if dtype[1] == 'U' {
		n *= 4
	}
	return n, true
}

// view is the memory of b as a slice of T; b must be aligned for T.
func view[T any](b []byte) []T {
	var t T
	if len(b) == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(t)))
}

// memory is the memory of s as bytes.
func memory[T any](s []T) []byte {
	var t T
	if len(s) == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(t)))
}

// alloc returns n zero bytes aligned for every element.
func alloc(n int) []byte {
	return memory(make([]uint64, (n+7)/8))[:n:n]
}

// native returns data as the machine holds elements of type e: swapped, aligned and, for bool, of zeros and
// ones only. It copies only when it must.
func (e *element) native(data []byte, swap bool) []byte {
	aligned := len(data) == 0 || uintptr(unsafe.Pointer(unsafe.SliceData(data)))%uintptr(e.typ.Align()) == 0
	odd := e.typ.Kind() == reflect.Bool && slices.ContainsFunc(data, func(b byte) bool { return b > 1 })
	if aligned && !swap && !odd {
		return data
	}
	own := alloc(len(data))
	copy(own, data)
	if swap {
		for w := range slices.Chunk(own, e.word) {
			slices.Reverse(w)
		}
	}
	if odd {
		for i, b := range own {
			own[i] = min(b, 1)
		}
	}
	return own
}
