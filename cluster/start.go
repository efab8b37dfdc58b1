package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"muster/client"
	"muster/launcher"
)

// start starts controller and engines. Each has the limit of the configuration
// to be there; time in a queue does not count.
func (c *Cluster) start(ctx context.Context) error {
	// What is wrong with the engines' configuration shows before anything runs.
	engines, err := c.launcher("-*")
	if err != nil {
		return err
	}
	limited, cancel := c.limited(ctx)
	defer cancel()
	if err := c.startController(limited); err != nil {
		return err
	}
	if err := c.startEngines(ctx, engines); err != nil {
		return err
	}
	if err := c.record.writePythonFile(); err != nil {
		return err
	}
	return c.note(func(r *Record) { r.Up = true })
}

// launcher returns the launcher of the engines, with a name for their logs.
func (c *Cluster) launcher(copies string) (launcher.Launcher, error) {
	args, err := c.engineCommand()
	if err != nil {
		return nil, err
	}
	l, err := c.profile.Engines.New(launcher.Command{
		Args: args, Log: c.log("ipengine", copies), Mark: c.record.Engines.Mark, Env: Environment(),
	}, c.config.Log)
	if ssh, ok := l.(launcher.SSH); ok { // to hosts that may not see the profile
		ssh.Send = map[string]string{connectionInfo: c.config.Profile.EngineFile(c.config.ID)}
		ssh.Command.Args = slices.DeleteFunc(slices.Clone(ssh.Command.Args), func(a string) bool {
			return strings.HasPrefix(a, "--profile-dir=") || strings.HasPrefix(a, "--cluster-id=")
		})
		l = ssh
	}
	return l, err
}

// connectionInfo is the variable by which an engine has what is in the connection file.
const connectionInfo = "IPP_CONNECTION_INFO"

// engineCommand is the command line of an engine.
func (c *Cluster) engineCommand(more ...string) ([]string, error) {
	if file := c.profile.Engines.Startup; file != "" {
		if !filepath.IsAbs(file) {
			file = filepath.Join(c.config.Profile.Dir, file)
		}
		more = append(more, "--startup="+file)
	}
	return c.command(c.config.Engine, "ipengine", append(more, c.config.EngineArgs...))
}

// Script returns the script that Start submits to a batch system for the
// engines, or has the shells of other hosts read. Nothing is started, and no file is written.
func Script(config Config) (string, error) {
	profile, err := config.load()
	if err != nil {
		return "", err
	}
	c := &Cluster{config: config, profile: profile, record: new(Record)}
	l, err := c.launcher("-*")
	if err != nil {
		return "", err
	}
	scripted, ok := l.(interface{ Script(n int) (string, error) })
	if !ok {
		return "", fmt.Errorf("cluster: engines of launcher %q are processes of this machine: nothing is submitted for them", cmp.Or(profile.Engines.Launcher, "local"))
	}
	return scripted.Script(profile.Engines.Count())
}

// limited returns a context that ends when the start has taken too long.
func (c *Cluster) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := c.profile.Engines.Limit()
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("not ready within %v", limit))
}

// note changes the record.
func (c *Cluster) note(change func(*Record)) error {
	c.recording.Lock()
	defer c.recording.Unlock()
	change(c.record)
	return c.record.write()
}

// noted changes the record; that it could not be written is for the log.
func (c *Cluster) noted(change func(*Record)) {
	if err := c.note(change); err != nil {
		c.config.Log.Warn("the record is not up to date", "err", err)
	}
}

// startController starts the controller and waits for its connection files.
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
	if err := c.note(func(r *Record) { r.Controller, r.Restores = c.controller.Handle(), c.restores() }); err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if replaced(files, before) {
			reuse := c.profile.Controller.Reuse || slices.Contains(c.config.ControllerArgs, "--reuse")
			return c.note(func(r *Record) { r.Files = !reuse })
		}
		select {
		case <-c.controller.Failed():
			return ended(c.controller, "the controller did not start", "")
		case <-c.controller.Wait(launcher.Ended):
			return ended(c.controller, "the controller did not start", "the controller ended at once, see "+c.log("ipcontroller", ""))
		case <-ctx.Done():
			return fmt.Errorf("cluster: the controller wrote no %s in time: %w, see %s", c.ClientFile(), context.Cause(ctx), c.log("ipcontroller", ""))
		case <-tick.C:
		}
	}
}

// restores says whether a controller that dies is started again with its tasks.
func (c *Cluster) restores() bool { return c.config.Restore || c.profile.Controller.Restorable }

