package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster/client"
	"muster/cluster/elastic"
	"muster/launcher"
)

// Elastic is what is on record of a cluster whose sets of engines come and go
// with the load.
type Elastic struct {
	Min int `json:"min"` // sets at least
	Max int `json:"max"` // and at most
	// Last is what was decided last, and why, as in "set 3 is added: tasks that
	// wait: 25, for 8 engines"; "" if nothing was. It was at Time.
	Last string    `json:"last,omitempty"`
	Time time.Time `json:"time,omitzero"`
}

// String is a line, as in "1 to 8 sets; 2026-11-21 14:05:09: set 3 is added: ...".
func (e Elastic) String() string {
	s := fmt.Sprintf("%d to %d sets", e.Min, e.Max)
	if e.Last != "" {
		s += fmt.Sprintf("; %s: %s", e.Time.Local().Format(time.DateTime), e.Last)
	}
	return s
}

// Bounds are how many engines there may be at least and at most of a cluster whose sets
// of engines come and go with the load; 0 of one whose do not.
func (c *Cluster) Bounds() (least, most int) {
	e, n := c.profile.Engines.Elastic, c.profile.Engines.Count()
	return e.Min * n, e.Max * n
}

// look is the time from one look at the load to the next, which is a tick of the
// machine that decides.
const look = time.Second

// newMachine makes the machine that decides for sets of n engines.
func newMachine(c launcher.Config, n int) *elastic.Machine {
	e := c.Elastic.Filled()
	ticks := func(d time.Duration) int { return int((d + look - 1) / look) }
	return elastic.New(elastic.Config{
		Min: e.Min, Max: e.Max, N: n, Backlog: e.Backlog,
		Patience: ticks(e.Patience), Idle: ticks(e.Idle), Pause: ticks(e.Pause), Start: ticks(c.Limit()),
	})
}

// awaitLeast connects the client, and waits until the engines of all sets are
// registered that the cluster is started with.
func (c *Cluster) awaitLeast(ctx context.Context, controllerEnded func() error) (err error) {
	if c.Client, err = client.Connect(ctx, client.WithFile(c.ClientFile())); err != nil {
		return err
	}
	have, want := 0, c.N()
	for _, s := range c.sets {
		err := s.await(ctx, s.arrive, c.controller.Wait(launcher.Ended), controllerEnded, func(p Progress) {
			if p.Have, p.Want = p.Have+have, want; c.config.Progress != nil {
				c.config.Progress(p)
			}
		})
		if err != nil {
			return err
		}
		have += len(s.ids)
	}
	return nil
}

// follow has the sets of engines follow the load until ctx is done. It alone steps
// the machine.
func (c *Cluster) follow(ctx context.Context) {
	m := newMachine(c.profile.Engines, c.profile.Engines.Count())
	l := &load{c: c}
	defer l.close()
	failures := make(chan error) // of removals, which take as long as their engines are busy
	step := func(ev elastic.Event) {
		for _, a := range m.Step(ev) {
			if err := c.act(ctx, a, failures); err != nil && ctx.Err() == nil {
				for _, a := range m.Step(elastic.Failed{Why: cause(err)}) {
					c.act(ctx, a, failures) // only to hold
				}
				return
			}
		}
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case err := <-failures:
			step(elastic.Failed{Why: cause(err)})
		case <-tick.C:
			seen, ok := l.look(ctx)
			if !ok {
				continue
			}
			seen.Ticks = int(time.Since(last).Round(look) / look)
			last = last.Add(time.Duration(seen.Ticks) * look)
			step(seen)
		}
	}
}

// act does what the machine wants.
func (c *Cluster) act(ctx context.Context, a elastic.Action, failures chan<- error) error {
	switch a := a.(type) {
	case elastic.Add:
		for range a.Sets {
			set, err := c.AddEngines(ctx, AddConfig{})
			if err != nil {
				return cmp.Or(errors.Unwrap(err), err) // who has added it goes without saying
			}
			c.config.Log.Info("a set of engines is added", "set", set.Name, "why", a.Why)
			c.decided(fmt.Sprintf("set %s is added: %s", set.Name, a.Why))
		}
	case elastic.Remove:
		c.config.Log.Info("a set of engines is removed", "set", a.Name, "why", a.Why)
		c.decided(fmt.Sprintf("set %s is removed: %s", a.Name, a.Why))
		c.supervising.Go(func() {
			err := c.RemoveEngines(ctx, RemoveConfig{Sets: []string{a.Name}})
			if err != nil && ctx.Err() == nil && c.set(a.Name) != nil { // nobody else has removed it
				select {
				case failures <- err:
				case <-ctx.Done():
				}
			}
		})
	case elastic.Hold:
		pause := time.Duration(a.Ticks) * look
		c.config.Log.Warn("no set of engines is added or removed for a while", "pause", pause, "why", a.Why)
		c.decided(fmt.Sprintf("no change for %v: %s", pause, a.Why))
	}
	return nil
}

// decided puts a decision on record.
func (c *Cluster) decided(what string) {
	c.noted(func(r *Record) { r.Elastic.Last, r.Elastic.Time = what, time.Now() })
}

// set returns a set by its name; nil if there is none.
func (c *Cluster) set(name string) *engines {
	c.recording.Lock()
	defer c.recording.Unlock()
	i := slices.IndexFunc(c.sets, func(s *engines) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return c.sets[i]
}
