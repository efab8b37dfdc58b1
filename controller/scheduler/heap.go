package scheduler

// ranked is what a heap holds: it knows its order, and its place in the heap.
type ranked[T any] interface {
	before(T) bool
	place() *int // may be of use for other things while it is in no heap
}

// A heap keeps what is before all others at [0], and lets go of any.
type heap[T ranked[T]] []T

func (h *heap[T]) push(x T) {
	*x.place() = len(*h)
	*h = append(*h, x)
	h.fix(x)
}

func (h *heap[T]) remove(x T) {
	i, last := *x.place(), len(*h)-1
	moved := (*h)[last]
	(*h)[i] = moved
	*moved.place() = i
	var zero T
	(*h)[last] = zero
	*h = (*h)[:last]
	if i < last {
		h.fix(moved)
	}
}

// fix puts an item right whose order has changed.
func (h heap[T]) fix(x T) {
	i := *x.place()
	for i > 0 && h[i].before(h[(i-1)/2]) {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		first := 2*i + 1
		if first >= len(h) {
			return
		}
		if first+1 < len(h) && h[first+1].before(h[first]) {
			first++
		}
		if !h[first].before(h[i]) {
			return
		}
		h.swap(i, first)
		i = first
	}
}

func (h heap[T]) swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	*h[i].place(), *h[k].place() = i, k
}
