package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"muster/wire"
)

// A claim is a change to a whole set that is under way. Nobody else changes the set then.
type claim struct {
	set  *engines
	what string // as in "remove"

	unhurried context.Context // ends when a removal is to wait no longer for what engines run
	hurry     func()

	done chan struct{}
	err  error // once done
}

// changeSets does the same to several sets at once. No other change is made to
// these meanwhile. A removal that is to be at once hurries one that is under way, and
// waits for it; do is given a context for the wait that is hurried like that.
func (c *Cluster) changeSets(ctx context.Context, what string, names []string, now bool, do func(ctx, unhurried context.Context, s *engines) error) error {
	ctx, done, err := c.changes.begin(ctx)
	if err != nil {
		return fmt.Errorf("cluster: %s engines: %w", what, err)
	}
	defer done()
	mine, others, err := c.claim(ctx, what, names, now)
	if err != nil {
		return fmt.Errorf("cluster: %s engines: %w", what, err)
	}
	var all sync.WaitGroup
	for _, m := range mine {
		all.Go(func() {
			err := do(ctx, m.unhurried, m.set)
			if err != nil {
				err = fmt.Errorf("cluster: %s engines: set %s: %w", what, m.set.name, err)
			}
			c.release(m, err)
		})
	}
	all.Wait()
	var failures []error
	for _, m := range append(mine, others...) {
		select {
		case <-m.done:
			failures = append(failures, m.err)
		case <-ctx.Done():
			failures = append(failures, fmt.Errorf("cluster: %s engines: set %s: %w", what, m.set.name, context.Cause(ctx)))
		}
	}
	c.renewed(func(*Record) {})
	return errors.Join(failures...)
}

// claim claims the sets of these names. Others are removals under way, which were
// told to hurry as this one is to be now.
func (c *Cluster) claim(ctx context.Context, what string, names []string, now bool) (mine, others []*claim, err error) {
	c.recording.Lock()
	defer c.recording.Unlock()
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		i := slices.IndexFunc(c.sets, func(s *engines) bool { return s.name == name })
		if i < 0 {
			return nil, nil, fmt.Errorf("there is no set %q, but %s (ipcluster engines list)", name, c.setNames())
		}
		s := c.sets[i]
		hurries := what == Remove && now
		switch ids := s.leavers(); {
		case s.claimed != nil && s.claimed.what == Remove && hurries:
			others = append(others, s.claimed)
			continue
		case s.claimed != nil:
			return nil, nil, fmt.Errorf("set %s is busy: %v", name, s.claimed)
		case len(ids) > 0 && !hurries:
			return nil, nil, fmt.Errorf("set %s is busy: another request to remove engines %s is not finished (ipcluster engines remove --now %[2]s ends these at once)", name, wire.FormatIDs(ids))
		}
		m := &claim{set: s, what: what, done: make(chan struct{})}
		m.unhurried, m.hurry = context.WithCancel(ctx)
		mine = append(mine, m)
	}
	for _, m := range mine {
		m.set.claimed = m
	}
	for _, m := range others {
		m.hurry()
	}
	return mine, others, nil
}

// String says what keeps others from changing the set, and what to do.
func (m *claim) String() string {
	s := fmt.Sprintf("another request to %s it is not finished", m.what)
	if m.what == Remove {
		s += fmt.Sprintf(" (ipcluster engines remove --now --set %s ends it at once)", m.set.name)
	}
	return s
}

// release lets others change a set that was claimed.
func (c *Cluster) release(m *claim, err error) {
	c.recording.Lock()
	defer c.recording.Unlock()
	m.hurry()
	m.set.claimed, m.err = nil, err
	close(m.done)
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
