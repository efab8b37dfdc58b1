package client

import (
	"context"
	"encoding/json"
	"fmt"

	"muster/wire"
)

// TaskStatus is which load-balanced tasks are where, by their ids. As text it
// counts them:
//
//	scheduled: 3, pending: 4, succeeded: 10, failed: 1
type TaskStatus struct {
	Scheduled []wire.MsgID // wait, on no engine
	Pending   []wire.MsgID // on an engine, running or in its queue
	Succeeded []wire.MsgID
	Failed    []wire.MsgID // or aborted
}

func (s *TaskStatus) String() string {
	return fmt.Sprintf("scheduled: %d, pending: %d, succeeded: %d, failed: %d", len(s.Scheduled), len(s.Pending), len(s.Succeeded), len(s.Failed))
}

// TaskStatus tells what has become of the tasks of some calls or, without any, of
// all that this client has outstanding or remembers. A task that is being
// recovered is what recovers it.
func (c *Client) TaskStatus(ctx context.Context, calls ...*AsyncResult) (*TaskStatus, error) {
	s := new(TaskStatus)
	c.mu.Lock()
	if len(calls) == 0 {
		calls = append(calls, c.memory.calls...)
		calls = append(calls, c.outstanding()...)
	}
	var open []wire.MsgID
	for _, ar := range calls {
		for i := range ar.tasks {
			switch t := &ar.tasks[i]; {
			case ar.scheduled == nil:
			case !t.ended:
				open = append(open, t.id)
			case t.failure() == nil:
				s.Succeeded = append(s.Succeeded, t.id)
			default:
				s.Failed = append(s.Failed, t.id)
			}
		}
	}
	c.mu.Unlock()
	if len(open) == 0 {
		return s, nil
	}
	waiting, err := c.unassigned(ctx)
	if err != nil {
		return nil, fmt.Errorf("client: task status: %w", err)
	}
	for _, id := range open {
		if waiting[id] {
			s.Scheduled = append(s.Scheduled, id)
		} else {
			s.Pending = append(s.Pending, id)
		}
	}
	return s, nil
}

// unassigned asks the hub for the tasks that no engine has.
func (c *Client) unassigned(ctx context.Context) (map[wire.MsgID]bool, error) {
	reply, err := c.ask(ctx, wire.QueueRequest, map[string]any{"targets": []EngineID{}, "verbose": true})
	if err != nil {
		return nil, err
	}
	var content struct {
		Unassigned []wire.MsgID `json:"unassigned"`
	}
	if err := json.Unmarshal(reply.Content, &content); err != nil {
		return nil, fmt.Errorf("%s: %w", reply.Header.MsgType, err)
	}
	waiting := make(map[wire.MsgID]bool, len(content.Unassigned))
	for _, id := range content.Unassigned {
		waiting[id] = true
	}
	return waiting, nil
}

// TaskStatusOfAll is TaskStatus of the tasks of all clients that the hub has
// records of.
func (c *Client) TaskStatusOfAll(ctx context.Context) (*TaskStatus, error) {
	records, err := c.records(ctx, map[string]any{"queue": "task"}, []string{"engine_uuid", "received", "result_metadata"})
	if err != nil {
		return nil, fmt.Errorf("client: task status: %w", err)
	}
	s := new(TaskStatus)
	for _, r := range records {
		var m struct {
			Status string `json:"status"`
		}
		json.Unmarshal(r.ResultMetadata, &m) // one that cannot be read says nothing
		switch {
		case r.Received.IsZero() && r.EngineUUID == "":
			s.Scheduled = append(s.Scheduled, r.MsgID)
		case r.Received.IsZero():
			s.Pending = append(s.Pending, r.MsgID)
		case m.Status == wire.StatusOK:
			s.Succeeded = append(s.Succeeded, r.MsgID)
		default:
			s.Failed = append(s.Failed, r.MsgID)
		}
	}
	return s, nil
}
