package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"muster/wire"
)

// Purge makes hub and client forget requests and their results. One that is not
// done is an error, and then the hub forgets none; aborting it first helps.
func (c *Client) Purge(ctx context.Context, ids ...wire.MsgID) error {
	if len(ids) == 0 {
		return errors.New("client: purge: no ids are given (PurgeAll is for all)")
	}
	c.mu.Lock()
	err := c.done(ids)
	c.mu.Unlock()
	if err == nil {
		err = c.purge(ctx, map[string]any{"msg_ids": ids, "engine_ids": []EngineID{}})
	}
	if err != nil {
		return err
	}
	return c.PurgeLocal(ids...)
}

// PurgeEngines makes the hub forget what engines have done, and the client its
// own calls there.
func (c *Client) PurgeEngines(ctx context.Context, t Targets) error {
	engines, err := c.resolve(t)
	if err != nil {
		return fmt.Errorf("client: purge: %w", err)
	}
	on := make(map[wire.EngineUUID]bool)
	for _, e := range engines {
		on[e.uuid] = true
	}
	if err := c.purge(ctx, map[string]any{"msg_ids": []wire.MsgID{}, "engine_ids": idsOf(engines)}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory.drop(func(t *task) bool { return on[t.uuid] })
	return nil
}

// PurgeAll makes the hub forget everything that is done, of all clients, and
// this client its own results.
func (c *Client) PurgeAll(ctx context.Context) error {
	if err := c.purge(ctx, map[string]any{"msg_ids": "all", "engine_ids": []EngineID{}}); err != nil {
		return err
	}
	return c.PurgeLocal()
}

// PurgeEverything is PurgeAll, and makes the client forget its History too.
func (c *Client) PurgeEverything(ctx context.Context) error {
	if err := c.PurgeAll(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory.ids = nil
	return nil
}

// purge asks the hub to drop records.
func (c *Client) purge(ctx context.Context, content any) error {
	if _, err := c.ask(ctx, wire.PurgeRequest, content); err != nil {
		return fmt.Errorf("client: purge: %w", err)
	}
	return nil
}

// PurgeLocal makes this client forget results, those of all calls that are done
// when no ids are given; the hub still has them. A call to several engines is
// forgotten as a whole. A request that is not done is an error, and then none
// is forgotten. AsyncResults that the caller holds keep what they have.
func (c *Client) PurgeLocal(ids ...wire.MsgID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.done(ids); err != nil {
		return err
	}
	named := make(map[wire.MsgID]bool, len(ids))
	for _, id := range ids {
		named[id] = true
	}
	c.memory.drop(func(t *task) bool { return len(ids) == 0 || named[t.id] })
	return nil
}

// done refuses to forget what is outstanding. The caller holds mu.
func (c *Client) done(ids []wire.MsgID) error {
	for _, id := range ids {
		if c.pending[id] != nil {
			return fmt.Errorf("client: purge: request %s is not done", id)
		}
	}
	return nil
}

// drop forgets the calls of which it is true for a task.
func (m *memory) drop(is func(*task) bool) {
	m.calls = slices.DeleteFunc(m.calls, func(ar *AsyncResult) bool {
		for i := range ar.tasks {
			if is(&ar.tasks[i]) {
				m.bytes -= ar.size()
				return true
			}
		}
		return false
	})
}

// Resubmit has the controller submit requests once more, of whichever client,
// as load-balanced tasks: with what they were asked, but without dependencies,
// retries and label. It returns the new ids in the order of the old, for
// GetResult; the id of a broadcast stands for all of its tasks.
func (c *Client) Resubmit(ctx context.Context, ids ...wire.MsgID) ([]wire.MsgID, error) {
	reply, err := c.ask(ctx, wire.ResubmitRequest, map[string]any{"msg_ids": append([]wire.MsgID{}, ids...)})
	if err != nil {
		return nil, fmt.Errorf("client: resubmit: %w", err)
	}
	var content struct {
		As map[wire.MsgID]wire.MsgID `json:"resubmitted"`
	}
	if err := json.Unmarshal(reply.Content, &content); err != nil {
		return nil, fmt.Errorf("client: resubmit: %s: %w", reply.Header.MsgType, err)
	}
	var as []wire.MsgID
	for _, id := range ids {
		if content.As[id] != "" {
			as = append(as, content.As[id])
			continue
		}
		var tasks []wire.MsgID
		for old := range content.As {
			if strings.HasPrefix(string(old), string(id)+"_") {
				tasks = append(tasks, old)
			}
		}
		slices.Sort(tasks)
		for _, old := range tasks {
			as = append(as, content.As[old])
		}
	}
	return as, nil
}
