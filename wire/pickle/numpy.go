package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
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

// described is the dtype string of what a CannedArray or a call of numpy.dtype describes it with.
func (b *builder) described(node any) (string, error) {
	v, err := b.value(node)
	if err != nil {
		return "", err
	}
	switch d := v.(type) {
	case string:
		return d, nil
	case []any:
		return b.spell(d)
	}
	return "", errors.New("an array without a dtype")
}

// spell is the text of a list of fields.
func (b *builder) spell(d []any) (string, error) {
	text, ok := descrText(nil, d)
	if !ok {
		return "", errors.New("an array with a structured dtype that is too large, or none")
	}
	return string(text), b.spend(len(text))
}

// dtype is the dtype string of an instance of numpy.dtype: made of a kind and size, or of a description, with the state
// (version, byte order, subarray, names, fields, item size, alignment, flags, metadata).
func (b *builder) dtype(node any, depth int) (string, error) {
	n, ok := node.(*instance)
	if !ok || n.class != classDType {
		return "", errors.New("an array without a dtype")
	}
	if depth > maxAxes {
		return "", errors.New("an array with a dtype of too many levels")
	}
	text, err := once(&n.state, &n.value, func() (any, error) { return b.dtypeOf(n, depth) })
	if err != nil {
		return "", err
	}
	return text.(string), nil
}

// dtypeOf works out what dtype then remembers.
func (b *builder) dtypeOf(n *instance, depth int) (string, error) {
	state, ok := n.attrs.(*sequence)
	if !ok {
		return b.described(n.arg(0))
	}
	code, ok := n.arg(0).(string)
	if !ok || len(code) < 2 || state.kind != opTuple || len(state.items) < 8 {
		return "", errors.New("an array with a broken dtype")
	}
	order, _ := state.items[1].(string)
	switch code[0] {
	case 'O':
		return "", errors.New("an array of Python objects has no Go value; send a list")
	case 'M', 'm':
		unit, err := timeUnit(state.items)
		return order + code + unit, err
	}
	if fields, ok := state.items[4].(*sequence); ok {
		d, err := b.fields(state.items[3], fields, state.items[5], depth)
		if err != nil {
			return "", err
		}
		return b.spell(d)
	}
	return order + code, nil
}

// timeUnit is the unit of a datetime64 or timedelta64, "[ns]" or "[25us]", from the metadata of a dtype.
func timeUnit(state []any) (string, error) {
	meta, ok := state[len(state)-1].(*sequence)
	if ok && len(meta.items) == 2 {
		if u, ok := meta.items[1].(*sequence); ok && len(u.items) >= 2 {
			unit, ok1 := u.items[0].([]byte)
			count, ok2 := u.items[1].(int)
			switch {
			case !ok1 || !ok2:
			case string(unit) == "generic":
				return "", nil
			case count == 1:
				return "[" + string(unit) + "]", nil
			default:
				return "[" + strconv.Itoa(count) + string(unit) + "]", nil
			}
		}
	}
	return "", errors.New("an array of times without a unit")
}

// fields is the list of fields of a structured dtype, with the gaps between them as nameless ones, as NumPy's
// dtype.descr has it.
func (b *builder) fields(names any, fields *sequence, size any, depth int) ([]any, error) {
	order, ok := names.(*sequence)
	total, ok2 := size.(int)
	if !ok || !ok2 || fields.kind != opEmptyDict {
		return nil, errors.New("a structured dtype without names or size")
	}
	byName := make(map[string]*sequence, len(fields.items)/2)
	if err := b.spend(8 * len(fields.items)); err != nil {
		return nil, err
	}
	for i := 0; i < len(fields.items); i += 2 {
		if name, ok := fields.items[i].(string); ok {
			byName[name], _ = fields.items[i+1].(*sequence)
		}
	}
	gap := func(n int) Tuple { return Tuple{"", "|V" + strconv.Itoa(n)} }
	list, end := []any{}, 0
	for _, name := range order.items {
		s, _ := name.(string)
		field := byName[s]
		if field == nil || len(field.items) < 2 {
			return nil, fmt.Errorf("a structured dtype without its field %.100q", s)
		}
		offset, ok := field.items[1].(int)
		if !ok || offset < end {
			return nil, fmt.Errorf("a structured dtype whose field %.100q overlaps another has no Go value", s)
		}
		if offset > end {
			list = append(list, gap(offset-end))
		}
		f, err := b.field(name, field.items, depth)
		if err != nil {
			return nil, err
		}
		n, err := descrSize([]any{f})
		if err != nil {
			return nil, err
		}
		list, end = append(list, f), offset+n
	}
	if total > end {
		list = append(list, gap(total-end))
	}
	return list, nil
}

// field is one field: its name, or title and name; its dtype; and its shape if it is an array itself.
func (b *builder) field(name any, def []any, depth int) (Tuple, error) {
	if len(def) == 3 {
		name = Tuple{def[2], name}
	}
	var shape Tuple
	dt := def[0]
	if n, ok := dt.(*instance); ok && n.class == classDType {
		if state, ok := n.attrs.(*sequence); ok && len(state.items) > 2 {
			if sub, ok := state.items[2].(*sequence); ok && len(sub.items) == 2 {
				dims, err := ints(sub.items[1])
				if err != nil {
					return nil, err
				}
				for _, d := range dims {
					shape = append(shape, d)
				}
				dt = sub.items[0]
			}
		}
	}
	s, err := b.dtype(dt, depth+1)
	if err != nil {
		return nil, err
	}
	if err := b.spend(len(s)); err != nil {
		return nil, err
	}
	d, err := parseDescr(s)
	if err != nil {
		return nil, err
	}
	if shape != nil {
		return Tuple{name, d, shape}, nil
	}
	return Tuple{name, d}, nil
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
