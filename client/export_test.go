package client

import (
	"context"
	"encoding/json"

	"muster/wire"
)

// ExplainTask asks the scheduler what a task waits for.
func (c *Client) ExplainTask(ctx context.Context, id wire.MsgID) (string, error) {
	content, err := json.Marshal(wire.Explain{MsgIDs: []wire.MsgID{id}})
	if err != nil {
		return "", err
	}
	ar := c.start(&AsyncResult{what: "explain", kind: toController, decode: nothing}, c.task, nil, &request{msgType: wire.ExplainRequest, content: content})
	if _, err = ar.Get(ctx); err != nil {
		return "", err
	}
	var e wire.Explained
	err = json.Unmarshal(ar.tasks[0].reply.Content, &e)
	return e.Tasks[id], err
}
