package client

import "fmt"

// MaxOutput is how many bytes of each of stdout and stderr are kept of one
// request on one engine. Of what exceeds it the beginning and the end are
// kept, with a line between them that says how much was left out.
const MaxOutput = 4 << 20

// text is a stream of output within bounds: its first half, then the last.
type text struct {
	head, tail []byte
	left       int // bytes dropped between head and tail
}

const half = MaxOutput / 2

func (t *text) write(s string) {
	if n := min(half-len(t.head), len(s)); n > 0 {
		t.head = append(t.head, s[:n]...)
		s = s[n:]
	}
	t.tail = append(t.tail, s...)
	// The tail may grow to twice its share before it is cut, so that cutting
	// costs a byte no more than keeping it.
	if over := len(t.tail) - half; over > half {
		t.tail = append(t.tail[:0], t.tail[over:]...)
		t.left += over
	}
}

func (t *text) String() string {
	left, tail := t.left, t.tail
	if over := len(tail) - half; over > 0 {
		left, tail = left+over, tail[over:]
	}
	if left == 0 {
		return string(t.head) + string(tail)
	}
	return fmt.Sprintf("%s\n... %d bytes left out ...\n%s", t.head, left, tail)
}
