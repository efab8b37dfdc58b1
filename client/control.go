package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"muster/wire"
)

// Abort takes tasks from the queues of their engines, as AsyncResult.Abort
// does for one call; without results, everything that is outstanding.
func (c *Client) Abort(ctx context.Context, results ...*AsyncResult) error {
	for _, ar := range results {
		if ar.client != nil && ar.client != c {
			return fmt.Errorf("client: abort: %s was called on another client", ar.what)
		}
	}
	engines, requests := c.abortRequests(results)
	if len(engines) == 0 {
		return nil
	}
	return c.controlEngines(ctx, &AsyncResult{what: "abort", decode: nothing}, engines, requests...)
}

// abortRequests names to each engine the outstanding tasks of the results that
// went to it. Load-balanced tasks may be on any.
func (c *Client) abortRequests(results []*AsyncResult) (engines []*engine, requests []*request) {
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
			content, _ := json.Marshal(map[string]any{"msg_ids": l}) // strings cannot fail
			engines = append(engines, e)
			requests = append(requests, &request{msgType: wire.AbortRequest, content: content})
		}
	}
	return engines, requests
}

// Clear empties the namespaces of engines.
func (c *Client) Clear(ctx context.Context, t Targets) error {
	return c.controlAll(ctx, "clear", t, &request{msgType: wire.ClearRequest})
}

// Interrupt sends engines a SIGINT: what they run fails as if a user had typed
// Ctrl-C, and the next in their queues begins.
func (c *Client) Interrupt(ctx context.Context, t Targets) error {
	return c.controlAll(ctx, "interrupt", t, &request{msgType: wire.SignalRequest, content: []byte(`{"sig":"SIGINT"}`)})
}

// Shutdown ends engines. It returns when they have said goodbye, or are gone.
func (c *Client) Shutdown(ctx context.Context, t Targets) error {
	engines, err := c.resolve(t)
	if err != nil {
		return fmt.Errorf("client: shutdown: %w", err)
	}
	ar := &AsyncResult{what: "shutdown", decode: nothing}
	ar.combine = func(values []any, errs []error) ([]any, error) {
		for i, err := range errs {
			// The farewell may get lost in the end of the engine it is from.
			if r, ok := err.(*RemoteError); ok && r.Name == engineError {
				errs[i] = nil
			}
		}
		return values, join(errs)
	}
	return c.controlEngines(ctx, ar, engines, &request{msgType: wire.ShutdownRequest, content: []byte(`{"restart":false}`)})
}

// ShutdownCluster ends all engines and the controller. The client is of no use
// afterwards but to be closed.
func (c *Client) ShutdownCluster(ctx context.Context) error {
	err := c.Shutdown(ctx, All)
	if errors.Is(err, ErrNoEngines) {
		err = nil
	}
	// An engine that does not answer is no reason to leave the controller up.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
	defer cancel()
	_, herr := c.ask(bounded, wire.ShutdownRequest, nil)
	if errors.Is(herr, ErrShutdown) {
		herr = nil // the notification overtook the reply
	}
	if herr != nil {
		herr = fmt.Errorf("client: shutdown of the controller: %w", herr)
	}
	return errors.Join(err, herr)
}

// controlAll sends one control request to each target and waits for the replies.
func (c *Client) controlAll(ctx context.Context, what string, t Targets, r *request) error {
	engines, err := c.resolve(t)
	if err != nil {
		return fmt.Errorf("client: %s: %w", what, err)
	}
	return c.controlEngines(ctx, &AsyncResult{what: what, decode: nothing}, engines, r)
}

func (c *Client) controlEngines(ctx context.Context, ar *AsyncResult, engines []*engine, requests ...*request) error {
	if ctx.Err() != nil {
		return fmt.Errorf("client: %s: %w", ar.what, context.Cause(ctx))
	}
	ar.kind = toController
	defer c.forget(c.start(ar, c.control, engines, requests...))
	_, err := ar.Get(ctx)
	return err
}

// ask sends a request to the hub and returns its reply. An error in the reply
// is a *RemoteError of NoEngine.
func (c *Client) ask(ctx context.Context, msgType string, content any) (*wire.Message, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r := &request{msgType: msgType}
	if content != nil {
		var err error
		if r.content, err = json.Marshal(content); err != nil {
			return nil, err
		}
	}
	ar := c.start(&AsyncResult{what: msgType, kind: toController}, c.query, nil, r)
	defer c.forget(ar)
	select {
	case <-ar.done:
		t := &ar.tasks[0]
		return t.reply, t.failure()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// forget drops the tasks of a request that nobody waits for any more.
func (c *Client) forget(ar *AsyncResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range ar.tasks {
		c.settle(&ar.tasks[i], context.Canceled)
	}
}

// QueueStatus is what engines have to do.
type QueueStatus struct {
	Engines map[EngineID]EngineQueue
	// Unassigned counts the load-balanced tasks that no engine has yet.
	Unassigned int
}

// An EngineQueue counts what one engine has and had to do.
type EngineQueue struct {
	Queue     int `json:"queue"`     // direct calls outstanding
	Tasks     int `json:"tasks"`     // load-balanced tasks outstanding
	Completed int `json:"completed"` // both, done
}

// QueueStatus asks the hub what engines have to do.
func (c *Client) QueueStatus(ctx context.Context, t Targets) (*QueueStatus, error) {
	engines, err := c.resolve(t)
	if err != nil {
		return nil, fmt.Errorf("client: queue status: %w", err)
	}
	ids := make([]EngineID, len(engines))
	for i, e := range engines {
		ids[i] = e.id
	}
	reply, err := c.ask(ctx, "queue_request", map[string]any{"targets": ids, "verbose": false})
	if err != nil {
		return nil, fmt.Errorf("client: queue status of %s: %w", t, err)
	}
	var content map[string]json.RawMessage
	if err := json.Unmarshal(reply.Content, &content); err != nil {
		return nil, fmt.Errorf("client: queue status of %s: %w", t, err)
	}
	s := &QueueStatus{Engines: make(map[EngineID]EngineQueue, len(ids))}
	for key, raw := range content {
		id, nan := strconv.Atoi(key)
		switch {
		case key == "unassigned":
			err = json.Unmarshal(raw, &s.Unassigned)
		case nan == nil:
			var q EngineQueue
			err = json.Unmarshal(raw, &q)
			s.Engines[EngineID(id)] = q
		}
		if err != nil {
			return nil, fmt.Errorf("client: queue status of %s: %w", t, err)
		}
	}
	return s, nil
}
