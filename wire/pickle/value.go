package pickle

import (
	"fmt"
	"math/bits"
	"strconv"
)

// Array is an array as it travels (protocol section 16): a NumPy dtype string such as "<f8", or for a structured
// dtype the text of NumPy's list of fields, "[('x', '<f8'), ('n', '<i4', (2,))]"; the length of each axis; and
// the items, C-contiguous. No axes means one item. Padding between fields is a field without a name, as in NumPy's
// dtype.descr; when such an array goes back, NumPy makes it a field with a name ("f1"), as between two Pythons.
type Array struct {
	DType string
	Shape []int
	Data  []byte
}

// Reference is an expression, most often a name, that the engine evaluates in its namespace when the value is
// used there.
type Reference struct{ Name string }

// Function is a Python function as received: what it is called and where it was defined, "__main__" for one typed
// by the user. Its code is not kept, for nothing but Python can run it.
type Function struct{ Name, Module string }

// Tuple is a Python tuple.
type Tuple []any

// Set is a Python set or frozenset: its items, in no particular order.
type Set []any

// Codec turns values into frames and back. Its two hooks, both optional, are where arrays meet the Go types that
// stand for them; neither may keep a lock, and both are called from whatever goroutine serializes.
type Codec struct {
	// Flatten takes an array type apart; ok is false for any other value. The frames share Data's memory. Without
	// it only Array itself is sent as an array.
	Flatten func(v any) (a Array, ok bool)

	// Build makes a Go value of a received array; Data is the frame itself, or a part of one. Without it arrays
	// arrive as Array.
	Build func(Array) (any, error)
}

// maxAxes is NumPy's own limit (64 since NumPy 2, 32 before).
const maxAxes = 64

// check tells whether data, shape and dtype fit together, before anybody believes the shape.
func (a Array) check() error {
	size, err := itemSize(a.DType)
	if err != nil {
		return err
	}
	if len(a.Shape) > maxAxes {
		return fmt.Errorf("array of dtype %s has %d axes, more than %d", a.DType, len(a.Shape), maxAxes)
	}
	n, empty, huge := uint(size), false, false
	for _, d := range a.Shape {
		if d < 0 {
			return fmt.Errorf("array of dtype %s has the impossible shape %v", a.DType, a.Shape)
		}
		hi, lo := bits.Mul(n, uint(d))
		n, huge, empty = lo, huge || hi != 0, empty || d == 0
	}
	if empty {
		n, huge = 0, false
	}
	if huge || n != uint(len(a.Data)) {
		return fmt.Errorf("array of dtype %s and shape %v does not fit its %d bytes of data", a.DType, a.Shape, len(a.Data))
	}
	return nil
}

// Object is a serialized object, as [Codec.Serialize] makes it or a reply carries it: the function or an argument of a
// call that travels as it is.
type Object [][]byte

// PathError is why a value cannot travel, with the path to the part at fault: "value[3].Done", where a name is that of
// a field. It is what the errors of both directions wrap.
type PathError struct {
	Path string
	Err  error
}

// Error leaves out what would make a path longer than a line.
func (e *PathError) Error() string {
	path := e.Path
	if len(path) > 100 {
		path = path[:100] + ".."
	}
	return path + ": " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *PathError) Unwrap() error { return e.Err }

// at prepends a step to the path of err.
func at(step string, err error) error {
	if w, ok := err.(*PathError); ok {
		w.Path = step + w.Path
		return w
	}
	return &PathError{step, err}
}

func atIndex(i int, err error) error { return at("["+strconv.Itoa(i)+"]", err) }

func atKey(k any, err error) error {
	if s, ok := k.(string); ok {
		return at("["+strconv.Quote(s)+"]", err)
	}
	return at(fmt.Sprintf("[%v]", k), err)
}
