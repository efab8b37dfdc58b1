package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"muster/cluster/clustertest"
	"muster/wire"
)

// supervise is a process that starts a cluster and is killed.
func supervise(p wire.Profile) {
	if _, err := Start(context.Background(), config(p, 2)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

// supervised starts a cluster in a process of its own and returns its record.
func supervised(t *testing.T) (*exec.Cmd, *Record) {
	t.Helper()
	p := clustertest.Profile(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "MUSTER_TEST_SUPERVISE="+p.Dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		r, err := Find(p, "")
		if err == nil && r.State() == Running {
			return cmd, r
		}
		if time.Now().After(deadline) {
			t.Fatalf("not up within a minute: %v", err)
		}
	}
}

// After kill -9 of the supervisor, stop finds what is left, and leaves nothing.
func TestStopAfterTheSupervisorWasKilled(t *testing.T) {
	cmd, r := supervised(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if s := r.State(); s != Stale {
		t.Errorf("state %v", s)
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, r.Profile())
}

// Everything was killed, nobody could clear up: a new start does.
func TestStartAfterEverythingWasKilled(t *testing.T) {
	cmd, r := supervised(t)
	all := slices.Concat(r.Sets[0].Handle.Alive(), r.Controller.Alive())
	// The supervisor would clear up.
	cmd.Process.Signal(syscall.SIGSTOP)
	for _, p := range all {
		if err := p.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	if _, err := os.Stat(r.Profile().ClientFile("")); err != nil {
		t.Fatalf("the crash was to leave a connection file: %v", err)
	}
	c := start(t, config(r.Profile(), 1))
	if now, err := Find(r.Profile(), ""); err != nil || now.State() != Running || now.Supervisor == r.Supervisor {
		t.Errorf("record %+v, %v", now, err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, r.Profile())
}

func TestStopOfARunningClusterAsksItsSupervisor(t *testing.T) {
	cmd, r := supervised(t) // it does not listen to SIGTERM, and dies of it
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the supervisor was not asked to end")
	}
	clustertest.NothingLeft(t, r.Profile())
}
