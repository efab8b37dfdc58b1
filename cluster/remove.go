package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"muster/client"
	"muster/launcher"
	"muster/wire"
)

// RemoveSets ends whole sets of engines, and returns when they are gone. What they
// had to do fails for that reason.
func (c *Cluster) RemoveSets(ctx context.Context, names ...string) error {
	return c.changeSets(ctx, "remove", names, func(ctx context.Context, s *engines) error {
		if err := s.note(func(r *Set) { r.Removing = true }); err != nil {
			return err
		}
		s.dismissed()
		s.reportAll(ctx, "its set was removed")
		if err := s.stop(ctx); err != nil { // it stays on record, and can be removed once more
			s.noted(func(r *Set) { r.Removing = false })
			s.supervise()
			return err
		}
		c.drop(s)
		return nil
	})
}

// RestartSets ends whole sets of engines and starts them again, under the ids that
// they had; without names, all. It returns when they are started or, under a batch
// system, submitted. What they had to do fails for that reason.
func (c *Cluster) RestartSets(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		c.recording.Lock()
		for _, s := range c.sets {
			names = append(names, s.name)
		}
		c.recording.Unlock()
	}
	return c.changeSets(ctx, "restart", names, func(ctx context.Context, s *engines) error {
		s.dismissed()
		s.reportAll(ctx, "its set is started again")
		err := s.stop(ctx)
		if err == nil {
			err = s.startWorld(ctx)
		}
		s.supervise()
		return err
	})
}

// changeSets does the same to several sets at once. No other change is made to
// these meanwhile.
func (c *Cluster) changeSets(ctx context.Context, what string, names []string, do func(context.Context, *engines) error) error {
	ctx, done, err := c.changes.begin(ctx)
	if err != nil {
		return fmt.Errorf("cluster: %s engines: %w", what, err)
	}
	defer done()
	sets, err := c.claim(what, names)
	if err != nil {
		return fmt.Errorf("cluster: %s engines: %w", what, err)
	}
	failures := make([]error, len(sets))
	var all sync.WaitGroup
	for i, s := range sets {
		all.Go(func() {
			if err := do(ctx, s); err != nil {
				failures[i] = fmt.Errorf("cluster: %s engines: set %s: %w", what, s.name, err)
			}
			c.release(s)
		})
	}
	all.Wait()
	c.renewed(func(*Record) {})
	return errors.Join(failures...)
}

// claim returns the sets of these names, which nobody else may change then.
func (c *Cluster) claim(what string, names []string) (sets []*engines, err error) {
	c.recording.Lock()
	defer c.recording.Unlock()
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		i := slices.IndexFunc(c.sets, func(s *engines) bool { return s.name == name })
		switch {
		case i < 0:
			return nil, fmt.Errorf("there is no set %q, but %s (ipcluster engines list)", name, c.setNames())
		case c.sets[i].changing != "":
			return nil, fmt.Errorf("set %s is busy: another request to %s it is not finished", name, c.sets[i].changing)
		}
		sets = append(sets, c.sets[i])
	}
	for _, s := range sets {
		s.changing = what
	}
	return sets, nil
}

// release lets others change a set that was claimed.
func (c *Cluster) release(s *engines) {
	c.recording.Lock()
	defer c.recording.Unlock()
	s.changing = ""
}

