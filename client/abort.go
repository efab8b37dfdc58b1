package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster/wire"
)

// Abort asks the engines to skip the call where they have not begun it, which
// then fails with ErrTaskAborted. What runs already goes on (see Cancel). Abort
// returns when the engines have taken note.
func (ar *AsyncResult) Abort(ctx context.Context) error {
	if ar.client == nil || ar.Ready() {
		return nil
	}
	return ar.client.Abort(ctx, ar)
}

// Cancelled says on which engines Cancel put an end to a call.
type Cancelled struct {
	Aborted     []EngineID // it had not begun there
	Interrupted []EngineID // it was running there
}

// Cancel puts an end to the call: where it waits it is aborted, as by Abort,
// and where it runs it is interrupted, as by Client.Interrupt, without
// touching what else the engines have to do. Cancel returns when all engines
// have answered, and says what became of the call on which of them; on the
// others it had ended by itself. When the context ends first, the error is its
// cause and what is known by then is returned beside it: code that never looks
// at its context (a compiled function) or hangs in C cannot be interrupted.
func (ar *AsyncResult) Cancel(ctx context.Context) (Cancelled, error) {
	if ar.client == nil || ar.Ready() {
		return Cancelled{}, nil
	}
	engines, requests := ar.client.abortRequests([]*AsyncResult{ar}, true)
	err := ar.cancel(ctx, engines, requests)
	var done Cancelled
	for _, r := range ar.Metadata() {
		if errors.Is(r.Err, ErrTaskAborted) {
			done.Aborted = append(done.Aborted, r.Engine)
		} else if errors.Is(r.Err, ErrInterrupted) {
			done.Interrupted = append(done.Interrupted, r.Engine)
		}
	}
	if err != nil {
		return done, fmt.Errorf("client: cancel %s: %w", ar.what, err)
	}
	return done, nil
}

// abortGrace is how long a Python engine that says it is busy with a task is
// given to abort it. It says so as well of one that it takes up only to find it
// aborted, and a signal then would strike the next.
const abortGrace = time.Second

// cancel sends the requests to abort, and waits for the call to end. Python
// engines abort only what waits; where they were busy with the call before, or
// still are after the grace, they get a signal.
func (ar *AsyncResult) cancel(ctx context.Context, engines []*engine, requests []*request) error {
	c := ar.client
	control := func(what string, engines []*engine, requests ...*request) *AsyncResult {
		return c.start(&AsyncResult{what: what, kind: toController, decode: nothing}, c.control, engines, requests...)
	}
	running := busyTasks{of: ar}
	c.mu.Lock()
	busy, _ := running.take(0)
	c.mu.Unlock()
	var aborted *AsyncResult
	var noted <-chan struct{}
	if len(engines) > 0 {
		aborted = control("abort", engines, requests...)
		defer c.forget(aborted)
		noted = aborted.done
	}
	for {
		if len(busy) > 0 {
			defer c.forget(control("interrupt", busy, interruptRequest))
		}
		var again time.Duration
		c.mu.Lock()
		changed := ar.watch()
		busy, again = running.take(abortGrace)
		c.mu.Unlock()
		if len(busy) > 0 {
			continue
		}
		var due <-chan time.Time
		if again > 0 {
			due = time.After(again)
		}
		select {
		case <-ar.done:
			return nil
		case <-changed:
		case <-due:
		case <-noted:
			noted = nil
			if _, err := aborted.Get(ctx); err != nil && !errors.Is(err, ErrEngineDied) {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("%d of %d have ended: %w", ar.Progress(), ar.Len(), context.Cause(ctx))
		}
	}
}

// busyTasks finds the tasks of a call that engines say they are busy with.
// Client.mu guards it.
type busyTasks struct {
	of   *AsyncResult
	last *output   // that was looked at
	open []*output // of tasks that have no answer
}

// take returns the engines that have been busy with such tasks for a time, each
// task once, and when there may be more, if that is known.
func (b *busyTasks) take(grace time.Duration) (engines []*engine, again time.Duration) {
	for o := b.of.voiceAfter(b.last); o != nil; o = o.next {
		b.open = append(b.open, o)
		b.last = o
	}
	all := b.of.client.engines
	b.open = slices.DeleteFunc(b.open, func(o *output) bool {
		if t := &b.of.tasks[o.place]; t.reply != nil || t.ended {
			return true
		}
		if o.busy.IsZero() {
			return false
		}
		if left := grace - time.Since(o.busy); left > 0 {
			if again == 0 || left < again {
				again = left
			}
			return false
		}
		if at := slices.IndexFunc(all, func(e *engine) bool { return e.uuid == o.uuid }); at >= 0 {
			engines = append(engines, all[at])
		}
		return true
	})
	return engines, again
}

// Abort takes tasks from the queues of their engines, as AsyncResult.Abort
// does for one call; without results, everything that is outstanding.
func (c *Client) Abort(ctx context.Context, results ...*AsyncResult) error {
	for _, ar := range results {
		if ar.client != nil && ar.client != c {
			return fmt.Errorf("client: abort: %s was called on another client", ar.what)
		}
	}
	engines, requests := c.abortRequests(results, false)
	if len(engines) == 0 {
		return nil
	}
	return c.controlEngines(ctx, &AsyncResult{what: "abort", decode: nothing}, engines, requests...)
}

// abortRequests names to each engine the outstanding tasks of the results that
// went to it. Load-balanced tasks may be on any. Whether those that run are to
// be interrupted is for engines that know of it: Go's.
func (c *Client) abortRequests(results []*AsyncResult, running bool) (engines []*engine, requests []*request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted := make(map[*AsyncResult]bool, len(results))
	for _, ar := range results {
		wanted[ar] = true
	}
	ids := make(map[wire.EngineUUID][]wire.MsgID)
	for _, t := range c.pending {
		if t.reply == nil && t.result.kind == toEngines && (len(results) == 0 || wanted[t.result]) {
			ids[t.uuid] = append(ids[t.uuid], t.id)
			t.result.stopped = true
		}
	}
	for _, e := range c.engines {
		if l := append(ids[e.uuid], ids[""]...); len(l) > 0 {
			content, _ := json.Marshal(struct { // strings cannot fail
				IDs     []wire.MsgID `json:"msg_ids"`
				Running bool         `json:"running,omitempty"`
			}{l, running})
			engines = append(engines, e)
			requests = append(requests, &request{msgType: wire.AbortRequest, content: content})
		}
	}
	return engines, requests
}
