package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"muster/client"
	"muster/launcher"
)

// start starts controller and engines. Each has the limit of the configuration
// to be there; time in a queue does not count.
func (c *Cluster) start(ctx context.Context) error {
	// What is wrong with the engines' configuration shows before anything runs.
	set := c.sets[0]
	if _, err := set.launcher(); err != nil {
		return err
	}
	limited, cancel := c.limited(ctx)
	defer cancel()
	if err := c.startController(limited); err != nil {
		return err
	}
	if err := c.startEngines(ctx, set); err != nil {
		return err
	}
	if err := c.record.writePythonFile(); err != nil {
		return err
	}
	return c.note(func(r *Record) { r.Up = true })
}

// limited returns a context that ends when the start has taken too long.
func (c *Cluster) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := c.profile.Engines.Limit()
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("not ready within %v", limit))
}

// startEngines starts the engines and waits until they are registered.
func (c *Cluster) startEngines(ctx context.Context, set *engines) error {
	n := len(set.ids)
	if err := set.start(ctx); err != nil {
		return err
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	var have atomic.Int64
	registered := make(chan error, 1)
	go func() {
		registered <- c.connect(waiting, n, func(i int) {
			c.progress(func() Progress {
				have.Store(int64(i))
				return Progress{Have: i, Want: n}
			})
		})
	}()
	defer func() {
		cancel()
		<-registered
	}()
	begun := set.job.Wait(launcher.Running)
	look := time.NewTicker(time.Second)
	defer look.Stop()
	var queued string
	for {
		select {
		case err := <-registered:
			registered <- err
			if err == nil {
				return nil
			}
			if ctx.Err() != nil {
				return c.late(ctx, set, int(have.Load()))
			}
			return fmt.Errorf("cluster: wait for engines: %w", err)
		case <-begun:
			begun = nil
			var stop context.CancelFunc
			ctx, stop = c.limited(ctx)
			defer stop()
			if queued != "" {
				c.progress(func() Progress { return Progress{Have: int(have.Load()), Want: n} })
			}
		case <-look.C:
			if now := queue(set.job); now != queued && begun != nil && have.Load() == 0 {
				queued = now
				c.progress(func() Progress { return Progress{Want: n, Queued: now} })
			}
		case <-ctx.Done():
			return c.late(ctx, set, int(have.Load()))
		case <-set.job.Failed():
			return ended(set.job, "engines did not start", "")
		case <-set.job.Wait(launcher.Ended):
			return ended(set.job, "engines did not start", "all engines ended at once, see "+set.log())
		case <-c.controller.Failed():
			return ended(c.controller, "the controller ended", "")
		case <-c.controller.Wait(launcher.Ended):
			return ended(c.controller, "the controller ended", "the controller ended while engines started, see "+c.log("ipcontroller", ""))
		}
	}
}

// progress tells of the progress as it is when its turn comes.
func (c *Cluster) progress(now func() Progress) {
	c.telling.Lock()
	defer c.telling.Unlock()
	if p := now(); c.config.Progress != nil {
		c.config.Progress(p)
	}
}

// late is the error of a start that was given up while engines were missing.
func (c *Cluster) late(ctx context.Context, set *engines, have int) error {
	if q := queue(set.job); q != "" && have == 0 {
		return fmt.Errorf("cluster: %s: %w", q, context.Cause(ctx))
	}
	return fmt.Errorf("cluster: %d of %d engines registered: %w, see %s", have, len(set.ids), context.Cause(ctx), set.log())
}

// queue says what job waits in a queue, and why if that is known; "" if none does.
func queue(job launcher.Job) string {
	batch := job.Handle().Batch
	if batch == nil || job.State() != launcher.Queued {
		return ""
	}
	if why := job.Pending(); why != "" {
		return fmt.Sprintf("%v is queued (%s)", batch, why)
	}
	return fmt.Sprintf("%v is queued", batch)
}

// ended is the error of a job that ended too soon: how it failed, or quiet when
// it ended well. A job that fails closes two channels, of which a select takes
// either.
func ended(job launcher.Job, failed, quiet string) error {
	if err := job.Err(); err != nil {
		return fmt.Errorf("cluster: %s: %w", failed, err)
	}
	return errors.New("cluster: " + quiet)
}

// connect connects the client and waits for the engines as it sees them.
func (c *Cluster) connect(ctx context.Context, want int, have func(int)) (err error) {
	if c.Client, err = client.Connect(ctx, client.WithFile(c.ClientFile())); err != nil {
		return err
	}
	for {
		n := len(c.Client.IDs())
		have(n)
		if n >= want {
			return nil
		}
		if err := c.Client.WaitForEngines(ctx, n+1); err != nil {
			return err
		}
	}
}
