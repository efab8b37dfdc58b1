package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster/launcher"
	"muster/wire"
)

// firstWait is the time from a first death to a start.
func (c *Cluster) firstWait() time.Duration {
	if c.config.firstWait > 0 {
		return c.config.firstWait
	}
	return firstWait
}

// startEngine starts one engine of this machine again, for the life-th time.
func (c *Cluster) startEngine(ctx context.Context, number int, id wire.EngineID, life int) (launcher.Job, error) {
	args, err := c.engineCommand(fmt.Sprintf("--IPEngine.id=%d", id))
	if err != nil {
		return nil, err
	}
	job, err := launcher.Local{Command: launcher.Command{
		Args: args, Log: c.log("ipengine", fmt.Sprintf("-%d.%d", number, life)), Mark: c.record.Engines.Mark, Env: Environment(),
	}}.Start(ctx, 1)
	if err != nil {
		return nil, err
	}
	c.renewed(func(r *Record) {
		c.again[number] = job
		r.Engines.Processes = slices.Clone(r.Engines.Processes)
		r.Engines.Processes[number] = job.Handle().Processes[0]
	})
	return job, nil
}

// renewed puts new processes on record, for ipyparallel too.
func (c *Cluster) renewed(change func(*Record)) {
	c.noted(func(r *Record) {
		change(r)
		if err := r.writePythonFile(); err != nil {
			c.config.Log.Warn("the record for ipyparallel is not up to date", "err", err)
		}
	})
}

// endWorld ends what is left of a set of engines of which one has died. Their
// tasks fail for that reason, and not because they are told to end.
func (c *Cluster) endWorld(ctx context.Context, end launcher.End) error {
	if end.Copy != launcher.All {
		c.report(ctx, launcher.End{Copy: launcher.All, Rank: launcher.Unknown, Cause: fmt.Sprintf("all engines are started again, as engine %d died: %s", end.Copy, end.Cause)})
	}
	return c.engines.Stop(ctx)
}

// startWorld starts the whole set of engines again, for the life-th time.
func (c *Cluster) startWorld(ctx context.Context, life int) error {
	// The mark is on record before the processes are there.
	if err := c.note(func(r *Record) { r.Engines = launcher.Handle{Mark: launcher.NewMark()} }); err != nil {
		return err
	}
	l, err := c.launcher(fmt.Sprintf("-*.%d", life))
	if err != nil {
		return err
	}
	job, err := l.Start(ctx, c.record.N)
	if err != nil {
		return err
	}
	c.engines = job
	if err := c.begin(job); err != nil {
		return err
	}
	c.renewed(func(*Record) {})
	return nil
}

// restoreController starts the controller again, for the life-th time, with what
// it has recorded.
func (c *Cluster) restoreController(ctx context.Context, life int) error {
	job, err := c.launchController(ctx, fmt.Sprintf(".%d", life), "--restore")
	if err != nil {
		return err
	}
	c.controller = job
	c.renewed(func(r *Record) { r.Controller = job.Handle() })
	return nil
}