// setNames lists the sets, as in "1, 2".
func (c *Cluster) setNames() string {
	if len(c.sets) == 0 {
		return "none"
	}
	var names []string
	for _, s := range c.sets {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// drop takes a set that has ended off the record.
func (c *Cluster) drop(s *engines) {
	c.noted(func(r *Record) {
		c.sets = slices.DeleteFunc(c.sets, func(t *engines) bool { return t == s })
		r.Sets = slices.DeleteFunc(r.Sets, func(t Set) bool { return t.Name == s.name })
	})
}

// A seat is where the process of one engine is.
type seat struct {
	host string
	pid  int
}

// farewell bounds the wait for engines that were told to end.
const farewell = 2 * launcher.DefaultGrace

// RemoveEngines ends single engines, by their ids, and returns when they are gone.
// Those of one job end together: it is an error to name only some of these, and
// then none is removed.
func (c *Cluster) RemoveEngines(ctx context.Context, ids ...wire.EngineID) error {
	ctx, done, err := c.changes.begin(ctx)
	if err == nil {
		defer done()
		err = c.removeEngines(ctx, ids)
	}
	if err != nil {
		return fmt.Errorf("cluster: remove engines: %w", err)
	}
	return nil
}

func (c *Cluster) removeEngines(ctx context.Context, ids []wire.EngineID) error {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	all, err := registered(ctx, c.ClientFile())
	if err != nil {
		return err
	}
	leaving, err := c.leave(ids, all)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeoutCause(ctx, farewell, fmt.Errorf("not gone within %v", farewell))
	defer cancel()
	said := c.shutDown(limited, ids)
	for _, l := range leaving {
		err = errors.Join(err, l.wait(limited))
	}
	for _, l := range leaving {
		if l.set.recorded().N == 0 && err == nil {
			l.set.dismissed()
			c.drop(l.set)
		}
		c.release(l.set)
	}
	c.renewed(func(*Record) {})
	if err != nil {
		return errors.Join(err, said)
	}
	return nil
}

// wait waits until the engine is gone. One of this machine is made to go.
func (l *leaving) wait(ctx context.Context) error {
	select {
	case <-l.gone:
		return nil
	case <-ctx.Done():
	}
	p, err := launcher.Identify(l.pid)
	switch {
	case l.host != hostname():
		return fmt.Errorf("engine %d: %w", l.id, context.Cause(ctx))
	case err != nil: // it has just gone
		return nil
	}
	return p.Stop(context.WithoutCancel(ctx), launcher.DefaultGrace)
}

// shutDown has the controller tell engines to end.
func (c *Cluster) shutDown(ctx context.Context, ids []wire.EngineID) error {
	cl, err := client.Connect(ctx, client.WithFile(c.ClientFile()))
	if err != nil {
		return err
	}
	defer cl.Close()
	return cl.Shutdown(ctx, client.Engines(ids...))
}

// leaving is an engine that is being removed.
type leaving struct {
	seat
	id   wire.EngineID
	set  *engines
	gone chan struct{}
}

// leave notes that engines will end, so that it is no death when they do. Their sets
// are claimed.
func (c *Cluster) leave(ids []wire.EngineID, all map[wire.EngineID]wire.EngineProcess) (leave []*leaving, err error) {
	c.recording.Lock()
	defer c.recording.Unlock()
	sets := make([]*engines, len(ids))
	for i, id := range ids {
		p, ok := all[id]
		if !ok {
			return nil, fmt.Errorf("there is no engine %d (ipcluster status)", id)
		}
		n := slices.IndexFunc(c.sets, func(s *engines) bool { return s.mark == p.Job })
		if n < 0 {
			return nil, fmt.Errorf("engine %d, process %d on %s, is of no set of this cluster: whoever started it has to end it", id, p.PID, p.Host)
		}
		s := c.sets[n]
		switch {
		case s.changing != "":
			return nil, fmt.Errorf("engine %d is of set %s, which is busy: a request to %s it is not finished", id, s.name, s.changing)
		case !s.config.Apart():
			return nil, fmt.Errorf("engine %d is of set %s, a job of %d engines that live and die together: remove the set (ipcluster engines remove --set %s)", id, s.name, len(s.ids), s.name)
		}
		sets[i] = s
	}
	for i, id := range ids {
		l := &leaving{seat{all[id].Host, all[id].PID}, id, sets[i], make(chan struct{})}
		l.set.changing = "remove"
		l.set.leaving[l.seat] = l
		leave = append(leave, l)
	}
	return leave, nil
}

// left reports whether an engine was to end, and then takes it off the record.
func (s *engines) left(end launcher.End) bool {
	at := seat{cmp.Or(end.Host, hostname()), end.PID}
	s.c.recording.Lock()
	l := s.leaving[at]
	delete(s.leaving, at)
	s.c.recording.Unlock()
	if l == nil {
		return false
	}
	s.noted(func(r *Set) {
		r.IDs = slices.DeleteFunc(slices.Clone(r.IDs), func(id wire.EngineID) bool { return id == s.ids[end.Copy] })
		r.N = len(r.IDs)
	})
	close(l.gone)
	return true
}