// launchController starts a controller, with a name for its log.
func (c *Cluster) launchController(ctx context.Context, life string, more ...string) (launcher.Job, error) {
	args, err := c.command(nil, "ipcontroller", slices.Concat(more, c.reachable(), c.config.ControllerArgs))
	if err != nil {
		return nil, err
	}
	return launcher.Local{Command: launcher.Command{
		Args: args, Log: c.log("ipcontroller", life), Mark: c.record.Controller.Mark, Env: Environment(),
	}}.Start(ctx, 1)
}

// reachable is what the controller is told so that engines on other machines
// reach it, where nobody has said on which address it is to listen: for these
// engines it listens on every interface, and for clients on loopback as always.
func (c *Cluster) reachable() []string {
	said := c.profile.Controller.IP != "" || c.profile.Controller.EngineIP != "" ||
		slices.ContainsFunc(c.config.ControllerArgs, func(a string) bool {
			return a == "--ip" || a == "--engine-ip" || strings.HasPrefix(a, "--ip=") || strings.HasPrefix(a, "--engine-ip=")
		})
	if said || !c.profile.Engines.Elsewhere() {
		return nil
	}
	return []string{"--engine-ip=0.0.0.0"}
}

// startEngines starts the engines and waits until they are registered.
func (c *Cluster) startEngines(ctx context.Context, l launcher.Launcher) error {
	n := c.record.N
	var err error
	if c.engines, err = l.Start(ctx, n); err != nil {
		return err
	}
	if err := c.begin(c.engines); err != nil {
		return err
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	var have atomic.Int64
	registered := make(chan error, 1)
	go func() {
		registered <- c.connect(waiting, func(i int) {
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
	begun := c.engines.Wait(launcher.Running)
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
				return c.late(ctx, int(have.Load()))
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
			if now := queue(c.engines); now != queued && begun != nil && have.Load() == 0 {
				queued = now
				c.progress(func() Progress { return Progress{Want: n, Queued: now} })
			}
		case <-ctx.Done():
			return c.late(ctx, int(have.Load()))
		case <-c.engines.Failed():
			return ended(c.engines, "engines did not start", "")
		case <-c.engines.Wait(launcher.Ended):
			return ended(c.engines, "engines did not start", "all engines ended at once, see "+c.log("ipengine", "-*"))
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
func (c *Cluster) late(ctx context.Context, have int) error {
	if q := queue(c.engines); q != "" && have == 0 {
		return fmt.Errorf("cluster: %s: %w", q, context.Cause(ctx))
	}
	return fmt.Errorf("cluster: %d of %d engines registered: %w, see %s", have, c.record.N, context.Cause(ctx), c.log("ipengine", "-*"))
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

// begin puts a set of engines that was started on record. What becomes of a job
// of a batch system is kept there, as other shells would have to ask the batch system.
func (c *Cluster) begin(set launcher.Job) error {
	err := c.note(func(r *Record) { r.Engines, r.Queued, r.Gone = set.Handle(), set.State() == launcher.Queued, false })
	if set.Handle().Batch == nil {
		return err
	}
	c.following.Go(func() {
		for _, state := range []launcher.State{launcher.Running, launcher.Ended} {
			<-set.Wait(state)
			c.noted(func(r *Record) {
				if r.Engines.Mark == set.Handle().Mark { // and not that of the next set
					r.Queued, r.Gone = false, state == launcher.Ended
				}
			})
		}
	})
	return err
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
func (c *Cluster) connect(ctx context.Context, have func(int)) (err error) {
	if c.Client, err = client.Connect(ctx, client.WithFile(c.ClientFile())); err != nil {
		return err
	}
	for {
		n := len(c.Client.IDs())
		have(n)
		if n >= c.record.N {
			return nil
		}
		if err := c.Client.WaitForEngines(ctx, n+1); err != nil {
			return err
		}
	}
}

// command completes a command line: that of a program of the cluster, beside
// this one or on PATH, unless other words are given.
func (c *Cluster) command(words []string, name string, more []string) ([]string, error) {
	if len(words) == 0 {
		path, err := find(name)
		if err != nil {
			return nil, err
		}
		words = []string{path}
	}
	program, err := exec.LookPath(words[0])
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return nil, fmt.Errorf("cluster: program %s: %w", words[0], err)
	}
	words = append([]string{program}, words[1:]...)
	return slices.Concat(words, []string{"--profile-dir=" + c.config.Profile.Dir, "--cluster-id=" + c.config.ID}, more), nil
}

func find(name string) (string, error) {
	if self, err := os.Executable(); err == nil {
		if beside := filepath.Join(filepath.Dir(self), name); isExecutable(beside) {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("cluster: %s is neither beside this program nor in PATH: build or install it (make bin): %w", name, err)
	}
	return path, nil
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
