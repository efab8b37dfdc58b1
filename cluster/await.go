package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/client"
	"muster/launcher"
)

// await waits until enough engines of the set are registered, which arrive finds out
// and sends the number of whenever that changes; progress, unless it is nil, is told
// how far they are. Time in a queue does not count. It gives up when the set ends,
// or when over is closed, for the reason why.
func (s *engines) await(ctx context.Context, arrive func(context.Context, chan<- int) error, over <-chan struct{}, why func() error, progress func(Progress)) error {
	job, submitted := s.latest()
	p := Progress{Want: s.recorded().N}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	counts, registered := make(chan int), make(chan error, 1)
	go func() { registered <- arrive(waiting, counts) }()
	defer func() {
		cancel()
		<-registered
	}()
	begun, failed := job.Wait(launcher.Running), job.Failed()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	var told Progress
	for {
		if p = p.queued(job, submitted); p != told && progress != nil {
			progress(p)
			told = p
		}
		select {
		case p.Have = <-counts:
		case err := <-registered:
			registered <- err
			if err == nil {
				return nil
			}
			if ctx.Err() != nil {
				return s.late(ctx, p.queued(job, submitted), job)
			}
			return fmt.Errorf("cluster: wait for engines: %w", err)
		case <-begun:
			begun = nil
			var stop context.CancelFunc
			ctx, stop = s.c.limited(ctx)
			defer stop()
		case <-look.C:
		case <-ctx.Done():
			return s.late(ctx, p.queued(job, submitted), job)
		case <-failed:
			if failed = nil; s.enough() == p.Want {
				return ended(job, "engines did not start", "")
			}
			// The others may be enough. Its death is told once the cluster has begun.
		case <-job.Wait(launcher.Ended):
			return ended(job, "engines did not start", "all engines ended at once, see "+s.log())
		case <-over:
			return why()
		}
	}
}

// enough is how many engines of the set are waited for.
func (s *engines) enough() int { return cmp.Or(s.config.MinEngines, s.recorded().N) }

// arrive counts the engines of the set as they register, until all are there.
func (s *engines) arrive(ctx context.Context, counts chan<- int) error {
	cl, err := client.Connect(ctx, client.WithFile(s.c.ClientFile()))
	if err != nil {
		return err
	}
	defer cl.Close()
	news := cl.Notifications(ctx)
	for {
		set := s.recorded()
		all, err := cl.Processes(ctx)
		if err != nil {
			return err
		}
		n := 0
		for id, p := range all {
			if p.Job == set.Handle.Mark || p.Job == "" && slices.Contains(set.IDs, id) { // one of Python does not tell
				n++
			}
		}
		select {
		case counts <- n:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if n >= set.N {
			return nil
		}
		select {
		case _, open := <-news:
			for together := time.After(50 * time.Millisecond); open && together != nil; { // many come at once
				select {
				case _, open = <-news:
				case <-together:
					together = nil
				}
			}
			if !open {
				return cmp.Or(cl.Err(), context.Cause(ctx))
			}
		case <-time.After(2 * time.Second): // some may have come before there was news for this client
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// errLate is the cause of a start that is given up.
var errLate = errors.New("not ready")

// late is the error of a start that was given up while engines were missing.
func (s *engines) late(ctx context.Context, p Progress, job launcher.Job) error {
	why := context.Cause(ctx)
	if p.Job != "" {
		return fmt.Errorf("cluster: %v: %w", p, why)
	}
	err := fmt.Errorf("cluster: %d of %d engines registered: %w", p.Have, p.Want, why)
	if !errors.Is(why, errLate) {
		return err
	}
	said := "they have printed nothing"
	if lines := strings.Split(strings.TrimRight(job.Output(), "\n"), "\n"); lines[0] != "" {
		said = "  | " + strings.Join(lines[max(0, len(lines)-shownLines):], "\n  | ")
	}
	return fmt.Errorf("%w: ipcluster doctor finds out what keeps them from the controller, and --timeout gives them longer\nlog: %s\n%s", err, s.log(), said)
}

// shownLines is how much of what engines have printed an error shows.
const shownLines = 20

// ended is the error of a job that ended too soon: how it failed, or quiet when
// it ended well. A job that fails closes two channels, of which a select takes
// either.
func ended(job launcher.Job, failed, quiet string) error {
	if err := job.Err(); err != nil {
		return fmt.Errorf("cluster: %s: %w", failed, err)
	}
	return errors.New("cluster: " + quiet)
}
