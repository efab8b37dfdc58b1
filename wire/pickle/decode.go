package pickle

import (
	"errors"
	"fmt"
	"reflect"
)

// builder makes the Go value of the nodes that a machine left.
type builder struct {
	codec *Codec
	depth int
	room  int  // bytes that may yet be made of what the pickle says
	inner bool // within the pickle that an array carries as its data
}

const (
	maxKey    = 16      // items of a tuple that is the key of a dict, and of the tuples in it
	spareRoom = 8 << 20 // bytes that any object may expand into beyond its own size, as a range does
)

// newBuilder is a builder for an object of size bytes. An honest object has data of its own for each of its
// arrays and a forged one may name the same data, or a list of fields, over and over; so both are paid for.
func newBuilder(c *Codec, size int) *builder {
	return &builder{codec: c, room: 2*size + spareRoom}
}

// spend takes n bytes of the room.
func (b *builder) spend(n int) error {
	if n > b.room {
		return errors.New("it expands into far more than its own size")
	}
	b.room -= n
	return nil
}

// value is the Go value of a node. A node met twice is one value both times, as in Python.
func (b *builder) value(node any) (any, error) {
	if b.depth++; b.depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d levels deep", maxDepth)
	}
	defer func() { b.depth-- }()
	switch n := node.(type) {
	case *sequence:
		return once(&n.state, &n.value, func() (any, error) { return b.sequence(n) })
	case *instance:
		return once(&n.state, &n.value, func() (any, error) { return b.instance(n) })
	case *class:
		return nil, refuse(n)
	}
	return node, nil
}

func once(s *state, value *any, make func() (any, error)) (any, error) {
	switch *s {
	case done:
		return *value, nil
	case busy:
		return nil, errors.New("the value contains itself")
	}
	*s = busy
	v, err := make()
	if err != nil {
		return nil, err
	}
	*s, *value = done, v
	return v, nil
}

func refuse(c *class) error {
	return fmt.Errorf("no Go value stands for Python's %.200v; send plain data, NumPy arrays or a Reference", c)
}

func (b *builder) sequence(n *sequence) (any, error) {
	if n.kind == opEmptyDict {
		return b.dict(n)
	}
	items := make([]any, len(n.items))
	for i, x := range n.items {
		v, err := b.value(x)
		if err != nil {
			return nil, atIndex(i, err)
		}
		items[i] = v
	}
	switch n.kind {
	case opTuple:
		return Tuple(items), nil
	case opEmptySet:
		return Set(items), nil
	}
	return items, nil
}

// dict is a map[string]any when all keys are strings, else a map[any]any.
func (b *builder) dict(n *sequence) (any, error) {
	strings := true
	for i := 0; i < len(n.items); i += 2 {
		strings = strings && isString(n.items[i])
	}
	var text map[string]any
	var mixed map[any]any
	if strings {
		text = make(map[string]any, len(n.items)/2)
	} else {
		mixed = make(map[any]any, len(n.items)/2)
	}
	for i := 0; i < len(n.items); i += 2 {
		k, err := b.key(n.items[i])
		if err != nil {
			return nil, err
		}
		v, err := b.value(n.items[i+1])
		if err != nil {
			return nil, atKey(k, err)
		}
		if strings {
			text[k.(string)] = v
		} else {
			mixed[k] = v
		}
	}
	if strings {
		return text, nil
	}
	return mixed, nil
}

// key is the Go value of a key of a dict, which is comparable.
func (b *builder) key(node any) (any, error) {
	v, err := b.value(node)
	if err == nil {
		room := maxKey
		v, err = hashed(v, &room)
	}
	if err != nil {
		return nil, fmt.Errorf("a key of the dict: %w", err)
	}
	return v, nil
}

