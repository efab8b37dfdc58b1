package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"muster/client"
	"muster/launcher"
	"muster/wire"
)

// A seat is where the process of one engine is.
type seat struct {
	host string
	pid  int
}

// farewell bounds the wait for engines that were told to end.
const farewell = 2 * launcher.DefaultGrace

var (
	errFarewell       = fmt.Errorf("not done within %v", farewell)
	errControllerOver = errors.New("the controller has ended")
)

// leaving is a single engine that is being removed.
type leaving struct {
	seat
	id   wire.EngineID
	set  *engines
	gone chan struct{}
	went func() // closes gone
	busy bool   // a request waits for it; guarded by recording
}

// removeSingle removes single engines.
func (c *Cluster) removeSingle(ctx context.Context, r RemoveConfig) error {
	ctx, done, err := c.changes.begin(ctx)
	if err == nil {
		defer done()
		err = c.removeIDs(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("cluster: remove engines: %w", err)
	}
	return nil
}

func (c *Cluster) removeIDs(ctx context.Context, r RemoveConfig) error {
	ids := slices.Compact(slices.Sorted(slices.Values(r.IDs)))
	all, err := registered(ctx, c.ClientFile())
	if err != nil {
		return err
	}
	leaving, err := c.leave(ids, all, r.Now)
	if err != nil {
		return err
	}
	defer c.leaveOff(leaving)
	var said error
	if r.Now {
		said = c.control(ctx, func(ctx context.Context, cl *client.Client) error {
			return cl.Shutdown(ctx, client.Engines(ids...))
		})
	} else {
		t := &tally{now: Progress{Leaving: leavingIDs(ids)}, tell: r.Progress}
		err := c.drain(ctx, "it was removed", t, func(all map[wire.EngineID]wire.EngineProcess) (there []wire.EngineID, _ error) {
			for _, l := range leaving {
				if p, ok := all[l.id]; ok && l.seat == (seat{p.Host, p.PID}) {
					there = append(there, l.id)
				}
			}
			return there, nil
		})
		if err != nil {
			return err
		}
	}
	limited, cancel := context.WithTimeoutCause(ctx, farewell, errFarewell)
	defer cancel()
	for _, l := range leaving {
		err = errors.Join(err, l.wait(limited))
	}
	if err != nil {
		return errors.Join(err, said)
	}
	for _, l := range leaving {
		if l.set.recorded().N == 0 {
			l.set.dismissed()
			c.drop(l.set)
		}
	}
	c.renewed(func(*Record) {})
	return nil
}

// leavingIDs names engines, as in "engines 1-2".
func leavingIDs(ids []wire.EngineID) string {
	if len(ids) == 1 {
		return fmt.Sprintf("engine %d", ids[0])
	}
	return "engines " + wire.FormatIDs(ids)
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

// leave notes that engines will end, so that it is no death when they do. To end them
// now, they may be among those that another request waits for.
func (c *Cluster) leave(ids []wire.EngineID, all map[wire.EngineID]wire.EngineProcess, now bool) (leave []*leaving, err error) {
	c.recording.Lock()
	defer c.recording.Unlock()
	for _, id := range ids {
		p, ok := all[id]
		if !ok {
			return nil, fmt.Errorf("there is no engine %d (ipcluster status)", id)
		}
		n := slices.IndexFunc(c.sets, func(s *engines) bool { return s.mark == p.Job })
		if n < 0 {
			return nil, fmt.Errorf("engine %d, process %d on %s, is of no set of this cluster: whoever started it has to end it", id, p.PID, p.Host)
		}
		s, at := c.sets[n], seat{p.Host, p.PID}
		l := s.leaving[at]
		switch {
		case s.claimed != nil:
			return nil, fmt.Errorf("engine %d is of set %s, which is busy: %v", id, s.name, s.claimed)
		case !s.config.Apart():
			return nil, fmt.Errorf("engine %d is of set %s, a job of %d engines that live and die together: remove the set (ipcluster engines remove --set %s)", id, s.name, len(s.ids), s.name)
		case l != nil && l.busy && !now:
			return nil, fmt.Errorf("engine %d is being removed already, and finishes what it runs (ipcluster engines remove --now %d ends it at once)", id, id)
		case l == nil:
			gone := make(chan struct{})
			l = &leaving{seat: at, id: id, set: s, gone: gone, went: sync.OnceFunc(func() { close(gone) })}
		}
		leave = append(leave, l)
	}
	for _, l := range leave {
		l.set.leaving[l.seat], l.busy = l, true
	}
	return leave, nil
}

// leaveOff ends a request to remove single engines. Those that are not gone yet are no
// death when they go.
func (c *Cluster) leaveOff(all []*leaving) {
	c.recording.Lock()
	defer c.recording.Unlock()
	for _, l := range all {
		l.busy = false
		select {
		case <-l.gone:
			delete(l.set.leaving, l.seat)
		default:
		}
	}
}

// leavers are the single engines of the set that requests wait for.
func (s *engines) leavers() (ids []wire.EngineID) {
	for _, l := range s.leaving {
		if l.busy {
			ids = append(ids, l.id)
		}
	}
	slices.Sort(ids)
	return ids
}

// left reports whether an engine was to end, and then takes it off the record.
func (s *engines) left(end launcher.End) bool {
	at := seat{cmp.Or(end.Host, hostname()), end.PID}
	s.c.recording.Lock()
	l := s.leaving[at]
	if l != nil && !l.busy {
		delete(s.leaving, at)
	}
	s.c.recording.Unlock()
	if l == nil {
		return false
	}
	s.noted(func(r *Set) {
		r.IDs = slices.DeleteFunc(slices.Clone(r.IDs), func(id wire.EngineID) bool { return id == s.ids[end.Copy] })
		r.N = len(r.IDs)
	})
	l.went()
	return true
}
