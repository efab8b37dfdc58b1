package client

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"muster/wire"
)

// Results that the hub keeps (protocol sections 7 and 8): of other clients, and
// of this one when it has forgotten them.

// GetResult returns what became of requests, by their ids, and waits for those
// that are not done. A request may be another client's, or one made long ago:
// what this client does not remember it asks the hub for. Without an id it is
// the last call of this client, on all its engines. The error is that of the calls; the results
// are beside it.
func (c *Client) GetResult(ctx context.Context, ids ...wire.MsgID) (Results, error) {
	const what = "get result"
	c.mu.Lock()
	if len(ids) == 0 {
		ids = c.memory.history()
		ids = ids[max(0, len(ids)-c.memory.last):]
	}
	ids = slices.Clone(ids)
	known := c.recall(ids)
	c.mu.Unlock()
	if len(ids) == 0 {
		return nil, fmt.Errorf("client: %s: nothing was called yet", what)
	}
	return c.results(ctx, what, ids, known)
}

// GetResult returns the results of a command that was executed on the view's
// engines: by its number in their histories, which is that of In[n] and Out[n],
// or from the end: -1 is the last command. Counted from the end are the
// commands of this client; where it has made none or remembers no more, all
// that the hub remembers. The error is that of the commands.
func (v *DirectView) GetResult(ctx context.Context, n int) (Results, error) {
	what := fmt.Sprintf("get result %d", n)
	engines, err := v.resolve(ctx)
	if err == nil && n == 0 {
		err = fmt.Errorf("commands count from 1, and from the end from -1")
	}
	if err != nil {
		return nil, callError(what, err)
	}
	c := v.client
	ids := make([]wire.MsgID, len(engines))
	known := make(map[wire.MsgID]*task)
	var asked []*engine // whose command the hub is asked for
	c.mu.Lock()
	for i, e := range engines {
		if t := c.command(e, n); t != nil {
			ids[i], known[t.id] = t.id, t
		} else {
			asked = append(asked, e)
		}
	}
	c.mu.Unlock()
	if len(asked) > 0 {
		found, err := c.findCommands(ctx, asked, n)
		if err != nil {
			return nil, callError(what, err)
		}
		for i, e := range engines {
			if ids[i] == "" {
				ids[i] = found[e.uuid]
			}
		}
	}
	return c.results(ctx, what, ids, known)
}

// results waits for requests, those of tasks that are known here and others.
func (c *Client) results(ctx context.Context, what string, ids []wire.MsgID, known map[wire.MsgID]*task) (Results, error) {
	var others []wire.MsgID
	out := make(Results, len(ids))
	for i, id := range ids {
		if t := known[id]; t == nil {
			others = append(others, id)
		} else if err := t.result.waitForTask(ctx, t.place); err != nil {
			return nil, callError(what, err)
		} else {
			out[i] = t.result.result(t)
		}
	}
	if len(others) > 0 {
		found, err := c.fetch(ctx, others)
		if err != nil {
			return nil, callError(what, err)
		}
		for i, id := range ids {
			if out[i] == nil {
				out[i] = found[id]
			}
		}
	}
	errs := make([]error, len(out))
	for i, r := range out {
		errs[i] = r.Err
	}
	if err := join(errs); err != nil {
		return out, callError(what, err)
	}
	return out, nil
}

// Asking the hub for results that are not there yet begins with the first
// period and comes to the last.
const (
	firstPoll = 50 * time.Millisecond
	lastPoll  = time.Second
)

// fetch waits until the hub has the results of requests, and gets them.
func (c *Client) fetch(ctx context.Context, ids []wire.MsgID) (map[wire.MsgID]*Result, error) {
	for period := firstPoll; ; period = min(2*period, lastPoll) {
		s, err := c.resultStatus(ctx, ids)
		if err != nil {
			return nil, err
		}
		if len(s.Pending) == 0 {
			break
		}
		select {
		case <-time.After(period):
		case <-c.closed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d requests are not done: %w", len(s.Pending), len(ids), context.Cause(ctx))
		}
	}
	records, err := c.records(ctx, map[string]any{"msg_id": map[string]any{"$in": ids}}, recordKeys)
	if err != nil {
		return nil, fmt.Errorf("ask the hub: %w", err)
	}
	found := make(map[wire.MsgID]*Result, len(ids))
	for i := range records {
		found[records[i].MsgID] = c.describe(&records[i])
	}
	for _, id := range ids {
		if found[id] == nil {
			return nil, fmt.Errorf("the hub has dropped the record of %s", id)
		}
	}
	return found, nil
}

