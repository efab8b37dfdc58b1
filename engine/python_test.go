package engine

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	muster "muster/controller"
	"muster/wire"
)

// python is where Debian has the peers (package python3-ipyparallel).
const python = "/usr/bin/python3"

// TestPython runs testdata/client.py: an unmodified Python client, and two
// engines of ours, under Python's controller and under our own.
func TestPython(t *testing.T) {
	if err := exec.Command(python, "-c", "import ipyparallel, numpy").Run(); err != nil {
		if _, debian := os.Stat("/etc/debian_version"); debian == nil {
			t.Fatalf("the Python peers are missing (apt-get install python3-ipyparallel python3-numpy): %v", err)
		}
		t.Skip("NOT RUN: there is no python3 with ipyparallel, the engine was not tried with Python's controller and client")
	}
	t.Run("controller of Python", func(t *testing.T) {
		tryPython(t, func(p wire.Profile) {
			script(t, p, "-m", "ipyparallel.controller", "--ip=127.0.0.1", "--profile-dir="+p.Dir)
		})
	})
	t.Run("controller of ours", func(t *testing.T) {
		tryPython(t, func(p wire.Profile) {
			c, err := muster.New(muster.Config{Profile: p})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error)
			go func() { ended <- c.Run(ctx) }()
			t.Cleanup(func() {
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	})
}

// tryPython runs the client with engines of a controller that start starts.
func tryPython(t *testing.T, start func(wire.Profile)) {
	p := wire.Profile{Dir: filepath.Join(t.TempDir(), "profile_test")}
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	start(p)
	var engines []*process
	for range 2 {
		e := &process{engineRun: &engineRun{c: &controller{tb: t}}}
		e.cmd, e.log = command(t, nil, "--profile-dir", p.Dir, "--cluster-id", "", "--log-level=20", "--wait=60", "--timeout=60")
		engines = append(engines, e)
	}
	for deadline := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		if _, err := wire.ReadClientConnection(p.ClientFile("")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the controller does not start")
		}
	}
	client := script(t, p, "testdata/client.py", p.ClientFile(""))
	if err := client.cmd.Wait(); err != nil {
		t.Errorf("client.py: %v\n%s", err, client.log)
	}
	for _, e := range engines {
		if status := e.ended(); status != 0 {
			t.Errorf("an engine ends with status %d", status)
		}
	}
}

// script starts a Python program, in a process group that ends with the test.
func script(t *testing.T, p wire.Profile, args ...string) *process {
	t.Helper()
	s := &process{cmd: exec.Command(python, args...), log: new(lockedBuffer)}
	s.cmd.Env = append(os.Environ(), "IPYTHONDIR="+filepath.Dir(p.Dir))
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		s.cmd.Wait()
		if t.Failed() {
			t.Logf("%v:\n%s", args, s.log)
		}
	})
	return s
}
