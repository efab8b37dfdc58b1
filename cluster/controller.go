package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"muster/configs"
	"muster/launcher"
	"muster/transport/reach"
)

// startController starts the controller and waits for its connection files, which
// it may leave from another machine, by a folder that this one shares with it. Time in a
// queue does not count.
func (c *Cluster) startController(ctx context.Context) error {
	// Files of an earlier controller are not an answer. Files are replaced,
	// never rewritten.
	files := []string{c.ClientFile(), c.config.Profile.EngineFile(c.config.ID)}
	var before []os.FileInfo
	for _, f := range files {
		info, _ := os.Stat(f)
		before = append(before, info)
	}
	var more []string
	if c.restores() {
		more = []string{"--sqlitedb"}
	}
	var err error
	if c.controller, err = c.launchController(ctx, "", more...); err != nil {
		return err
	}
	if err := c.note(func(r *Record) { r.Restores = c.restores() }); err != nil {
		return err
	}
	begun := c.controller.Wait(launcher.Running)
	submitted, look := time.Now(), 5*time.Millisecond
	if c.away() {
		look = 200 * time.Millisecond
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	var told Progress
	for {
		if p := (Progress{Want: c.N()}).queued(c.controller, submitted); p != told && p.Job != "" && c.config.Progress != nil {
			c.config.Progress(p)
			told = p
		}
		if c.away() { // network file systems remember for a while that a file is not there, but for whoever opens its folder
			_, _ = os.ReadDir(filepath.Dir(c.ClientFile()))
		}
		if replaced(files, before) {
			reuse := c.profile.Controller.Reuse || slices.Contains(c.config.ControllerArgs, "--reuse")
			return c.note(func(r *Record) { r.Files = !reuse })
		}
		select {
		case <-begun:
			begun = nil
			var stop context.CancelFunc
			ctx, stop = c.limited(ctx)
			defer stop()
		case <-c.controller.Failed():
			return ended(c.controller, "the controller did not start", "")
		case <-c.controller.Wait(launcher.Ended):
			return ended(c.controller, "the controller did not start", "the controller ended at once, see "+c.log("ipcontroller", ""))
		case <-ctx.Done():
			if p := (Progress{}).queued(c.controller, submitted); p.Job != "" {
				return fmt.Errorf("cluster: the controller: %v: %w", p, context.Cause(ctx))
			}
			return fmt.Errorf("cluster: the controller wrote no %s in time: %w, see %s", c.ClientFile(), context.Cause(ctx), c.log("ipcontroller", ""))
		case <-tick.C:
		}
	}
}

// restores says whether a controller that dies is started again with its tasks.
func (c *Cluster) restores() bool { return c.config.Restore || c.profile.Controller.Restorable }

// launchController starts a controller, with a name for its log.
func (c *Cluster) launchController(ctx context.Context, life string, more ...string) (launcher.Job, error) {
	args, err := c.command(nil, "ipcontroller", slices.Concat(c.selection(), more, c.reachable(), c.config.ControllerArgs))
	if err != nil {
		return nil, err
	}
	l, err := c.controlled.Single(launcher.Command{
		Args: args, Log: c.log("ipcontroller", life), Mark: c.record.Controller.Mark, Env: Environment(),
	}, c.config.Log)
	if err != nil {
		return nil, err
	}
	job, err := l.Start(ctx, 1)
	if err != nil {
		return nil, err
	}
	c.renewed(func(r *Record) {
		r.Controller, r.ControllerQueued, r.ControllerGone = job.Handle(), job.State() == launcher.Queued, false
	})
	if job.Handle().Batch != nil {
		c.following.Go(func() {
			for _, state := range []launcher.State{launcher.Running, launcher.Ended} {
				<-job.Wait(state)
				c.noted(func(r *Record) {
					if r.Controller.Batch.ID == job.Handle().Batch.ID { // and not that of the next
						r.ControllerQueued, r.ControllerGone = false, state == launcher.Ended
					}
				})
			}
		})
	}
	return job, nil
}

// away says whether the controller is on another machine.
func (c *Cluster) away() bool { return c.controlled.Elsewhere() }

// reachable is what the controller is told so that engines on other machines
// reach it, where nobody has said on which address it is to listen. One that is on
// another machine itself listens for clients on every interface.
func (c *Cluster) reachable() []string {
	said := slices.ContainsFunc(c.config.ControllerArgs, func(a string) bool {
		return a == "--ip" || a == "--engine-ip" || strings.HasPrefix(a, "--ip=") || strings.HasPrefix(a, "--engine-ip=")
	})
	network, config := c.profile.Site.Network.Interface, c.profile.Controller
	switch ip := EngineIP(c.profile); {
	case said || c.away() && (config.IP != "" || config.EngineIP != ""):
	case c.away() && network != "":
		return []string{"--engine-ip=" + network, "--client-ip=0.0.0.0"}
	case c.away():
		return []string{"--ip=0.0.0.0"}
	case ip != "":
		return []string{"--engine-ip=" + ip}
	}
	return nil
}

// EngineIP is on what a controller listens for the engines of a profile, so that those
// on other machines reach it: the interface by which nodes of the site reach each other
// or, where this host has none of that name, every interface; and for clients
// loopback as always. It is "" for engines of this machine, and where the profile says.
func EngineIP(profile configs.Config) string {
	switch i := profile.Site.Network.Interface; {
	case profile.Controller.IP != "" || profile.Controller.EngineIP != "" || !profile.Engines.Elsewhere():
		return ""
	case i != "" && reach.Has(i):
		return i
	}
	return "0.0.0.0"
}

// replaced reports whether every file is there and is not the one it was.
func replaced(files []string, before []os.FileInfo) bool {
	for i, f := range files {
		now, err := os.Stat(f)
		if err != nil || before[i] != nil && os.SameFile(before[i], now) && before[i].ModTime().Equal(now.ModTime()) {
			return false
		}
	}
	return true
}

// keepController returns when the controller has ended for good, with the reason
// if it was not told to.
func (c *Cluster) keepController(ctx context.Context, begun time.Time) error {
	tries := backoff{first: c.firstWait()}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.controller.Wait(launcher.Ended):
		}
		err := c.controller.Err()
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if !c.restores() {
			return fmt.Errorf("cluster: the controller ended: %w", err)
		}
		next := tries.after(time.Since(begun))
		c.died(Death{Of: ofController, Cause: cause(err), Next: next.String()}, c.log("ipcontroller", ""))
		if next.never {
			c.noted(func(r *Record) { r.Restores = false })
			return fmt.Errorf("cluster: the controller ended, and was started again %d times: %w", maxStarts, err)
		}
		if !next.due(ctx) {
			return nil
		}
		begun = time.Now()
		if err := c.restoreController(ctx, tries.deaths); err != nil {
			return fmt.Errorf("cluster: the controller ended, and cannot be started again: %w", err)
		}
	}
}

// restoreController starts the controller again, for the life-th time, with what
// it has recorded.
func (c *Cluster) restoreController(ctx context.Context, life int) error {
	job, err := c.launchController(ctx, fmt.Sprintf(".%d", life), "--restore")
	if err != nil {
		return err
	}
	c.controller = job
	return nil
}
