package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"muster/cluster"
)

// A report is one line of JSON from the ipcluster in the background to the one
// that the user waits for.
type report struct {
	Progress cluster.Progress `json:"progress"`        // how far the start is
	Up       string           `json:"up,omitempty"`    // the cluster is up: its summary
	Error    string           `json:"error,omitempty"` // it will not be
}

// reportsVar tells a process that it is the one in the background, and that
// descriptor 3 takes its reports.
const reportsVar = "MUSTER_DAEMON_REPORTS"

// daemonize starts the same command again as a process that no terminal and no
// shell has a hold on, and waits until its cluster is up or why it is not is known. It tells the
// user which command stops the cluster.
func daemonize(config cluster.Config, args []string, stop string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("daemonize: %w", err)
	}
	if err := config.Profile.Create(); err != nil {
		return err
	}
	name := "ipcluster.log"
	if config.ID != "" {
		name = "ipcluster-" + filepath.Base(config.ID) + ".log"
	}
	name = filepath.Join(config.Profile.LogDir(), name)
	log, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("daemonize: log: %w", err)
	}
	defer log.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("daemonize: %w", err)
	}
	defer read.Close()

	// The last word on a flag counts.
	args = slices.Insert(slices.Clone(args), flagsEnd(args), "--daemonize=false")
	cmd := exec.Command(self, append([]string{"start"}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{write}
	cmd.Env = append(os.Environ(), reportsVar+"=3")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	write.Close()
	if err != nil {
		return fmt.Errorf("daemonize: %w", err)
	}
	// Whoever gives up waiting does not want the cluster.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, ends()...)
	go func() {
		for range interrupts {
			cmd.Process.Signal(syscall.SIGTERM)
		}
	}()
	progress, done := progressOn(os.Stderr)
	defer done()
	lines := bufio.NewScanner(read)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("daemonize: report %q: %w", lines.Text(), err)
		}
		switch {
		case r.Error != "":
			cmd.Wait()
			return errors.New(r.Error)
		case r.Up != "":
			done()
			announce(os.Stdout, r.Up, stop+" ends it.")
			return cmd.Process.Release()
		case progress != nil:
			progress(r.Progress)
		}
	}
	return fmt.Errorf("the ipcluster in the background ended without a word (%v), see %s", cmd.Wait(), name)
}

// flagsEnd is the index of the "--" that ends the flags, or of the end.
func flagsEnd(args []string) int {
	if i := slices.Index(args, "--"); i >= 0 {
		return i
	}
	return len(args)
}

// reports is the way back to the process that the user waits for.
type reports struct{ pipe *os.File }

// inBackground returns nil in a process that daemonize has not started.
func inBackground() *reports {
	if os.Getenv(reportsVar) == "" {
		return nil
	}
	os.Unsetenv(reportsVar) // not for our children
	pipe := os.NewFile(3, "reports")
	syscall.CloseOnExec(3)
	return &reports{pipe}
}

// supervise is supervise in the background.
func (r *reports) supervise(config cluster.Config) error {
	config.Progress = func(p cluster.Progress) { r.send(report{Progress: p}) }
	err := supervise(config, func(c *cluster.Cluster) {
		r.send(report{Up: summary(c)})
		r.pipe.Close()
	})
	if err != nil {
		r.send(report{Error: err.Error()})
	}
	return err
}

// send is best effort: once the cluster is up nobody reads any more.
func (r *reports) send(m report) {
	if b, err := json.Marshal(m); err == nil {
		r.pipe.Write(append(b, '\n'))
	}
}
