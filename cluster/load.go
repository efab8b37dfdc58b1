package cluster

import (
	"context"
	"errors"
	"slices"
	"time"

	"muster/client"
	"muster/cluster/elastic"
	"muster/launcher"
)

// load looks at what a cluster has to do, by a connection of its own. One
// goroutine owns it.
type load struct {
	c      *Cluster
	client *client.Client // nil until the controller has answered
	silent bool           // the controller did not answer at the last look

	engines map[client.EngineID]client.EngineProcess // those that there are
	done    map[client.EngineID]int                  // what each had done at the last look
	gone    []string                                 // sets that had ended then
	looks   int
}

func (l *load) close() {
	if l.client != nil {
		l.client.Close()
		l.client = nil
	}
}

// look returns what there is; false if the controller does not answer.
func (l *load) look(ctx context.Context) (elastic.Seen, bool) {
	seen, gone, err := l.ask(ctx)
	if err != nil && !l.silent && ctx.Err() == nil {
		l.c.config.Log.Warn("the load is not known, and no set of engines is added or removed", "err", err)
	}
	if err != nil && l.client != nil && l.client.Err() != nil {
		l.close() // another look is by another connection
	}
	l.silent = err != nil
	for _, name := range gone {
		if !slices.Contains(l.gone, name) {
			continue // who waits for it is to learn first why it has ended
		}
		if err := l.c.RemoveEngines(ctx, RemoveConfig{Sets: []string{name}, Now: true}); err != nil && ctx.Err() == nil {
			l.c.config.Log.Info("a set that has ended stays on record", "set", name, "err", err)
		}
	}
	l.gone = gone
	return seen, err == nil
}

// ask asks the controller once or, while tasks wait, twice. When engines have come
// or gone it is asked which these are as well, and now and then which of them drain.
// The names are of sets that have ended.
func (l *load) ask(ctx context.Context) (seen elastic.Seen, gone []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, reportLimit)
	defer cancel()
	if l.client == nil {
		if l.client, err = client.Connect(ctx, client.WithFile(l.c.ClientFile()), client.WithoutOutput()); err != nil {
			return seen, nil, err
		}
	}
	queues, err := l.client.QueueStatus(ctx, client.All)
	none := errors.Is(err, client.ErrNoEngines)
	if none {
		queues, err = new(client.QueueStatus), nil
	}
	if err == nil && (none || queues.Unassigned > 0) {
		var demand client.Demand
		demand, err = l.client.Demand(ctx)
		seen.Waiting, seen.Late = demand.Tasks, demand.Late
	}
	if err == nil && (!sameKeys(queues.Engines, l.engines) || l.maybeDraining()) {
		l.engines, err = l.client.Processes(ctx)
	}
	if err == nil {
		seen.Sets, gone = l.c.seen(l.engines, l.busy(queues.Engines))
	}
	return seen, gone, err
}

// maybeDraining reports whether it is time to see which engines drain, as they do
// before their jobs end.
func (l *load) maybeDraining() bool {
	l.looks++
	if l.looks%10 != 0 {
		return false
	}
	for _, p := range l.engines {
		if !p.JobEnd.IsZero() {
			return true
		}
	}
	return false
}

// sameKeys reports whether two maps are of the same engines.
func sameKeys[V, W any](a map[client.EngineID]V, b map[client.EngineID]W) bool {
	if len(a) != len(b) {
		return false
	}
	for id := range a {
		if _, both := b[id]; !both {
			return false
		}
	}
	return true
}

// busy returns the engines that have something to do, or have done something since
// the last look.
func (l *load) busy(queues map[client.EngineID]client.EngineQueue) map[client.EngineID]bool {
	busy := make(map[client.EngineID]bool)
	done := make(map[client.EngineID]int, len(queues))
	for id, q := range queues {
		done[id] = q.Completed
		busy[id] = q.Queue+q.Tasks > 0 || q.Completed != l.done[id]
	}
	l.done = done
	return busy
}

// seen is what the machine is told of the sets, of which some engines are
// registered and some busy, and the names of those that have ended.
func (c *Cluster) seen(registered map[client.EngineID]client.EngineProcess, busy map[client.EngineID]bool) (all []elastic.Set, gone []string) {
	c.recording.Lock()
	defer c.recording.Unlock()
	type count struct {
		there, busy, draining int
		left                  time.Duration // until the first of their jobs ends; 0 if there is no telling
	}
	counts := make(map[string]*count) // by mark
	byID := make(map[client.EngineID]*count)
	for _, r := range c.record.Sets {
		n := new(count)
		counts[r.Handle.Mark] = n
		for _, id := range r.IDs {
			byID[id] = n
		}
	}
	for id, p := range registered {
		n := counts[p.Job]
		if p.Job == "" { // one of Python does not tell
			n = byID[id]
		}
		if n != nil {
			n.there++
			if busy[id] {
				n.busy++
			}
			if p.Draining {
				n.draining++
			}
			if left := max(look, time.Until(p.JobEnd.Time)); !p.JobEnd.IsZero() && (n.left == 0 || left < n.left) {
				n.left = left
			}
		}
	}
	for _, s := range c.sets {
		r := c.record.Set(s.name)
		n := counts[r.Handle.Mark]
		set := elastic.Set{Name: s.name, N: r.N, State: elastic.Starting, Busy: n.busy, Left: int(n.left / look)}
		ends := n.there > 0 && n.draining == n.there
		switch {
		case r.Removing, ends && r.Next == nil:
			set.State = elastic.Leaving
		case ends: // its next job is about to take over
			set.State = elastic.Queued
		case n.there > 0:
			set.State = elastic.Running
		case s.job == nil || s.job.State() == launcher.Queued:
			set.State = elastic.Queued
		case s.job.State() == launcher.Ended && r.Next == nil && (s.config.Restart == "" || s.config.Restart == launcher.RestartNever):
			gone = append(gone, s.name)
			continue
		}
		all = append(all, set)
	}
	return all, gone
}
