package client

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"muster/wire"
)

// QueueStatus is what engines have to do. As text it is a table.
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

// QueueIDs is QueueStatus with the requests themselves, by their ids.
type QueueIDs struct {
	Engines    map[EngineID]EngineRequests
	Unassigned []wire.MsgID
}

// EngineRequests are the requests of one engine. Completed are those that the
// hub still has a record of.
type EngineRequests struct {
	Queue     []wire.MsgID `json:"queue"`
	Tasks     []wire.MsgID `json:"tasks"`
	Completed []wire.MsgID `json:"completed"`
}

// QueueStatus asks the hub how much engines have to do.
func (c *Client) QueueStatus(ctx context.Context, t Targets) (*QueueStatus, error) {
	s := new(QueueStatus)
	var err error
	s.Engines, s.Unassigned, err = queues[EngineQueue, int](ctx, c, t, false)
	if err != nil {
		return nil, fmt.Errorf("client: queue status of %s: %w", t, err)
	}
	return s, nil
}

// QueueIDs asks the hub what engines have to do, request by request.
func (c *Client) QueueIDs(ctx context.Context, t Targets) (*QueueIDs, error) {
	s := new(QueueIDs)
	var err error
	s.Engines, s.Unassigned, err = queues[EngineRequests, []wire.MsgID](ctx, c, t, true)
	if err != nil {
		return nil, fmt.Errorf("client: queue status of %s: %w", t, err)
	}
	return s, nil
}

// queues asks the hub for the queues of engines, as counts or as lists.
func queues[Queue, Unassigned any](ctx context.Context, c *Client, t Targets, verbose bool) (of map[EngineID]Queue, unassigned Unassigned, err error) {
	engines, err := c.resolve(t)
	if err != nil {
		return nil, unassigned, err
	}
	ids := make([]EngineID, len(engines))
	for i, e := range engines {
		ids[i] = e.id
	}
	reply, err := c.ask(ctx, wire.QueueRequest, map[string]any{"targets": ids, "verbose": verbose})
	if err != nil {
		return nil, unassigned, err
	}
	var content map[string]json.RawMessage
	if err := json.Unmarshal(reply.Content, &content); err != nil {
		return nil, unassigned, err
	}
	of = make(map[EngineID]Queue, len(ids))
	for key, raw := range content {
		id, nan := strconv.Atoi(key)
		switch {
		case key == "unassigned":
			err = json.Unmarshal(raw, &unassigned)
		case nan == nil:
			var q Queue
			err = json.Unmarshal(raw, &q)
			of[EngineID(id)] = q
		}
		if err != nil {
			return nil, unassigned, fmt.Errorf("%s: %s: %w", reply.Header.MsgType, key, err)
		}
	}
	return of, unassigned, nil
}

// String is a table with a line for each engine; of more than four, those that
// have equal numbers share one:
//
//	engine  queue  tasks  completed
//	0-2, 4      0      0         12
//	3           1      0         12
//	unassigned tasks: 2
func (s *QueueStatus) String() string {
	var b strings.Builder
	rows := foldMany(slices.Sorted(maps.Keys(s.Engines)), func(id EngineID) (string, EngineID) {
		q := s.Engines[id]
		return fmt.Sprintf("%6d%7d%11d", q.Queue, q.Tasks, q.Completed), id
	})
	width := len("engine")
	for _, r := range rows {
		width = max(width, len(ranges(r.engines)))
	}
	fmt.Fprintf(&b, "%-*s %6s%7s%11s\n", width, "engine", "queue", "tasks", "completed")
	for _, r := range rows {
		fmt.Fprintf(&b, "%-*s %s\n", width, ranges(r.engines), r.text)
	}
	fmt.Fprintf(&b, "unassigned tasks: %d", s.Unassigned)
	return b.String()
}

// String lists the requests by engine:
//
//	[0] queue: 5f3c..._12, 5f3c..._13
//	[0] completed: 5f3c..._4
//	unassigned: 5f3c..._14
func (s *QueueIDs) String() string {
	var lines []string
	list := func(label string, ids []wire.MsgID) {
		if len(ids) > 0 {
			lines = append(lines, fmt.Sprintf("%s: %s", label, joinIDs(ids)))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.Engines)) {
		e := s.Engines[id]
		list(fmt.Sprintf("[%d] queue", id), e.Queue)
		list(fmt.Sprintf("[%d] tasks", id), e.Tasks)
		list(fmt.Sprintf("[%d] completed", id), e.Completed)
	}
	list("unassigned", s.Unassigned)
	return strings.Join(lines, "\n")
}

// ResultStatus says which requests are done.
type ResultStatus struct {
	Pending   []wire.MsgID `json:"pending"`
	Completed []wire.MsgID `json:"completed"`
}

func (s *ResultStatus) String() string {
	return fmt.Sprintf("pending: %s\ncompleted: %s", joinIDs(s.Pending), joinIDs(s.Completed))
}

func joinIDs(ids []wire.MsgID) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(id))
	}
	return b.String()
}

// ResultStatus tells which of some requests are done, without fetching their
// results. The hub is asked for those that this client does not remember.
func (c *Client) ResultStatus(ctx context.Context, ids ...wire.MsgID) (*ResultStatus, error) {
	s := new(ResultStatus)
	var others []wire.MsgID
	c.mu.Lock()
	known := c.recall(ids)
	for _, id := range ids {
		switch t := known[id]; {
		case t == nil:
			others = append(others, id)
		case t.ended:
			s.Completed = append(s.Completed, id)
		default:
			s.Pending = append(s.Pending, id)
		}
	}
	c.mu.Unlock()
	if len(others) > 0 {
		more, err := c.resultStatus(ctx, others)
		if err != nil {
			return nil, fmt.Errorf("client: result status: %w", err)
		}
		s.Pending = append(s.Pending, more.Pending...)
		s.Completed = append(s.Completed, more.Completed...)
	}
	return s, nil
}

// resultStatus asks the hub which requests are done.
func (c *Client) resultStatus(ctx context.Context, ids []wire.MsgID) (*ResultStatus, error) {
	reply, err := c.ask(ctx, wire.ResultRequest, map[string]any{"msg_ids": ids, "status_only": true})
	if err != nil {
		return nil, fmt.Errorf("ask the hub: %w", err)
	}
	s := new(ResultStatus)
	if err := json.Unmarshal(reply.Content, s); err != nil {
		return nil, fmt.Errorf("%s: %w", reply.Header.MsgType, err)
	}
	return s, nil
}
