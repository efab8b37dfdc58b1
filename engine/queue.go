package engine

import (
	"slices"
	"sync"

	"muster/wire"
)

// maxForeseen bounds the ids that were aborted before they came.
const maxForeseen = 1 << 14

// A queue holds the requests that wait for the worker, in order of arrival.
// Any goroutine may use it.
type queue struct {
	mu     sync.Mutex
	ready  sync.Cond
	items  []*request
	closed bool
	// foreseen are the ids of requests to abort as soon as they come, oldest first.
	foreseen []wire.MsgID
}

func newQueue() *queue {
	q := &queue{}
	q.ready.L = &q.mu
	return q
}

// put adds a request at the end. It returns false if that request was aborted
// before it came.
func (q *queue) put(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.foreseen) > 0 {
		if i := slices.IndexFunc(q.foreseen, r.is); i >= 0 {
			q.foreseen = slices.Delete(q.foreseen, i, i+1)
			return false
		}
	}
	q.items = append(q.items, r)
	q.ready.Signal()
	return true
}

// push adds a request before all others.
func (q *queue) push(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = slices.Insert(q.items, 0, r)
	q.ready.Signal()
}

// take waits for the first request and removes it. It returns nil once the
// queue is closed.
func (q *queue) take() *request {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.ready.Wait()
	}
	if q.closed {
		return nil
	}
	r := q.items[0]
	q.items[0] = nil
	q.items = q.items[1:]
	return r
}

// remove takes out the requests that a predicate selects.
func (q *queue) remove(which func(*request) bool) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.extract(which)
}

// abort takes out the requests with these ids. Those that are not here are
// remembered and refused when they come, unless running is one of them.
func (q *queue) abort(ids []wire.MsgID, running wire.MsgID) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.extract(func(r *request) bool { return slices.ContainsFunc(ids, r.is) })
	for _, id := range ids {
		if id == running || slices.ContainsFunc(out, func(r *request) bool { return r.is(id) }) {
			continue
		}
		if len(q.foreseen) == maxForeseen {
			q.foreseen = slices.Delete(q.foreseen, 0, 1)
		}
		q.foreseen = append(q.foreseen, id)
	}
	return out
}

// extract removes and returns the selected requests. The caller holds mu.
func (q *queue) extract(which func(*request) bool) (out []*request) {
	q.items = slices.DeleteFunc(q.items, func(r *request) bool {
		if !r.isWork() || !which(r) {
			return false
		}
		out = append(out, r)
		return true
	})
	return out
}

// close makes take return nil. What waits is dropped: the controller tells the
// clients that this engine is gone.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.items = nil
	q.ready.Broadcast()
}
