package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"muster/launcher"
)

func (c *Cluster) start(ctx context.Context) error {
	// What is wrong with the engines' configuration shows before anything runs.
	args, err := c.program("ipengine", c.config.EngineArgs)
	if err != nil {
		return err
	}
	engines, err := c.config.Engines.New(launcher.Command{
		Args: args, Log: c.log("ipengine", "-*"), Mark: c.record.Engines.Mark,
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
			c.record.Files = !c.config.KeepFiles
			return c.record.write()
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
