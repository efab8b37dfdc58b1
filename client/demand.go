package client

import (
	"context"
	"fmt"

	"muster/wire"
)

// Demand is the load-balanced tasks, of all clients, that wait for an engine and
// that one more engine might take: not those that wait for others to be done, nor
// those that may go to certain engines only, nor those that every engine there is
// refuses.
type Demand struct {
	Tasks int // in all
	// Late are those of them that take longer than the jobs of all engines last (see
	// Walltime), so that they wait though engines may have nothing to do.
	Late int
}

// Demand asks the scheduler for the demand for further engines. Python's
// controller does not know.
func (c *Client) Demand(ctx context.Context) (Demand, error) {
	reply, err := c.explain(ctx, []wire.MsgID{})
	if err != nil {
		return Demand{}, fmt.Errorf("client: demand: %w", err)
	}
	return Demand{reply.Ready, reply.Late}, nil
}
