package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster/launcher"
	"muster/wire"
)

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
	return c.changeSets(ctx, "restart", names, false, func(ctx, _ context.Context, s *engines) error {
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

// firstWait is the time from a first death to a start.
func (c *Cluster) firstWait() time.Duration {
	if c.config.firstWait > 0 {
		return c.config.firstWait
	}
	return firstWait
}

// supervise follows the set until it is dismissed: it tells the controller why
// engines end, and starts again what the profile says.
func (s *engines) supervise() {
	ctx, dismiss := context.WithCancel(context.Background())
	s.dismiss = dismiss
	s.keeping.Go(func() { s.keep(ctx, time.Now()) })
	if s.recorded().Missing > 0 {
		s.keeping.Go(func() { s.join(ctx) })
	}
}

// dismissed returns when nobody starts anything of the set any more.
func (s *engines) dismissed() {
	if s.dismiss != nil {
		s.dismiss()
	}
	s.keeping.Wait()
}

// keep follows the set.
func (s *engines) keep(ctx context.Context, begun time.Time) {
	tries := backoff{first: s.c.firstWait()}
	for {
		end, ok := s.keepJob(ctx, &begun)
		if !ok {
			return
		}
		switch s.config.Restart {
		case launcher.RestartEngine:
			s.keeping.Go(func() { s.keepEngine(ctx, end, begun) })
		case launcher.RestartWorld:
			for end.Cause != "" {
				next := tries.after(time.Since(begun))
				s.c.died(s.deathOf(ctx, end, s.id(end), next.String()), s.log())
				if next.never {
					return
				}
				if end.Copy != launcher.All {
					s.reportAll(ctx, fmt.Sprintf("all engines are started again, as engine %d died: %s", s.id(end), end.Cause))
				}
				if err := s.stop(ctx); err != nil {
					s.c.config.Log.Error("engines are not started again", "err", err)
					return
				}
				if !next.due(ctx) {
					return
				}
				begun = time.Now()
				end = failedStart(launcher.All, s.startWorld(ctx))
			}
		default:
			s.c.died(s.deathOf(ctx, end, s.id(end), ""), s.log())
		}
	}
}

// id is the id that the copy which has ended was told to ask for.
func (s *engines) id(end launcher.End) wire.EngineID {
	if end.Copy == launcher.All {
		return -1
	}
	return s.ids[end.Copy]
}

// keepEngine starts one engine of this machine again, whenever it dies, under
// the id that it had.
func (s *engines) keepEngine(ctx context.Context, end launcher.End, begun time.Time) {
	tries := backoff{first: s.c.firstWait()}
	number, id := end.Copy, s.id(end)
	for {
		next := tries.after(time.Since(begun))
		d := s.deathOf(ctx, end, id, next.String())
		s.c.died(d, s.log())
		id = *d.Engine
		if !next.due(ctx) {
			return
		}
		begun = time.Now()
		job, err := s.startEngine(ctx, number, id)
		if end = failedStart(number, err); err == nil {
			var died bool
			if end, died = s.death(ctx, job, number); !died {
				return
			}
		}
	}
}

// startEngine starts one engine of this machine again.
func (s *engines) startEngine(ctx context.Context, number int, id wire.EngineID) (launcher.Job, error) {
	s.c.recording.Lock()
	s.life++
	life := s.life
	s.c.recording.Unlock()
	command, err := s.command(s.c.log("ipengine", fmt.Sprintf("-%d.%d", s.ids[number], life)), fmt.Sprintf("--IPEngine.id=%d", id))
	if err != nil {
		return nil, err
	}
	job, err := launcher.Local{Command: command}.Start(ctx, 1)
	if err != nil {
		return nil, err
	}
	s.c.renewed(func(r *Record) {
		s.again[number] = job
		h := &r.Set(s.name).Handle
		h.Processes = slices.Clone(h.Processes)
		h.Processes[number] = job.Handle().Processes[0]
	})
	return job, nil
}

// startWorld starts the whole set of engines again.
func (s *engines) startWorld(ctx context.Context) error {
	s.ids = s.recorded().IDs // without those that were removed one by one
	// The mark is on record before the processes are there.
	if err := s.note(func(r *Set) {
		s.life++
		s.mark = launcher.NewMark()
		clear(s.again)
		r.Handle, r.Missing = launcher.Handle{Mark: s.mark}, 0
	}); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	s.c.renewed(func(*Record) {})
	return nil
}
