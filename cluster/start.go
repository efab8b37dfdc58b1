package cluster

import (
	"context"
	"errors"
	"fmt"

	"muster/client"
	"muster/launcher"
)

// start starts controller and engines. Each has the limit of the configuration
// to be there; time in a queue does not count.
func (c *Cluster) start(ctx context.Context) error {
	// What is wrong with the engines' configuration shows before anything runs.
	if _, err := (&engines{c: c, name: firstSet, config: c.profile.Engines}).launcher(); err != nil {
		return err
	}
	if err := c.startController(ctx); err != nil {
		return err
	}
	for _, set := range c.sets {
		if err := set.start(ctx); err != nil {
			return err
		}
	}
	controllerEnded := func() error {
		return ended(c.controller, "the controller ended", "the controller ended while engines started, see "+c.log("ipcontroller", ""))
	}
	await := func() error {
		return c.sets[0].await(ctx, c.connect, c.controller.Wait(launcher.Ended), controllerEnded, c.config.Progress)
	}
	if len(c.sets) != 1 {
		await = func() error { return c.awaitLeast(ctx, controllerEnded) }
	}
	if err := await(); err != nil {
		return err
	}
	have := len(c.Client.IDs())
	var errPython error
	err := c.note(func(r *Record) {
		for i := range r.Sets {
			s := &r.Sets[i]
			s.Queued = false // though its job may not have been seen to run yet
			s.Missing, have = max(0, s.N-have), max(0, have-s.N)
		}
		errPython = r.writePythonFile()
	})
	if err := errors.Join(err, errPython); err != nil {
		return err
	}
	c.supervise()
	if err := c.serve(); err != nil {
		return err
	}
	return c.note(func(r *Record) { r.Up = true })
}

// limited returns a context that ends when the start has taken too long.
func (c *Cluster) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := c.profile.Engines.Limit()
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w within %v", errLate, limit))
}

// connect connects the client and waits for enough engines as it sees them, of which
// it sends the number whenever that changes.
func (c *Cluster) connect(ctx context.Context, counts chan<- int) (err error) {
	if c.Client, err = client.Connect(ctx, client.WithFile(c.ClientFile())); err != nil {
		return err
	}
	want := c.sets[0].enough()
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
