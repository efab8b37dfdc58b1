package cluster

import (
	"context"
	"fmt"
	"time"

	"muster/launcher"
)

// A successor is the job that takes over from the present one of a set: it has been
// submitted, and starts when that has ended.
type successor struct {
	job  launcher.Job
	mark string
}

// chained says how many more jobs of the set are to follow the present one.
func (s *engines) chained() int {
	if b := s.config.Batch(); b != nil {
		return b.Chain - s.followed
	}
	return 0
}

// keepJob follows the present job of the set, and has the next one of its chain
// submitted as soon as it runs, so that no time is lost in the queue. It returns
// how the job has ended, for which the next one has not taken over.
func (s *engines) keepJob(ctx context.Context, begun *time.Time) (launcher.End, bool) {
	for {
		job, _ := s.latest()
		if s.chained() == 0 {
			return s.death(ctx, job, launcher.All)
		}
		submitted := make(chan struct{})
		go func() {
			defer close(submitted)
			s.queueNext(ctx, job)
		}()
		end, died := s.death(ctx, job, launcher.All)
		<-submitted
		if ctx.Err() != nil {
			return end, died
		}
		next := s.successor()
		switch {
		case next == nil:
			return end, died
		case !died: // all engines were told to end
			s.c.config.Log.Info("the next job is cancelled, as the engines were shut down", "set", s.name, "job", next.job.Handle().Batch.String())
			if err := s.cancelNext(ctx); err != nil {
				s.c.config.Log.Error("the next job may still start", "err", err)
			}
			return end, died
		case end.Cause == launcher.NearlyOver:
			s.report(ctx, end)
			s.c.config.Log.Info("the next job takes over", "set", s.name, "job", next.job.Handle().Batch.String())
		default:
			s.c.died(s.deathOf(ctx, end, s.id(end), fmt.Sprintf("%v takes over", next.job.Handle().Batch)), s.log())
		}
		*begun = time.Now()
		if err := s.takeOver(); err != nil {
			s.c.config.Log.Warn("the record is not up to date", "err", err)
		}
	}
}

// queueNext submits the next job when this one runs. What goes wrong is tried again
// as long as this one lives.
func (s *engines) queueNext(ctx context.Context, job launcher.Job) {
	select {
	case <-ctx.Done():
		return
	case <-job.Wait(launcher.Running):
	}
	lives, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-lives.Done():
		case <-job.Wait(launcher.Ended):
			cancel()
		}
	}()
	for tries := (backoff{first: s.c.firstWait()}); job.State() == launcher.Running; {
		err := s.submitNext(ctx, job.Handle())
		if err == nil || ctx.Err() != nil {
			return
		}
		again := tries.after(0)
		s.c.config.Log.Error("the next job is not submitted", "set", s.name, "err", err, "next", again.String())
		if !again.due(lives) {
			return
		}
	}
}

// submitNext submits the job that comes after another.
func (s *engines) submitNext(ctx context.Context, after launcher.Handle) error {
	next := successor{mark: launcher.NewMark()}
	// The mark is on record before the job is there.
	if err := s.note(func(r *Set) { r.Next = &launcher.Handle{Mark: next.mark} }); err != nil {
		return err
	}
	l, err := s.launcherOf(s.lives()+1, next.mark, after)
	if err == nil {
		next.job, err = l.Start(ctx, len(s.ids))
	}
	if err != nil {
		s.noted(func(r *Set) { r.Next = nil })
		return err
	}
	h := next.job.Handle()
	s.c.config.Log.Info("the next job is queued", "set", s.name, "job", h.Batch.String(), "after", after.Batch.String())
	return s.note(func(r *Set) {
		s.next, s.followed = &next, s.followed+1
		r.Next, r.Chain = &h, s.chained()
	})
}

// successor is the next job; nil if there is none.
func (s *engines) successor() *successor {
	s.c.recording.Lock()
	defer s.c.recording.Unlock()
	return s.next
}

// takeOver makes the next job the present one.
func (s *engines) takeOver() error {
	s.c.recording.Lock()
	next := s.next
	s.next, s.job, s.mark, s.submitted = nil, next.job, next.mark, time.Now()
	s.life++
	s.c.recording.Unlock()
	s.noted(func(r *Set) { r.Next = nil })
	err := s.begin(next.job)
	s.c.renewed(func(*Record) {})
	return err
}

// cancelNext ends the next job before it takes over. The chain is as long as it was.
func (s *engines) cancelNext(ctx context.Context) error {
	next := s.successor()
	if next == nil {
		return nil
	}
	if err := next.job.Stop(ctx); err != nil {
		return err
	}
	return s.note(func(r *Set) {
		s.next, s.followed = nil, s.followed-1
		r.Next, r.Chain = nil, s.chained()
	})
}
