package cluster

import (
	"context"
	"errors"
	"sync"
)

// changes are what is being done to the sets of a cluster. The zero value is none.
type changes struct {
	mu      sync.Mutex // guards what follows
	over    bool
	cancel  map[*change]context.CancelCauseFunc
	pending sync.WaitGroup
}

type change struct{ _ byte } // of which each has an address of its own

// errStopped is the answer of a cluster that is being stopped.
var errStopped = errors.New("the cluster is being stopped")

// begin begins a change, of which done tells the end. Its context ends with the
// cluster as well.
func (c *changes) begin(ctx context.Context) (_ context.Context, done func(), _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return nil, nil, errStopped
	}
	if c.cancel == nil {
		c.cancel = make(map[*change]context.CancelCauseFunc)
	}
	this := new(change)
	ctx, cancel := context.WithCancelCause(ctx)
	c.cancel[this] = cancel
	c.pending.Add(1)
	return ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		cancel(nil)
		delete(c.cancel, this)
		c.pending.Done()
	}, nil
}

// end breaks off what is being changed, and returns when nothing is any more and
// nothing will be.
func (c *changes) end() {
	c.mu.Lock()
	c.over = true
	for _, cancel := range c.cancel {
		cancel(errStopped)
	}
	c.mu.Unlock()
	c.pending.Wait()
}
