package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// ErrExecutorShutdown says that an Executor was shut down, and takes no more
// calls.
var ErrExecutorShutdown = errors.New("the executor was shut down")

// An Executor hands calls to the engines as Python's concurrent.futures does to
// a pool. What it adds to its LoadBalancedView is an end: Shutdown waits for all
// that was submitted. It may be used by several goroutines.
type Executor struct {
	view *LoadBalancedView

	// Guarded by Client.mu: whether Shutdown was called, how many calls are
	// outstanding, and what to close when there is none, nil while nobody waits.
	over bool
	left int
	idle chan struct{}
}

// Executor returns an executor of the view, with the view's settings.
func (v *LoadBalancedView) Executor() *Executor { return &Executor{view: v} }

// Submit hands over a call, as ApplyAsync does. After Shutdown the result fails
// with ErrExecutorShutdown.
func (e *Executor) Submit(fn Function, args ...any) *AsyncResult {
	return e.track("apply "+title(fn), func() *AsyncResult { return e.view.ApplyAsync(fn, args...) })
}

// Map hands over a call for each item, or with the view's setting Chunk for each
// chunk, at once, and yields the values in the order of the items, each as soon
// as it and those before it are there; see Items. The iteration may be left, and
// gone through again.
func (e *Executor) Map(ctx context.Context, fn Function, seqs ...any) iter.Seq2[any, error] {
	return Items[any](ctx, e.track("map "+title(fn), func() *AsyncResult {
		if ctx.Err() != nil {
			return failed("map "+title(fn), context.Cause(ctx))
		}
		return e.view.MapAsync(fn, seqs...)
	}))
}

// track counts a call until it is done.
func (e *Executor) track(what string, call func() *AsyncResult) *AsyncResult {
	c := e.view.client
	c.mu.Lock()
	if e.over {
		c.mu.Unlock()
		return failed(what, ErrExecutorShutdown)
	}
	e.left++
	c.mu.Unlock()
	ar := call()
	if ar.client != nil {
		ar.whenDone(e.release)
		return ar
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.release()
	return ar
}

// release counts a call that is done. The caller holds Client.mu.
func (e *Executor) release() {
	if e.left--; e.left == 0 && e.idle != nil {
		close(e.idle)
		e.idle = nil
	}
}

// Shutdown refuses further calls and waits until those that were submitted are
// done, whatever became of them. When the context ends first, they go on, the
// error is its cause, and Shutdown may be called again. Engines stay as they are.
func (e *Executor) Shutdown(ctx context.Context) error {
	c := e.view.client
	c.mu.Lock()
	e.over = true
	left := e.left
	if left > 0 && e.idle == nil {
		e.idle = make(chan struct{})
	}
	idle := e.idle
	c.mu.Unlock()
	if left == 0 {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Errorf("client: shutdown of the executor, %d calls outstanding: %w", e.left, context.Cause(ctx))
}
