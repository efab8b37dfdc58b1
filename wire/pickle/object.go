package pickle

import (
	"errors"
	"fmt"
)

// Serialize makes one serialized object of v: a pickle, then the buffers of more than 1 KiB that were taken out of
// it, which are v's own memory and must not change until the frames are sent. The package comment says what
// becomes of each Go type. A value with no Python form is an error that wraps a [PathError].
func (c Codec) Serialize(v any) ([][]byte, error) {
	frames, err := c.appendObject(nil, v)
	if err != nil {
		return nil, sending("value", err)
	}
	return frames, nil
}

// sending reports an error at a place inside the value that root names.
func sending(root string, err error) error { return fmt.Errorf("pickle: send %w", at(root, err)) }

func receiving(root string, err error) error { return fmt.Errorf("pickle: receive %w", at(root, err)) }

// appendObject appends the serialized object of v to frames.
func (c *Codec) appendObject(frames [][]byte, v any) ([][]byte, error) {
	if o, ok := v.(Object); ok {
		if len(o) == 0 {
			return nil, errors.New("a serialized object without a frame")
		}
		return append(frames, o...), nil
	}
	e := newEncoder(c)
	if err := e.value(v, object, 0); err != nil {
		return nil, err
	}
	e.op(opStop)
	return append(append(frames, e.buf), e.frames...), nil
}

// Deserialize makes the value of the serialized object that frames begin with, and returns the frames after it.
// Byte strings and arrays share memory with the frames. Nothing that the pickle names is ever run: a class that
// stands for no Go value is an error that names it and its place.
func (c Codec) Deserialize(frames [][]byte) (v any, rest [][]byte, err error) {
	v, rest, err = c.object(frames)
	if err != nil {
		return nil, nil, receiving("value", err)
	}
	return v, rest, nil
}

func (c *Codec) object(frames [][]byte) (v any, rest [][]byte, err error) {
	node, rest, err := loadObject(frames)
	if err != nil {
		return nil, nil, err
	}
	v, err = newBuilder(c, sizeOf(frames[:len(frames)-len(rest)])).value(node)
	return v, rest, err
}

// loadObject loads a pickle and gives the canned objects in it the frames that are theirs: in the order in which
// ipyparallel asks for them, which for a dict is that of its sorted keys.
func loadObject(frames [][]byte) (node any, rest [][]byte, err error) {
	if len(frames) == 0 {
		return nil, nil, errors.New("a frame is missing")
	}
	node, err = load(frames[0])
	if err != nil {
		return nil, nil, err
	}
	rest = frames[1:]
	s, ok := node.(*sequence)
	if !ok {
		rest, err = restore(node, rest)
		return node, rest, err
	}
	items := s.items
	if s.kind == opEmptyDict {
		if items, err = waitingValues(s.items); err != nil {
			return nil, nil, err
		}
	}
	if len(items) < maxItems {
		for _, n := range items {
			if rest, err = restore(n, rest); err != nil {
				return nil, nil, err
			}
		}
	}
	return node, rest, nil
}

// waitingValues are the canned objects among the values of a dict that wait for a frame, sorted by key.
func waitingValues(items []any) ([]any, error) {
	var waiting []pair
	for i := 0; i < len(items); i += 2 {
		n, ok := items[i+1].(*instance)
		if !ok || !waits(n) {
			continue
		}
		k, err := newBuilder(&Codec{}, 0).key(items[i])
		if err != nil {
			return nil, err
		}
		waiting = append(waiting, pair{key: k, value: n})
	}
	if !sortByKey(waiting, func(p pair) any { return p.key }) {
		return nil, errors.New("the frames cannot be matched with the dict: its keys cannot be sorted")
	}
	values := make([]any, len(waiting))
	for i, p := range waiting {
		values[i] = p.value
	}
	return values, nil
}

// sizeOf is the number of bytes in frames.
func sizeOf(frames [][]byte) int {
	n := 0
	for _, f := range frames {
		n += len(f)
	}
	return n
}

// waits reports whether a canned object has a buffer that travels as a frame.
func waits(n *instance) bool {
	if n.class.module != canning {
		return false
	}
	for _, b := range n.buffers() {
		if b == nil {
			return true
		}
	}
	return false
}

// restore gives a canned object its frames, and returns the others.
func restore(node any, frames [][]byte) (rest [][]byte, err error) {
	n, ok := node.(*instance)
	if !ok || !waits(n) {
		return frames, nil
	}
	bufs := n.buffers()
	for i, b := range bufs {
		if b != nil {
			continue
		}
		if len(frames) == 0 {
			return nil, fmt.Errorf("the frame with the data of a %s is missing", n.class.name)
		}
		bufs[i], frames = frames[0], frames[1:]
	}
	return frames, nil
}
