package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"muster/client"
	"muster/launcher"
)

func (c *Cluster) start(ctx context.Context) error {
	// What is wrong with the engines' configuration shows before anything runs.
	args, err := c.command(c.config.Engine, "ipengine", c.config.EngineArgs)
	if err != nil {
		return err
	}
	engines, err := c.profile.Engines.New(launcher.Command{
		Args: args, Log: c.log("ipengine", "-*"), Mark: c.record.Engines.Mark, Env: Environment(),
	}, c.config.Log)
	if err != nil {
		return err
	}
	if err := c.startController(ctx); err != nil {
		return err
	}
	if err := c.startEngines(ctx, engines); err != nil {
		return err
	}
	if err := c.record.writePythonFile(); err != nil {
		return err
	}
	c.record.Up = true
	return c.record.write()
}

// startController starts the controller and waits for its connection files.
func (c *Cluster) startController(ctx context.Context) error {
	args, err := c.command(nil, "ipcontroller", c.config.ControllerArgs)
	if err != nil {
		return err
	}
	// Files of an earlier controller are not an answer. Files are replaced,
	// never rewritten.
	files := []string{c.ClientFile(), c.config.Profile.EngineFile(c.config.ID)}
	var before []os.FileInfo
	for _, f := range files {
		info, _ := os.Stat(f)
		before = append(before, info)
	}
	c.controller, err = launcher.Local{Command: launcher.Command{
		Args: args, Log: c.log("ipcontroller", ""), Mark: c.record.Controller.Mark, Env: Environment(),
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
		if replaced(files, before) {
			reuse := c.profile.Controller.Reuse || slices.Contains(c.config.ControllerArgs, "--reuse")
			c.record.Files = !reuse
			return c.record.write()
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

// startEngines starts the engines and waits until they are registered.
func (c *Cluster) startEngines(ctx context.Context, l launcher.Launcher) error {
	n := c.record.N
	var err error
	if c.engines, err = l.Start(ctx, n); err != nil {
		return err
	}
	c.record.Engines = c.engines.Handle()
	if err := c.record.write(); err != nil {
		return err
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	var have atomic.Int64
	registered := make(chan error, 1)
	go func() {
		registered <- c.connect(waiting, func(i int) {
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
		err = ended(c.engines, "engines did not start", "")
	case <-c.engines.Wait(launcher.Ended):
		err = ended(c.engines, "engines did not start", "all engines ended at once, see "+c.log("ipengine", "-*"))
	case <-c.controller.Failed():
		err = ended(c.controller, "the controller ended", "")
	case <-c.controller.Wait(launcher.Ended):
		err = ended(c.controller, "the controller ended", "the controller ended while engines started, see "+c.log("ipcontroller", ""))
	}
	cancel()
	<-registered
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
