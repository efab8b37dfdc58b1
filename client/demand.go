package client

import (
	"context"
	"fmt"

	"muster/wire"
)

// Demand counts the load-balanced tasks, of all clients, that wait for an engine
// and that one more engine might take: not those that wait for others to be done, nor
// those that may go to certain engines only, nor those that every engine there is
// refuses. It is what to go by in adding engines. Python's controller does not know.
func (c *Client) Demand(ctx context.Context) (int, error) {
	reply, err := c.explain(ctx, []wire.MsgID{})
	if err != nil {
		return 0, fmt.Errorf("client: demand: %w", err)
	}
	return reply.Ready, nil
}
