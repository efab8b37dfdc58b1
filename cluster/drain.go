package cluster

import (
	"context"
	"time"

	"muster/client"
	"muster/launcher"
	"muster/wire"
)

// drain has the registered engines of the set finish and leave, and returns when they
// are gone. Without any that is at once.
func (s *engines) drain(ctx context.Context, t *tally) error {
	if job, _ := s.latest(); job == nil || job.State() == launcher.Queued {
		return nil // also while the controller is away
	}
	return s.c.drain(ctx, "its set was removed", t, func(all map[wire.EngineID]wire.EngineProcess) (there []wire.EngineID, err error) {
		mark := s.recorded().Handle.Mark
		for id, p := range all {
			if p.Job == mark { // Python's do not tell, and do not know how to drain
				there = append(there, id)
			}
		}
		return there, s.cancelNext(ctx) // which would begin as this one ends
	})
}

// drain has engines finish and leave, for a cause, and returns when none of those is
// left that there finds among the registered. Once they are told, it goes on while the
// controller is away.
func (c *Cluster) drain(ctx context.Context, cause string, t *tally, there func(map[wire.EngineID]wire.EngineProcess) ([]wire.EngineID, error)) error {
	told := make(map[seat]bool)
	left := 0
	for wait := look / 16; ; wait = min(2*wait, look) {
		all, err := registered(ctx, c.ClientFile())
		if err == nil {
			var stay, ask []wire.EngineID
			if stay, err = there(all); err != nil {
				return err
			}
			for _, id := range stay {
				if !told[seat{all[id].Host, all[id].PID}] {
					ask = append(ask, id)
				}
			}
			if len(ask) > 0 {
				err = c.control(ctx, func(ctx context.Context, cl *client.Client) error {
					return cl.Drain(ctx, client.Engines(ask...), cause)
				})
			}
			if err == nil {
				for _, id := range ask {
					told[seat{all[id].Host, all[id].PID}] = true
				}
				gone := len(told) - len(stay)
				t.add(len(ask), gone-left)
				left = gone
				if len(stay) == 0 {
					return nil
				}
			}
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && len(told) == 0:
			return unasked(err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.over:
			return unasked(errControllerOver)
		case <-time.After(wait):
		}
	}
}

// control lets a client tell engines something, within farewell.
func (c *Cluster) control(ctx context.Context, tell func(context.Context, *client.Client) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, farewell, errFarewell)
	defer cancel()
	cl, err := client.Connect(ctx, client.WithFile(c.ClientFile()), client.WithoutOutput())
	if err != nil {
		return err
	}
	defer cl.Close()
	return tell(ctx, cl)
}
