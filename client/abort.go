package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

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

// cancel sends the requests to abort, and waits for the call to end. Python
// engines abort only what waits, and say of what runs that they are busy with
// it: these get a signal.
func (ar *AsyncResult) cancel(ctx context.Context, engines []*engine, requests []*request) error {
	c := ar.client
	var aborted *AsyncResult
	var noted <-chan struct{}
	if len(engines) > 0 {
		aborted = c.start(&AsyncResult{what: "abort", kind: toController, decode: nothing}, c.control, engines, requests...)
		defer c.forget(aborted)
		noted = aborted.done
	}
	var waiting []*output // of tasks that have output and no answer
	var last *output
	for {
		var busy []*engine
		c.mu.Lock()
		changed := ar.watch()
		for o := ar.voiceAfter(last); o != nil; o = o.next {
			waiting = append(waiting, o)
			last = o
		}
		waiting = slices.DeleteFunc(waiting, func(o *output) bool {
			if t := &ar.tasks[o.place]; t.reply != nil || t.ended {
				return true
			}
			at := slices.IndexFunc(c.engines, func(e *engine) bool { return e.uuid == o.uuid })
			if o.busy && at >= 0 {
				busy = append(busy, c.engines[at])
			}
			return o.busy
		})
		c.mu.Unlock()
		if len(busy) > 0 {
			signalled := c.start(&AsyncResult{what: "interrupt", kind: toController, decode: nothing}, c.control, busy, interruptRequest)
			defer c.forget(signalled)
		}
		select {
		case <-ar.done:
			return nil
		case <-changed:
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
