package schedulers

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/launcher"
)

// patience bounds every wait; the machine may be slow, the daemons answer as
// soon as they can.
const patience = 90 * time.Second

// wanted skips a test, aloud, that cannot be tried here or was not asked for.
func wanted(t *testing.T, variable, target string) {
	t.Helper()
	if os.Getenv(variable) != "run" {
		t.Skipf("NOT tried: make %s brings the daemons up and sets %s=run", target, variable)
	}
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		t.Skip("NOT tried: this is no Debian, whose packages it takes")
	}
	if os.Geteuid() != 0 {
		t.Skip("NOT tried: the daemons need root")
	}
}

// A system is a batch system that was brought up.
type system struct {
	t       *testing.T
	dir     string
	env     []string // what its commands need
	daemons []launcher.Job
}

// daemonEnv is all that daemons see of the environment: jobs inherit theirs,
// and must not find there by luck what only a submission should bring.
var daemonEnv = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}

// start starts a daemon, in the foreground, and ends it when the test is over.
func (s *system) start(name string, args ...string) {
	s.t.Helper()
	clean := append(append([]string{"env", "-i"}, daemonEnv...), s.env...)
	job, err := launcher.Local{Command: launcher.Command{
		Args: append(clean, args...), Dir: s.dir, Log: filepath.Join(s.dir, "log", name+".out"),
	}}.Start(context.Background(), 1)
	if err != nil {
		s.t.Fatal(err)
	}
	s.daemons = append(s.daemons, job)
}

// down ends the daemons, the last first. What they print is shown if the test
// has failed.
func (s *system) down() {
	for i := len(s.daemons) - 1; i >= 0; i-- {
		if err := s.daemons[i].Stop(context.Background()); err != nil {
			s.t.Error(err)
		}
	}
	if s.t.Failed() {
		logs, _ := filepath.Glob(filepath.Join(s.dir, "log", "*"))
		for _, path := range logs {
			b, _ := os.ReadFile(path)
			s.t.Logf("%s:\n%s", filepath.Base(path), b[max(0, len(b)-3000):])
		}
	}
}

// until waits for what daemons do in their own time, and gives up when one ends.
func (s *system) until(what string, done func() bool) {
	s.t.Helper()

	for deadline := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		for _, d := range s.daemons {
			if d.State() == launcher.Ended {
				s.t.Fatalf("%s: a daemon has ended: %v\n%s", what, d.Err(), d.Output())
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// try runs a command of the system.
func (s *system) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return launcher.OS{}.Output(ctx, launcher.Command{Args: args, Env: s.env})
}

// run runs a command that has to succeed.
func (s *system) run(args ...string) string {
	s.t.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// write writes a file of the system's folder.
func (s *system) write(name, text string, mode os.FileMode) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode))
	if err != nil {
		s.t.Fatal(err)
	}
	return path
}

// ports returns ports that nobody listens on.
func ports(t *testing.T, n int) []int {
	t.Helper()
	var found []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		found = append(found, l.Addr().(*net.TCPAddr).Port)
	}
	return found
}

// stateDir is a new folder that daemons accept: not below one that others can
// write into, but for /tmp itself.
func stateDir(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", name+"-")
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		err = errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "log"), 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// has fails the test if a program is not installed.
func has(t *testing.T, programs ...string) {
	t.Helper()
	var lack []string
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			lack = append(lack, p)
		}
	}
	if len(lack) > 0 {
		t.Fatalf("not installed: %s: make test-slurm and make test-sge see to that", strings.Join(lack, ", "))
	}
}

func hostname(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return name
}
