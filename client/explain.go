package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"muster/wire"
)

// An Explanation says of tasks where they are and what they wait for.
type Explanation struct {
	// Reason is the rest of a sentence of which each of the tasks is the
	// subject: "waits for engine 2, as it may go to no other: busy".
	Reason string `json:"reason"`
	// Tasks are their ids. Where all that waits was asked for there are at most
	// ten, and Count is how many tasks there are in truth.
	Tasks []wire.MsgID `json:"tasks"`
	Count int          `json:"count"`
}

// String is a sentence.
func (e Explanation) String() string {
	if e.Count == 1 && len(e.Tasks) == 1 {
		return fmt.Sprintf("Task %q %s.", e.Tasks[0], e.Reason)
	}
	return fmt.Sprintf("Of %d tasks, each %s.", e.Count, e.Reason)
}

// Explain asks the scheduler where tasks are and what they wait for, and groups
// them by the answer: the tasks of load-balanced calls, or MsgIDs, in the order
// in which they are given. Without tasks, it is about all that wait, of all
// clients; the last Explanation may then be of those for which there was no room.
// Python's controller does not know.
func (c *Client) Explain(ctx context.Context, tasks ...Dependable) ([]Explanation, error) {
	all := AllOf(tasks...)
	if all.err != nil {
		return nil, fmt.Errorf("client: explain: %w", all.err)
	}
	var ids []wire.MsgID // nil for all that wait
	if len(tasks) > 0 {
		if ids = all.ids; len(ids) == 0 {
			return nil, nil
		}
	}
	reply, err := c.explain(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("client: explain: %w", err)
	}
	var out []Explanation
	for _, w := range reply.Waiting {
		out = append(out, Explanation{w.Reason, w.Tasks, w.Count})
	}
	if reply.More > 0 {
		out = append(out, Explanation{Reason: "waits for something else", Count: reply.More})
	}
	place := make(map[string]int)
	for _, id := range ids {
		reason := strings.TrimSuffix(strings.TrimPrefix(reply.Tasks[id], fmt.Sprintf("Task %q ", id)), ".")
		i, known := place[reason]
		if !known {
			i = len(out)
			place[reason] = i
			out = append(out, Explanation{Reason: reason})
		}
		out[i].Tasks = append(out[i].Tasks, id)
		out[i].Count++
	}
	return out, nil
}

// explain asks about some tasks, or if ids is nil about all that wait.
func (c *Client) explain(ctx context.Context, ids []wire.MsgID) (*wire.Explained, error) {
	c.mu.Lock()
	ours := c.recorded
	c.mu.Unlock()
	if !ours {
		return nil, errors.New("the controller is ipyparallel's, whose scheduler does not tell")
	}
	m, err := c.askBy(ctx, c.task, wire.ExplainRequest, wire.Explain{MsgIDs: ids})
	if err != nil {
		return nil, err
	}
	var reply wire.Explained
	if err := json.Unmarshal(m.Content, &reply); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Header.MsgType, err)
	}
	return &reply, nil
}

// Explain says where the tasks of a LoadBalancedView's call are and what they
// wait for, in a sentence for those of which the same is to be said:
//
//	Task "5c27..._12" waits until task "5c27..._11" is done.
func (ar *AsyncResult) Explain(ctx context.Context) (string, error) {
	if d := ar.dependency(); d.err != nil {
		return "", callError("explain "+ar.what, errors.New("the scheduler knows nothing of it: it is no call of a LoadBalancedView, or was not sent"))
	}
	if ar.client == nil {
		return "", nil // it has no tasks
	}
	all, err := ar.client.Explain(ctx, ar)
	lines := make([]string, len(all))
	for i, e := range all {
		lines[i] = e.String()
	}
	return strings.Join(lines, "\n"), err
}
