package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"muster/wire"
)

// RemoveConfig says which engines to remove, and how.
type RemoveConfig struct {
	Sets []string        // whole sets, by name
	IDs  []wire.EngineID // single engines, each a job of its own
	// Now ends the engines at once. What they had to do fails for that reason. Engines
	// that another removal waits for are ended as well.
	Now bool
	// Progress, unless it is nil, is told how many engines have left. It is called by
	// one goroutine at a time.
	Progress func(Progress)
}

// RemoveEngines removes engines, and returns when they are gone. They take nothing
// more, give tasks that they have not begun to others, finish what they run and what
// was queued before, run their checkpoint, and leave; then the job of the set is
// ended. One that waits in a queue is cancelled at once. Python's engines do not know
// how to leave like that, and are ended as with Now.
//
// Single engines of a job end together: it is an error to name only some of these, and
// then none is removed. When ctx ends the engines stay on record, and those that were
// told to leave do so all the same.
func (c *Cluster) RemoveEngines(ctx context.Context, r RemoveConfig) error {
	if len(r.IDs) > 0 {
		if err := c.removeSingle(ctx, r); err != nil || len(r.Sets) == 0 {
			return err
		}
	}
	t := &tally{now: Progress{Leaving: "set " + strings.Join(r.Sets, ", ")}, tell: r.Progress}
	return c.changeSets(ctx, Remove, r.Sets, r.Now, func(ctx, unhurried context.Context, s *engines) error {
		err := s.note(func(r *Set) { r.Removing = true })
		if err == nil && !r.Now {
			err = s.drain(unhurried, t)
			if unhurried.Err() != nil && ctx.Err() == nil {
				err = nil // somebody wants them to end now
			}
		}
		if err != nil {
			s.noted(func(r *Set) { r.Removing = false })
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

// drop takes a set that has ended off the record.
func (c *Cluster) drop(s *engines) {
	c.noted(func(r *Record) {
		c.sets = slices.DeleteFunc(c.sets, func(t *engines) bool { return t == s })
		r.Sets = slices.DeleteFunc(r.Sets, func(t Set) bool { return t.Name == s.name })
		for _, l := range s.leaving {
			l.went()
		}
	})
}

// A tally adds up how many engines have left, of those that were told to.
type tally struct {
	mu   sync.Mutex
	now  Progress
	tell func(Progress)
}

// add counts engines that were told to leave, and that have left.
func (t *tally) add(told, left int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.Want += told
	t.now.Have += left
	if t.tell != nil && (told != 0 || left != 0) {
		t.tell(t.now)
	}
}

// unasked is the error of engines that were not told to finish.
func unasked(err error) error {
	return fmt.Errorf("engines could not be told to finish what they run: %w (ipcluster engines remove --now ends them at once)", err)
}
