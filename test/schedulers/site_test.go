package schedulers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/launcher"
	"muster/launcher/launchertest"
)

// bin holds the programs and the shim of Open MPI, whose mpirun is Debian's.
var bin string

func TestMain(m *testing.M) {
	launchertest.Main()
	if os.Getenv("MUSTER_SLURM") != "run" && os.Getenv("MUSTER_SGE") != "run" {
		os.Exit(m.Run()) // and say so
	}
	dir, err := os.MkdirTemp("", "muster-schedulers-")
	if err == nil {
		bin, err = dir, build(dir)
	}
	status := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		status = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(status)
}

func build(dir string) error {
	for _, args := range [][]string{
		{"go", "build", "-trimpath", "-o", dir + "/", "../../cmd/...", "../../examples/..."},
		{filepath.Join(dir, "ipengine"), "mpi", "build", "--cc", "mpicc.openmpi", "--output", filepath.Join(dir, "libmuster-mpi-openmpi.so")},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// A site is one test's own world of profiles under a batch system.
type site struct {
	*system
	t   *testing.T
	dir string // IPYTHONDIR
}

// newSite makes a site with a profile test. When the test ends nothing of it may run.
func newSite(t *testing.T, s *system, profile string) *site {
	t.Helper()
	n := &site{s, t, t.TempDir()}
	if err := os.Mkdir(filepath.Join(n.dir, "profile_test"), 0o700); err != nil {
		t.Fatal(err)
	}
	n.profile(profile)
	t.Cleanup(func() {
		for deadline := time.Now().Add(patience); len(n.processes()) > 0 && time.Now().Before(deadline); {
			time.Sleep(50 * time.Millisecond)
		}
		for _, p := range n.processes() {
			t.Errorf("left running: %s", p)
		}
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(n.dir, "profile_test", "log", "*"))
			for _, path := range logs {
				b, _ := os.ReadFile(path)
				t.Logf("%s:\n%s", filepath.Base(path), b)
			}
		}
	})
	return n
}

// profile writes the site's profile.
func (s *site) profile(text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "profile_test", "ipcluster.toml"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// processes lists the command lines that name the site's folder.
func (s *site) processes() (lines []string) {
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range paths {
		if b, _ := os.ReadFile(p); bytes.Contains(b, []byte(s.dir)) {
			lines = append(lines, strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	return lines
}

// command prepares a program of the site.
func (s *site) command(name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	s.t.Cleanup(cancel)
	if !filepath.IsAbs(name) {
		name = filepath.Join(bin, name)
	}
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(slices.Concat(os.Environ(), s.env), "PATH="+bin+":"+os.Getenv("PATH"), "IPYTHONDIR="+s.dir, "IPP_PROFILE_DIR="+filepath.Join(s.dir, "profile_test"), "IPP_CLUSTER_ID=")
	c.Dir = s.dir
	c.WaitDelay = 5 * time.Second
	return c
}

// run runs a program of the site that has to succeed.
func (s *site) run(name string, args ...string) string {
	s.t.Helper()
	out, err := s.command(name, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// fails runs a program that has to fail, and returns the first line it printed.
func (s *site) fails(name string, args ...string) string {
	s.t.Helper()
	out, err := s.command(name, args...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		s.t.Fatalf("%s %s: %v, want it to fail\n%s", name, strings.Join(args, " "), err, out)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return first
}

// A foreground is an "ipcluster start" that stays.
type foreground struct {
	t       *testing.T
	cmd     *exec.Cmd
	printed string // the file that takes what it prints
	done    chan error
}

func (s *site) foreground(args ...string) *foreground {
	s.t.Helper()
	f := &foreground{s.t, s.command("ipcluster", append([]string{"start"}, args...)...), filepath.Join(s.dir, "printed"), make(chan error, 1)}
	out, err := os.Create(f.printed)
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close()
	f.cmd.Stdout, f.cmd.Stderr = out, out
	if err := f.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { f.done <- f.cmd.Wait() }()
	return f
}

func (f *foreground) says(text string) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		b, _ := os.ReadFile(f.printed)
		if strings.Contains(string(b), text) {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("it does not say %q:\n%s", text, b)
		}
	}
}

// interrupt is Ctrl-C, and waits for the end.
func (f *foreground) interrupt() {
	f.t.Helper()
	f.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-f.done:
	case <-time.After(patience):
		f.t.Fatal("it does not end")
	}
}

// serve is a command for launchers: a program that runs until it is told to end.
func serve(t *testing.T, p launchertest.Program) launcher.Command {
	args, env := launchertest.Command(t, p)
	return launcher.Command{Args: args, Env: env, Log: filepath.Join(t.TempDir(), "program-*.log"), Dir: t.TempDir()}
}

// inEnv has this process's own launchers reach the system.
func (s *system) inEnv(t *testing.T) {
	for _, v := range s.env {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	t.Setenv("GORACE", "atexit_sleep_ms=0")
}

// failure waits for a job to fail, and returns the first line of why.
func failure(t *testing.T, job launcher.Job) string {
	t.Helper()
	select {
	case <-job.Failed():
	case <-time.After(2 * patience):
		t.Fatalf("it does not fail, state %v\n%s", job.State(), job.Output())
	}
	first, _, _ := strings.Cut(job.Err().Error(), "\n")
	return first
}
