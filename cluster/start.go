package cluster

import (
	"context"
	"errors"
	"fmt"
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
	return c.note(func(r *Record) {
		r.Up = true
		r.Set(set.name).Queued = false // though its job may not have been seen to run yet
	})
}

// limited returns a context that ends when the start has taken too long.
func (c *Cluster) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := c.profile.Engines.Limit()
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("not ready within %v", limit))
}

// startEngines starts the engines and waits until they are registered.
func (c *Cluster) startEngines(ctx context.Context, set *engines) error {
	if err := set.start(ctx); err != nil {
		return err
	}
	p := Progress{Want: len(set.ids)}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	counts, registered := make(chan int), make(chan error, 1)
	go func() { registered <- c.connect(waiting, p.Want, counts) }()
	defer func() {
		cancel()
		<-registered
	}()
	begun := set.job.Wait(launcher.Running)
	look := time.NewTicker(time.Second)
	defer look.Stop()
	var told Progress
	for {
		if p = p.queued(set); p != told && c.config.Progress != nil {
			c.config.Progress(p)
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
				return late(ctx, set, p)
			}
			return fmt.Errorf("cluster: wait for engines: %w", err)
		case <-begun:
			begun = nil
			var stop context.CancelFunc
			ctx, stop = c.limited(ctx)
			defer stop()
		case <-look.C:
		case <-ctx.Done():
			return late(ctx, set, p)
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

// late is the error of a start that was given up while engines were missing.
func late(ctx context.Context, set *engines, p Progress) error {
	if p = p.queued(set); p.Job != "" {
		return fmt.Errorf("cluster: %v: %w", p, context.Cause(ctx))
	}
	return fmt.Errorf("cluster: %d of %d engines registered: %w, see %s", p.Have, p.Want, context.Cause(ctx), set.log())
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

// connect connects the client and waits for the engines as it sees them, of which
// it sends the number whenever that changes.
func (c *Cluster) connect(ctx context.Context, want int, counts chan<- int) (err error) {
	if c.Client, err = client.Connect(ctx, client.WithFile(c.ClientFile())); err != nil {
		return err
	}
	for {
		n := len(c.Client.IDs())
		select {
		case counts <- n:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if n >= want {
			return nil
		}
		if err := c.Client.WaitForEngines(ctx, n+1); err != nil {
			return err
		}
	}
}
