package store

import (
	"encoding/binary"
	"fmt"
	"math"

	"muster/wire/pickle"
)

// Buffers are a pickled list of bytes, as ipyparallel writes them; none are
// null:
//
//	0x80 4  ']'  '('  { 'B' length:uint32 bytes | 0x8e length:uint64 bytes }  'e'  '.'
func pickleBuffers(buffers [][]byte) any {
	if len(buffers) == 0 {
		return nil
	}
	n := 6
	for _, b := range buffers {
		n += 9 + len(b)
	}
	out := append(make([]byte, 0, n), 0x80, 4, ']', '(')
	for _, b := range buffers {
		if len(b) <= math.MaxUint32 {
			out = binary.LittleEndian.AppendUint32(append(out, 'B'), uint32(len(b)))
		} else {
			out = binary.LittleEndian.AppendUint64(append(out, 0x8e), uint64(len(b)))
		}
		out = append(out, b...)
	}
	return append(out, 'e', '.')
}

// unpickleBuffers reads what pickleBuffers, or Python, wrote.
func unpickleBuffers(b []byte) ([][]byte, error) {
	v, _, err := new(pickle.Codec).Deserialize([][]byte{b})
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("a pickled %T, want a list of bytes", v)
	}
	out := make([][]byte, len(list))
	for i, x := range list {
		if out[i], ok = x.([]byte); !ok {
			return nil, fmt.Errorf("a pickled list with a %T, want bytes", x)
		}
	}
	return out, nil
}