// hashed makes a Go array of a tuple, [2]any of a pair, with room for so many items in all.
func hashed(v any, room *int) (any, error) {
	if t, ok := v.(Tuple); ok {
		if *room -= len(t) + 1; *room < 0 {
			return nil, fmt.Errorf("a tuple of more than %d items", maxKey)
		}
		array := reflect.New(reflect.ArrayOf(len(t), reflect.TypeFor[any]())).Elem()
		for i, x := range t {
			k, err := hashed(x, room)
			if err != nil {
				return nil, err
			}
			if k != nil {
				array.Index(i).Set(reflect.ValueOf(k))
			}
		}
		return array.Interface(), nil
	}
	if v != nil && !reflect.TypeOf(v).Comparable() {
		return nil, fmt.Errorf("a %T cannot be the key of a Go map", v)
	}
	return v, nil
}

// instance is the Go value of an instance or a call of one of the classes we know.
func (b *builder) instance(n *instance) (any, error) {
	switch n.class {
	case classReference:
		name, ok := n.attr("name").(string)
		if !ok {
			return nil, errors.New("the Reference has no name")
		}
		return Reference{name}, nil
	case classFunction:
		name, _ := n.attr("__name__").(string)
		module, _ := n.attr("module").(string)
		return Function{name, module}, nil
	case classBytes, classMemoryView:
		return n.buffer()
	case classArray:
		return b.cannedArray(n)
	case classReconstruct:
		return b.reconstruct(n)
	case classFromBuffer:
		return b.fromBuffer(n)
	case classScalar:
		return b.scalar(n)
	case classComplex:
		re, ok1 := n.arg(0).(float64)
		im, ok2 := n.arg(1).(float64)
		if !ok1 || !ok2 {
			return nil, errors.New("a complex number without two floats")
		}
		return complex(re, im), nil
	case classByteArray:
		if len(n.args) == 0 {
			return []byte{}, nil
		}
		data, ok := n.arg(0).([]byte)
		if !ok {
			return nil, errors.New("a bytearray that is not made of bytes")
		}
		return data, nil
	case classSet, classFrozenSet:
		s, ok := n.arg(0).(*sequence)
		if !ok || s.kind != opEmptyList {
			return nil, errors.New("a set that is not made of a list")
		}
		v, err := b.value(s)
		if err != nil {
			return nil, err
		}
		return Set(v.([]any)), nil
	case classRange:
		return b.rangeInts(n)
	case classDType:
		return b.dtypeOf(n, 0)
	}
	return nil, refuse(n.class)
}

// arg is argument i of a call, or nil.
func (n *instance) arg(i int) any {
	if i < len(n.args) {
		return n.args[i]
	}
	return nil
}

// attr is an attribute of an instance, or nil.
func (n *instance) attr(name string) any {
	if s, ok := n.attrs.(*sequence); ok && s.kind == opEmptyDict {
		for i := 0; i < len(s.items); i += 2 {
			if s.items[i] == name {
				return s.items[i+1]
			}
		}
	}
	return nil
}

// buffers is the list of buffers of a canned object, or nil.
func (n *instance) buffers() []any {
	if s, ok := n.attr("buffers").(*sequence); ok && s.kind == opEmptyList {
		return s.items
	}
	return nil
}

// buffer is the one buffer of a canned object.
func (n *instance) buffer() ([]byte, error) {
	bufs := n.buffers()
	if len(bufs) != 1 {
		return nil, fmt.Errorf("%v has %d buffers, not 1", n.class, len(bufs))
	}
	data, ok := bufs[0].([]byte)
	if !ok {
		return nil, fmt.Errorf("%v has no data: it stands too deep in its object to have a frame", n.class)
	}
	return data, nil
}

// rangeInts is a range as the []int that it stands for.
func (b *builder) rangeInts(n *instance) (any, error) {
	start, ok1 := n.arg(0).(int)
	stop, ok2 := n.arg(1).(int)
	step, ok3 := n.arg(2).(int)
	if !ok1 || !ok2 || !ok3 || step == 0 {
		return nil, errors.New("a range without start, stop and step")
	}
	items := []int{}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if err := b.spend(8); err != nil {
			return nil, fmt.Errorf("range(%d, %d, %d): %w; send a NumPy array", start, stop, step, err)
		}
		items = append(items, i)
		if next := i + step; (next > i) != (step > 0) {
			break // past the largest int
		}
	}
	return items, nil
}
