package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"muster/wire"
)

// Abort takes the call back where it has not begun, in the queues of engines and
// of the scheduler; there it fails with ErrTaskAborted. What runs already goes on
// (see Cancel). Abort returns when engines and scheduler have taken note.
func (ar *AsyncResult) Abort(ctx context.Context) error {
	if ar.client == nil || ar.Ready() {
		return nil
	}
	return ar.client.Abort(ctx, ar)
}

// Abort takes back requests that have not begun, as AsyncResult.Abort does for
// one call; without results, everything that is outstanding.
func (c *Client) Abort(ctx context.Context, results ...*AsyncResult) error {
	for _, ar := range results {
		if ar.client != nil && ar.client != c {
			return fmt.Errorf("client: abort: %s was called on another client", ar.what)
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("client: abort: %w", context.Cause(ctx))
	}
	var errs []error
	for _, asked := range c.askAbort(results, false) {
		defer c.forget(asked)
		_, err := asked.Get(ctx)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// askAbort asks those who have outstanding requests of the results, or of all
// calls if there are none, to abort them: engines by the control channel, the
// scheduler by that of its tasks, after which it comes. Whether what runs is to be
// interrupted is for engines that know of it: Go's.
func (c *Client) askAbort(results []*AsyncResult, running bool) (asked []*AsyncResult) {
	c.mu.Lock()
	ids := make(map[wire.EngineUUID][]wire.MsgID) // under "" those of tasks
	of := func(t *task) {
		if t.ended || t.result.kind != toEngines {
			return
		}
		t.result.stopped = true
		if t.reply == nil {
			ids[t.uuid] = append(ids[t.uuid], t.id)
		}
	}
	for _, ar := range results {
		for i := range ar.tasks {
			of(&ar.tasks[i])
		}
	}
	if len(results) == 0 {
		for _, t := range c.pending {
			of(t)
		}
	}
	var tasks []wire.MsgID
	if c.recorded { // the controller is Muster's, and its scheduler takes abort_request
		tasks = ids[""]
		delete(ids, "")
	}
	var engines []*engine
	var requests []*request
	for _, e := range c.engines {
		if l := append(ids[e.uuid], ids[""]...); len(l) > 0 {
			engines = append(engines, e)
			requests = append(requests, abortRequest(l, running))
		}
	}
	c.mu.Unlock()
	abort := func() *AsyncResult { return &AsyncResult{what: "abort", kind: toController, decode: nothing} }
	if len(engines) > 0 {
		asked = append(asked, c.start(abort(), c.control, engines, requests...))
	}
	if len(tasks) > 0 {
		asked = append(asked, c.start(abort(), c.task, nil, abortRequest(tasks, running)))
	}
	return asked
}

func abortRequest(ids []wire.MsgID, running bool) *request {
	content, _ := json.Marshal(wire.Abort{MsgIDs: ids, Running: running}) // strings cannot fail
	return &request{msgType: wire.AbortRequest, content: content}
}
