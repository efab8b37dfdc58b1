package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"muster/launcher"
	"muster/wire"
)

// Config says what cluster to start.
type Config struct {
	Profile wire.Profile    // created if missing
	ID      string          // cluster id; "" for the profile's only cluster
	Engines launcher.Config // how many, and by which launcher
	// ControllerArgs and EngineArgs are added to the two command lines.
	ControllerArgs, EngineArgs []string
	// KeepFiles leaves the connection files in place at the end, for a
	// controller that is to reuse them.
	KeepFiles bool
	// Registered waits until n engines are registered with the controller whose
	// connection file is given, and reports how many there are whenever that
	// changes. With nil, Start does not wait for engines to register.
	Registered func(ctx context.Context, clientFile string, n int, have func(int)) error
	// Progress is called, if not nil, with the engines registered so far.
	Progress func(have, want int)
	Log      *slog.Logger // nil is silence
}

// A Cluster is one that this process has started, and supervises.
type Cluster struct {
	config     Config
	record     *Record
	controller launcher.Job
	engines    launcher.Job
}

var validID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Start starts a controller and engines and returns when all engines are
// registered. When anything fails it says why, with what the failing program
// printed, and leaves nothing running.
func Start(ctx context.Context, config Config) (*Cluster, error) {
	if config.ID != "" && !validID.MatchString(config.ID) {
		return nil, fmt.Errorf("cluster: id %q: only letters, digits, '.', '_' and '-', as it becomes part of file names", config.ID)
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(config.Profile.Dir)
	if err != nil {
		return nil, fmt.Errorf("cluster: profile directory: %w", err)
	}
	config.Profile.Dir = dir
	if err := config.Profile.Create(); err != nil {
		return nil, err
	}
	self, err := launcher.Identify(os.Getpid())
	if err != nil {
		return nil, err
	}
	c := &Cluster{config: config, record: &Record{
		ProfileDir: dir, ClusterID: config.ID, Host: hostname(), Started: time.Now(), Supervisor: self,
		Launcher: config.Engines.Launcher, N: config.Engines.Count(),
		// The marks are on record before the processes are there.
		Controller: launcher.Handle{Mark: launcher.NewMark()}, Engines: launcher.Handle{Mark: launcher.NewMark()},
	}}
	if c.record.Launcher == "" {
		c.record.Launcher = "local"
	}
	for {
		stale, err := c.record.claim()
		if err != nil {
			return nil, err
		}
		if stale == nil {
			break
		}
		config.Log.Warn("clearing what a crashed cluster left", "cluster", stale.Name())
		if err := stale.Stop(ctx); err != nil {
			return nil, err
		}
	}
	limit := config.Engines.Limit()
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not ready within %v", limit))
	defer cancel()
	if err := c.start(limited); err != nil {
		return nil, errors.Join(err, c.Stop(context.WithoutCancel(ctx)))
	}
	return c, nil
}

// ClientFile is the path of the connection file for clients.
func (c *Cluster) ClientFile() string { return c.config.Profile.ClientFile(c.config.ID) }

// Wait returns when the controller has ended, with the reason if it was not
// told to, or when ctx is done, with nil. An engine that ends is a matter for the log: the
// cluster goes on without it.
func (c *Cluster) Wait(ctx context.Context) error {
	failed := c.engines.Failed()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.controller.Wait(launcher.Ended):
			if err := c.controller.Err(); err != nil {
				return fmt.Errorf("cluster: the controller ended: %w", err)
			}
			return nil
		case <-failed:
			c.config.Log.Warn("an engine ended", "err", c.engines.Err())
			failed = nil
		}
	}
}

// Stop ends the engines, then the controller, and removes what they leave. It
// returns when all are gone, also when ctx ends first: then they are killed.
func (c *Cluster) Stop(ctx context.Context) error {
	var errs []error
	for _, job := range []launcher.Job{c.engines, c.controller} {
		if job != nil {
			errs = append(errs, job.Stop(ctx))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err // the record stays: something is left to be stopped
	}
	return c.record.clear()
}

// Stop ends a cluster that another process started, running or stale: its
// supervisor is asked to end it; what is still there afterwards is ended
// from here, and what it left is removed.
func (r *Record) Stop(ctx context.Context) error {
	if r.State() == Elsewhere {
		return fmt.Errorf("cluster: %s was started on %s: stop it there, or remove %s if that machine is gone", r.Name(), r.Host, r.path())
	}
	var err error
	if r.Supervisor.PID != os.Getpid() {
		// It needs a grace for the engines and one for the controller.
		err = r.Supervisor.Stop(ctx, 3*launcher.DefaultGrace)
	}
	// Between reading the record and now the supervisor may have started more.
	if now, errRead := read(r.path()); errRead == nil && now.Supervisor == r.Supervisor {
		*r = *now
	}
	err = errors.Join(err, r.Engines.Stop(ctx, launcher.DefaultGrace), r.Controller.Stop(ctx, launcher.DefaultGrace))
	if err != nil {
		return err
	}
	return r.clear()
}

// clear removes the files of a cluster of which no process is left.
func (r *Record) clear() error {
	if r.Files {
		for _, f := range []string{r.Profile().ClientFile(r.ClusterID), r.Profile().EngineFile(r.ClusterID)} {
			if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("cluster: stale connection file: %w", err)
			}
		}
	}
	return r.remove()
}
