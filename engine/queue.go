package engine

import (
	"context"
	"slices"
	"sync"

	"muster/wire"
)

// maxForeseen bounds the ids that were aborted before they came.
const maxForeseen = 1 << 14

// A queue holds the requests that wait for the worker, in order of arrival,
// and the one that it runs. Any goroutine may use it.
type queue struct {
	mu     sync.Mutex
	ready  sync.Cond
	items  []*request
	closed bool
	// last says that the last request has come: no other is taken.
	last bool
	// running is the request that was taken, until the worker has done with
	// it; cancel ends its context.
	running *request
	cancel  context.CancelCauseFunc
	// foreseen are the ids of requests to abort as soon as they come. All of
	// them are in order, oldest first, beside some that have come.
	foreseen map[wire.MsgID]bool
	order    []wire.MsgID
}

func newQueue() *queue {
	q := &queue{foreseen: make(map[wire.MsgID]bool)}
	q.ready.L = &q.mu
	return q
}

// A reception is what the queue does with a request.
type reception int

const (
	queued  reception = iota
	unasked           // it was aborted before it came
	late              // the last one has come before
)

// put adds a request at the end, if it can.
func (q *queue) put(r *request) reception {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.foreseen) > 0 {
		for _, id := range r.ids() {
			if q.foreseen[id] {
				delete(q.foreseen, id)
				return unasked
			}
		}
	}
	if q.last {
		return late
	}
	q.items = append(q.items, r)
	q.ready.Signal()
	return queued
}

// finish adds the last request, and takes out those of the others that a
// predicate selects.
func (q *queue) finish(last *request, which func(*request) bool) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.extract(which)
	q.last = true
	q.items = append(q.items, last)
	q.ready.Signal()
	return out
}

// push adds a request before all others.
func (q *queue) push(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = slices.Insert(q.items, 0, r)
	q.ready.Signal()
}

// take waits for the first request, removes it, and makes it the one that
// runs, with a context that ends with life, or when the request's deadline is
// over. It returns nil once the queue is closed or life has ended.
func (q *queue) take(life context.Context) (*request, context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.ready.Wait()
	}
	if q.closed || life.Err() != nil {
		return nil, nil
	}
	r := q.items[0]
	q.items[0] = nil
	q.items = q.items[1:]
	if !r.isWork() {
		return r, life
	}
	q.running = r
	ctx, cancel := context.WithCancelCause(life)
	if q.cancel = cancel; r.marks.Deadline > 0 {
		var stop context.CancelFunc
		ctx, stop = withDeadline(ctx, r.marks.Deadline)
		q.cancel = func(cause error) {
			cancel(cause)
			stop()
		}
	}
	return r, ctx
}

// done says that the request that was taken runs no more.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cancel(nil)
	q.running, q.cancel = nil, nil
}

// current returns the request that runs, or nil.
func (q *queue) current() *request {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running
}

// interrupt ends the context of the request that runs, and returns the
// request, or nil if none runs.
func (q *queue) interrupt() *request {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running != nil {
		q.cancel(errInterrupted)
	}
	return q.running
}

// remove takes out the requests that a predicate selects.
func (q *queue) remove(which func(*request) bool) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.extract(which)
}

// abort takes out the requests with these ids. If interrupt is true, it
// interrupts the one that runs if that is among them, and returns its id as
// the client knows it. Those that are not here are remembered and refused when
// they come.
func (q *queue) abort(ids []wire.MsgID, interrupt bool) (out []*request, interrupted []wire.MsgID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	out = q.extract(func(r *request) bool { return slices.ContainsFunc(ids, r.is) })
	for _, id := range ids {
		switch {
		case q.running != nil && q.running.is(id):
			if interrupt {
				q.cancel(errInterrupted)
				interrupted = append(interrupted, id)
			}
		case !slices.ContainsFunc(out, func(r *request) bool { return r.is(id) }):
			q.foresee(id)
		}
	}
	return out, interrupted
}

// foresee remembers the id of a request that may come. The caller holds mu.
func (q *queue) foresee(id wire.MsgID) {
	if q.foreseen[id] {
		return
	}
	if len(q.order) == maxForeseen {
		delete(q.foreseen, q.order[0])
		q.order = q.order[1:]
	}
	q.foreseen[id] = true
	q.order = append(q.order, id)
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