// recordKeys are those of which a result is made.
var recordKeys = []string{
	"msg_id", "header", "metadata", "content", "submitted", "completed", "received", "engine_uuid",
	"result_metadata", "result_content", "execute_result", "stdout", "stderr", "result_buffers",
}

// describe makes the result of a record.
func (c *Client) describe(rec *Record) *Result {
	r := &Result{
		MsgID: rec.MsgID, Engine: NoEngine, UUID: rec.EngineUUID,
		Submitted: rec.Submitted.Time, Completed: rec.Completed.Time, Received: rec.Received.Time,
		Stdout: rec.Stdout, Stderr: rec.Stderr,
		Code: rec.code().Code,
	}
	if rec.ExecuteResult != nil {
		r.ExecuteResult = rec.ExecuteResult.Data
	}
	c.mu.Lock()
	if id, known := c.ids[rec.EngineUUID]; known {
		r.Engine = id
	}
	c.mu.Unlock()
	r.readReply(rec.ResultMetadata, rec.ResultContent)
	var asked struct { // what the task depends on, where it says so
		After  json.RawMessage `json:"after"`
		Follow json.RawMessage `json:"follow"`
		Label  string          `json:"label"`
	}
	json.Unmarshal(rec.Metadata, &asked)
	r.After, r.Follow, r.Label = dependsOn(asked.After), dependsOn(asked.Follow), asked.Label
	switch r.Err = replyError(rec.ResultContent, r.Engine, r.MsgID); {
	case r.Err != nil:
	case rec.Header.MsgType == wire.ApplyRequest:
		var err error
		if r.Value, _, err = codec.Deserialize(rec.ResultBuffers); err != nil {
			r.Err = fmt.Errorf("value from engine %d: %w", r.Engine, err)
		}
	case r.ExecuteResult != nil:
		r.Value = r.ExecuteResult["text/plain"]
	}
	return r
}

// code is what an execute_request asked for.
func (rec *Record) code() (x wire.Execute) {
	if rec.Header.MsgType == wire.ExecuteRequest {
		json.Unmarshal(rec.Content, &x) // what cannot be read stays empty
	}
	return x
}

// findCommands finds the ids of the executions of that number on engines, or
// from the end.
func (c *Client) findCommands(ctx context.Context, engines []*engine, n int) (map[wire.EngineUUID]wire.MsgID, error) {
	uuids := make([]wire.EngineUUID, len(engines))
	for i, e := range engines {
		uuids[i] = e.uuid
	}
	records, err := c.records(ctx, map[string]any{"engine_uuid": map[string]any{"$in": uuids}},
		[]string{"msg_id", "header", "content", "submitted", "engine_uuid", "result_content"})
	if err != nil {
		return nil, fmt.Errorf("ask the hub: %w", err)
	}
	slices.SortStableFunc(records, func(a, b Record) int { return a.Submitted.Compare(b.Submitted.Time) })
	found := make(map[wire.EngineUUID]wire.MsgID)
	for _, e := range engines {
		left := n
		for _, r := range slices.Backward(records) {
			if x := r.code(); r.EngineUUID != e.uuid || x.Silent || !x.StoreHistory {
				continue
			}
			var reply struct {
				Count int `json:"execution_count"`
			}
			json.Unmarshal(r.ResultContent, &reply)
			if left++; left == 0 || n > 0 && reply.Count == n {
				found[e.uuid] = r.MsgID
				break
			}
		}
		if found[e.uuid] == "" {
			return nil, fmt.Errorf("engine %d: no such command among those that the client and the hub remember", e.id)
		}
	}
	return found, nil
}
