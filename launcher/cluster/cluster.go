package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
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
		Launcher: config.Engines.Launcher, N: config.Engines.Count(), Keep: config.KeepFiles,
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
	if foreign := answering(ctx, c.ClientFile()); foreign != "" {
		return nil, errors.Join(fmt.Errorf("cluster: a controller that ipcluster did not start answers at %s: end it, start under another --cluster-id, or remove %s if something else has taken that port", foreign, c.ClientFile()), c.record.remove())
	}
	limit := config.Engines.Limit()
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not ready within %v", limit))
	defer cancel()
	if err := c.start(limited); err != nil {
		return nil, errors.Join(err, c.Stop(context.WithoutCancel(ctx)))
	}
	return c, nil
}

// answering returns where the controller of a connection file answers, or "".
func answering(ctx context.Context, clientFile string) string {
	info, err := wire.ReadClientConnection(clientFile)
	if err != nil {
		return "" // there is none, or it is nobody's
	}
	_, address, _ := strings.Cut(info.URL(info.Registration), "://")
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return ""
	}
	conn.Close()
	return address
}

func (c *Cluster) start(ctx context.Context) error {
	if err := c.startController(ctx); err != nil {
		return err
	}
	if err := c.startEngines(ctx); err != nil {
		return err
	}
	c.record.Up = true
	return c.record.write()
}

// startController starts the controller and waits for its connection files.
func (c *Cluster) startController(ctx context.Context) error {
	args, err := c.program("ipcontroller", c.config.ControllerArgs)
	if err != nil {
		return err
	}
	before, _ := os.Stat(c.ClientFile())
	c.controller, err = launcher.Local{Command: launcher.Command{
		Args: args, Log: c.log("ipcontroller", ""), Mark: c.record.Controller.Mark,
	}}.Start(ctx, 1)
	if err != nil {
		return err
	}
	c.record.Controller = c.controller.Handle()
	if err := c.record.write(); err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		// The engine file comes last. A file of an earlier controller is not
		// an answer; files are replaced, never rewritten.
		_, err := os.Stat(c.config.Profile.EngineFile(c.config.ID))
		if now, errClient := os.Stat(c.ClientFile()); err == nil && errClient == nil && !sameFile(before, now) {
			return nil
		}
		select {
		case <-c.controller.Failed():
			return fmt.Errorf("cluster: the controller did not start: %w", c.controller.Err())
		case <-c.controller.Wait(launcher.Ended):
			return fmt.Errorf("cluster: the controller ended at once, see %s", c.log("ipcontroller", ""))
		case <-ctx.Done():
			return fmt.Errorf("cluster: the controller wrote no %s in time: %w, see %s", c.ClientFile(), context.Cause(ctx), c.log("ipcontroller", ""))
		case <-tick.C:
		}
	}
}

// startEngines starts the engines and waits until they are registered.
func (c *Cluster) startEngines(ctx context.Context) error {
	args, err := c.program("ipengine", c.config.EngineArgs)
	if err != nil {
		return err
	}
	l, err := c.config.Engines.New(launcher.Command{
		Args: args, Log: c.log("ipengine", "-*"), Mark: c.record.Engines.Mark,
	}, c.config.Log)
	if err != nil {
		return err
	}
	n := c.record.N
	c.engines, err = l.Start(ctx, n)
	if err != nil {
		return err
	}
	c.record.Engines = c.engines.Handle()
	if err := c.record.write(); err != nil {
		return err
	}
	if c.config.Registered == nil {
		return nil
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	var have atomic.Int64
	registered := make(chan error, 1)
	go func() {
		registered <- c.config.Registered(waiting, c.ClientFile(), n, func(i int) {
			have.Store(int64(i))
			if c.config.Progress != nil {
				c.config.Progress(i, n)
			}
		})
	}()
	select {
	case err := <-registered:
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("cluster: %d of %d engines registered: %w, see %s", have.Load(), n, context.Cause(ctx), c.log("ipengine", "-*"))
		}
		return fmt.Errorf("cluster: wait for engines: %w", err)
	case <-c.engines.Failed():
		err = fmt.Errorf("cluster: engines did not start: %w", c.engines.Err())
	case <-c.engines.Wait(launcher.Ended):
		err = fmt.Errorf("cluster: all engines ended at once, see %s", c.log("ipengine", "-*"))
	case <-c.controller.Failed():
		err = fmt.Errorf("cluster: the controller ended: %w", c.controller.Err())
	case <-c.controller.Wait(launcher.Ended):
		err = fmt.Errorf("cluster: the controller ended while engines started, see %s", c.log("ipcontroller", ""))
	}
	cancel()
	<-registered
	return err
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
	// It needs a grace for the engines and one for the controller.
	err := r.Supervisor.Stop(ctx, 3*launcher.DefaultGrace)
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
	if !r.Keep {
		for _, f := range []string{r.Profile().ClientFile(r.ClusterID), r.Profile().EngineFile(r.ClusterID)} {
			if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("cluster: stale connection file: %w", err)
			}
		}
	}
	return r.remove()
}

// program finds a program of the cluster, beside this one or on PATH, and
// completes its command line.
func (c *Cluster) program(name string, more []string) ([]string, error) {
	path := ""
	if self, err := os.Executable(); err == nil {
		if beside := filepath.Join(filepath.Dir(self), name); isExecutable(beside) {
			path = beside
		}
	}
	if path == "" {
		found, err := exec.LookPath(name)
		if err != nil {
			return nil, fmt.Errorf("cluster: %s is neither beside this program nor in PATH: build or install it (make bin): %w", name, err)
		}
		path = found
	}
	args := []string{path, "--profile-dir=" + c.config.Profile.Dir, "--cluster-id=" + c.config.ID}
	return append(args, more...), nil
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func (c *Cluster) log(program, copies string) string {
	if c.config.ID != "" {
		program += "-" + c.config.ID
	}
	return filepath.Join(c.config.Profile.LogDir(), program+copies+".log")
}

func sameFile(a, b os.FileInfo) bool {
	return a != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime())
}
