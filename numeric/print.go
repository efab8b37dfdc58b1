package numeric

import (
	"fmt"
	"strings"
)

const (
	printAll  = 1000 // arrays of more items are abridged, as NumPy's print threshold has it
	printEdge = 3    // items shown at each end of an abridged axis
)

var names = map[string]string{
	"b1": "bool", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64",
	"u1": "uint8", "u2": "uint16", "u4": "uint32", "u8": "uint64",
	"f4": "float32", "f8": "float64", "c8": "complex64", "c16": "complex128",
}

// String prints the array as NumPy's repr does: nested brackets, long axes abridged, then the dtype, and the
// shape when the brackets do not tell it.
func (a *Array) String() string {
	var b strings.Builder
	b.WriteString("array(")
	a.print(&b, 0, nil, "\n      ")
	name := a.dtype
	if a.elem != nil {
		name = names[a.elem.code]
	}
	if a.Len() == 0 {
		fmt.Fprintf(&b, ", shape=%v", a.shape)
	}
	fmt.Fprintf(&b, ", dtype=%s)", name)
	return b.String()
}

// print writes the items below index; indent begins the lines of this axis.
func (a *Array) print(b *strings.Builder, axis int, index []int, indent string) {
	if axis == len(a.shape) {
		switch v := a.At(index...).(type) {
		case string, []byte:
			fmt.Fprintf(b, "%q", v)
		default:
			fmt.Fprint(b, v)
		}
		return
	}
	b.WriteByte('[')
	n := a.shape[axis]
	if a.Len() == 0 {
		n = 0
	}
	for i := 0; i < n; i++ {
		if i > 0 {
			b.WriteByte(',')
			if axis+1 == len(a.shape) {
				b.WriteByte(' ')
			} else {
				b.WriteString(indent + " ")
			}
		}
		if a.Len() > printAll && i == printEdge && n > 2*printEdge {
			b.WriteString("...")
			i = n - printEdge - 1
			continue
		}
		a.print(b, axis+1, append(index, i), indent+" ")
	}
	b.WriteByte(']')
}
