package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// cannedArray is ipyparallel's own form of an array; one it marks as pickled is in its buffer as NumPy's.
func (b *builder) cannedArray(n *instance) (any, error) {
	data, err := n.buffer()
	if err != nil {
		return nil, err
	}
	if n.attr("pickled") == true {
		if b.inner {
			return nil, errors.New("a pickled array within a pickled array")
		}
		if err := b.spend(len(data)); err != nil {
			return nil, err
		}
		node, err := load(data)
		if err != nil {
			return nil, fmt.Errorf("pickled array: %w", err)
		}
		b.inner = true
		defer func() { b.inner = false }()
		return b.value(node)
	}
	shape, err := ints(n.attr("shape"))
	if err != nil {
		return nil, err
	}
	dtype, err := b.described(n.attr("dtype"))
	if err != nil {
		return nil, err
	}
	return b.array(Array{dtype, shape, data}, false)
}

// reconstruct is NumPy's pickle of an array: _reconstruct(ndarray, (0,), b'b') with the state
// (version, shape, dtype, is in Fortran order, data).
func (b *builder) reconstruct(n *instance) (any, error) {
	if c, ok := n.arg(0).(*class); !ok || c != classNDArray {
		if ok {
			return nil, refuse(c)
		}
		return nil, errors.New("an array without a class")
	}
	s, ok := n.attrs.(*sequence)
	if !ok || s.kind != opTuple || len(s.items) != 5 {
		return nil, errors.New("an array without its state")
	}
	data, ok := s.items[4].([]byte)
	if !ok {
		return nil, errors.New("an array of Python objects has no Go value; send a list")
	}
	return b.numpyArray(s.items[1], s.items[2], data, s.items[3] == true)
}

// fromBuffer is NumPy's pickle of an array in protocol 5: _frombuffer(data, dtype, shape, 'C' or 'F').
func (b *builder) fromBuffer(n *instance) (any, error) {
	data, ok := n.arg(0).([]byte)
	if !ok {
		return nil, errors.New("an array without its data")
	}
	return b.numpyArray(n.arg(2), n.arg(1), data, n.arg(3) == "F")
}

func (b *builder) numpyArray(shape, dtype any, data []byte, fortran bool) (any, error) {
	dims, err := ints(shape)
	if err != nil {
		return nil, err
	}
	dt, err := b.dtype(dtype, 0)
	if err != nil {
		return nil, err
	}
	return b.array(Array{dt, dims, data}, fortran)
}

// array hands a to the Build hook when it is what it claims to be, in C order.
func (b *builder) array(a Array, fortran bool) (any, error) {
	if err := b.spend(len(a.Data) + len(a.DType)); err != nil {
		return nil, err
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	if fortran && len(a.Data) > 0 {
		size, err := itemSize(a.DType)
		if err != nil {
			return nil, err
		}
		a.Data = rowMajor(a.Data, a.Shape, size)
	}
	if b.codec.Build == nil {
		return a, nil
	}
	return b.codec.Build(a)
}

// rowMajor reorders items of size bytes from Fortran order (first index fastest) to C order.
func rowMajor(data []byte, shape []int, size int) []byte {
	own := make([]byte, 0, len(data))
	strides, stride := make([]int, len(shape)), size
	for k, d := range shape {
		strides[k] = stride
		stride *= d
	}
	index, from := make([]int, len(shape)), 0
	for len(own) < len(data) {
		own = append(own, data[from:from+size]...)
		for k := len(shape) - 1; k >= 0; k-- {
			index[k]++
			from += strides[k]
			if index[k] < shape[k] {
				break
			}
			from -= index[k] * strides[k]
			index[k] = 0
		}
	}
	return own
}

// ints are the ints of a tuple.
func ints(node any) ([]int, error) {
	s, ok := node.(*sequence)
	if !ok || s.kind != opTuple {
		return nil, errors.New("an array without a shape")
	}
	shape := make([]int, len(s.items))
	for i, d := range s.items {
		if shape[i], ok = d.(int); !ok {
			return nil, errors.New("an array whose shape is not of ints")
		}
	}
	return shape, nil
}

// scalar is a NumPy scalar, scalar(dtype, data), as the Go number, string or bytes of that type, and any other as
// an array without axes.
func (b *builder) scalar(n *instance) (any, error) {
	dtype, err := b.dtype(n.arg(0), 0)
	if err != nil {
		return nil, err
	}
	data, ok := n.arg(1).([]byte)
	if !ok {
		return nil, errors.New("a NumPy scalar without its data")
	}
	a := Array{DType: dtype, Shape: []int{}, Data: data}
	if err := a.check(); err != nil {
		return nil, err
	}
	if v, ok := number(dtype, data); ok {
		return v, nil
	}
	switch dtype[1] {
	case 'S':
		return data, nil
	case 'U':
		var s []byte
		for c := data; len(c) >= 4; c = c[4:] {
			s = utf8.AppendRune(s, rune(order(dtype).Uint32(c)))
		}
		return strings.TrimRight(string(s), "\x00"), nil
	}
	return b.array(a, false)
}

// order is the byte order of a dtype string.
func order(dtype string) binary.ByteOrder {
	if dtype[0] == '>' {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// number is the one number in data; its size has been checked.
func number(dtype string, data []byte) (v any, ok bool) {
	o := order(dtype)
	f32 := func(b []byte) float32 { return math.Float32frombits(o.Uint32(b)) }
	f64 := func(b []byte) float64 { return math.Float64frombits(o.Uint64(b)) }
	switch dtype[1:] {
	case "b1":
		return data[0] != 0, true
	case "i1":
		return int8(data[0]), true
	case "i2":
		return int16(o.Uint16(data)), true
	case "i4":
		return int32(o.Uint32(data)), true
	case "i8":
		return int64(o.Uint64(data)), true
	case "u1":
		return data[0], true
	case "u2":
		return o.Uint16(data), true
	case "u4":
		return o.Uint32(data), true
	case "u8":
		return o.Uint64(data), true
	case "f4":
		return f32(data), true
	case "f8":
		return f64(data), true
	case "c8":
		return complex(f32(data), f32(data[4:])), true
	case "c16":
		return complex(f64(data), f64(data[8:])), true
	}
	return nil, false
}
