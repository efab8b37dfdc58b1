package cluster

import (
	"context"
	"time"

	"muster/client"
)

// retire removes a set that nobody needs. Its engines get no more tasks, finish what
// they have begun, and end by themselves, so that nothing is lost that came meanwhile.
func (c *Cluster) retire(ctx context.Context, name string) error {
	s := c.set(name)
	if s == nil {
		return nil // somebody else has removed it
	}
	err := s.note(func(r *Set) { r.Removing = true })
	if err == nil {
		err = s.drain(ctx)
	}
	if err == nil {
		err = c.RemoveSets(ctx, name)
	}
	if err != nil && c.set(name) != nil {
		s.noted(func(r *Set) { r.Removing = false })
		return err
	}
	return nil
}

// drain has the registered engines of the set finish and end, and returns when
// they are gone.
func (s *engines) drain(ctx context.Context) error {
	cl, err := client.Connect(ctx, client.WithFile(s.c.ClientFile()), client.WithoutOutput())
	if err != nil {
		return err
	}
	defer cl.Close()
	asked := make(map[client.EngineID]bool)
	for {
		all, err := cl.Processes(ctx)
		if err != nil {
			return err
		}
		mark, there := s.recorded().Handle.Mark, 0
		var ask []client.EngineID
		for id, p := range all {
			if p.Job != mark {
				continue // Python's do not tell, and do not know how to drain
			}
			there++
			if !asked[id] {
				asked[id] = true
				ask = append(ask, id)
			}
		}
		if there == 0 {
			return nil
		}
		if len(ask) > 0 {
			if err := cl.Drain(ctx, client.Engines(ask...), "nobody needed its set of engines any more"); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(look):
		}
	}
}
