package client

import "fmt"

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

// len is how much was written.
func (t *text) len() int { return len(t.head) + t.left + len(t.tail) }

func (t *text) String() string {
	left, tail := t.left, t.tail
	if over := len(tail) - half; over > 0 {
		left, tail = left+over, tail[over:]
	}
	if left == 0 {
		return string(t.head) + string(tail)
	}
	return string(t.head) + gap(left) + string(tail)
}

// slice is what was written from one offset towards another, and the offset at
// which it ends: less when something was left out there.
func (t *text) slice(from, to int) (string, int) {
	kept := len(t.head) + t.left // where the tail begins
	switch {
	case from < len(t.head):
		to = min(to, len(t.head))
		return string(t.head[from:to]), to
	case from < kept:
		return gap(kept - from), kept
	}
	return string(t.tail[from-kept : to-kept]), to
}

func gap(n int) string { return fmt.Sprintf("\n... %d bytes left out ...\n", n) }
