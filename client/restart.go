package client

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"muster/wire"
)

// restartTimeout bounds Restart when its context has no deadline.
const restartTimeout = time.Minute

// Restart starts engines anew: each says goodbye, and its process becomes a new
// engine with the same id and an empty namespace. Restart returns when all of
// them have registered again; the context, or a minute when it has no deadline,
// bounds the wait. What they ran and had still to run fails with a RemoteError
// named EngineError. Launchers see the same processes go on.
//
// Engines that cannot do so answer with an error that says what to do, and go
// on: ranks of an MPI job, engines that share the process of another program,
// and Python engines, which Restart does not touch.
func (c *Client) Restart(ctx context.Context, t Targets) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, restartTimeout)
		defer cancel()
	}
	engines, err := c.resolve(t)
	if err != nil {
		return fmt.Errorf("client: restart: %w", err)
	}
	// A Python engine would end, and nothing start it again: ask first.
	ar := &AsyncResult{what: "restart", decode: canRestart}
	if err := c.controlEngines(ctx, ar, engines, &request{msgType: "kernel_info_request"}); err != nil {
		return err
	}
	var leaving []*engine
	ar = &AsyncResult{what: "restart", decode: nothing}
	ar.combine = func(values []any, errs []error) ([]any, error) {
		for i, err := range errs {
			if errs[i] = unlessGone(err); errs[i] == nil {
				leaving = append(leaving, engines[i])
			}
		}
		return values, join(errs)
	}
	err = c.controlEngines(ctx, ar, engines, &request{msgType: wire.ShutdownRequest, content: []byte(`{"restart":true}`)})
	if back := c.waitForReturn(ctx, leaving); back != nil && err == nil {
		err = back
	}
	return err
}

// canRestart reads what a kernel_info_reply says of an engine.
func canRestart(t *task) (any, error) {
	var info struct {
		Implementation string `json:"implementation"`
	}
	if err := json.Unmarshal(t.reply.Content, &info); err != nil {
		return nil, err
	}
	if info.Implementation != "muster" {
		return nil, fmt.Errorf("an engine of %s does not restart in place: shut it down, and have its launcher start another", info.Implementation)
	}
	return nil, nil
}

// waitForReturn waits until other engines have registered with the ids of these.
func (c *Client) waitForReturn(ctx context.Context, left []*engine) error {
	ask := time.NewTicker(engineQueryPeriod) // as WaitForEngines does, for the same reason
	defer ask.Stop()
	for {
		var missing []EngineID
		c.mu.Lock()
		for _, e := range left {
			if at, found := c.find(e.id); !found || c.engines[at].uuid == e.uuid {
				missing = append(missing, e.id)
			}
		}
		err, changed := c.err, c.changed
		c.mu.Unlock()
		if len(missing) == 0 {
			return nil
		}
		if err == nil {
			select {
			case <-changed:
				continue
			case <-ask.C:
				if err = c.queryEngines(ctx); err == nil {
					continue
				}
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		return fmt.Errorf("client: restart: wait for %s to register again (the log of the engine tells why it does not): %w", engineList(missing), err)
	}
}
