package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster/client"
	"muster/wire"
)

// bin is the folder that holds the binaries under test, built by TestMain with
// the race detector when the tests have it. The pages of docs are walked with
// the programs as a reader builds them, in plain.
var bin, plain string

// patience bounds every wait in this suite; the machine may be slow, the code
// under test answers as soon as it can.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "muster-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	bin, plain = filepath.Join(dir, "bin"), filepath.Join(dir, "plain")
	status := 1
	if err := errors.Join(build(bin, raceEnabled), build(plain, false)); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		status = m.Run()
	}
	os.RemoveAll(dir)
	for _, why := range left.reasons {
		fmt.Println("skipped:", why)
	}
	os.Exit(status)
}

// build compiles the programs, and the MPI shims of every flavour that the
// machine offers.
func build(dir string, race bool) error {
	args := []string{"build", "-o", dir + "/"}
	if race {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "../cmd/...", "../examples/...")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	for _, f := range flavours {
		cc, err := exec.LookPath("mpicc." + f)
		if err != nil {
			continue // the test of this flavour says so
		}
		shim := filepath.Join(dir, "libmuster-mpi-"+f+".so")
		if out, err := exec.Command(filepath.Join(dir, "ipengine"), "mpi", "build", "--cc", cc, "--output", shim).CombinedOutput(); err != nil {
			return fmt.Errorf("ipengine mpi build --cc %s: %w\n%s", cc, err, out)
		}
	}
	return nil
}

// flavours are the MPI libraries that Muster is tried under.
var flavours = []string{"openmpi", "mpich"}

// left collects what the machine's owner asked to leave out.
var left struct {
	sync.Mutex
	reasons []string
}

// without skips a test when variable says "none", and says so aloud.
func without(t *testing.T, variable string) {
	t.Helper()
	if os.Getenv(variable) != "none" {
		return
	}
	left.Lock()
	left.reasons = append(left.reasons, t.Name()+": "+variable+"=none")
	left.Unlock()
	t.Skip(variable + "=none")
}

// A site is one test's own world of profiles.
type site struct {
	t   *testing.T
	dir string // IPYTHONDIR
	env []string
	ssh string // begins a PATH by which ssh leads to another host
}

// newSite makes a site, and clears it away when the test ends.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	s.env = append(os.Environ(),
		"IPYTHONDIR="+s.dir,
		"PATH="+bin+":"+os.Getenv("PATH"),
		"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
		// Debian's python3, not another one that stands earlier on PATH.
		"PYTHON=/usr/bin/python3",
	)
	t.Cleanup(s.clear)
	return s
}

// clear ends what runs and checks that nothing was left.
func (s *site) clear() {
	running := s.processes()
	for deadline := time.Now().Add(10 * time.Second); len(running) > 0 && time.Now().Before(deadline); running = s.processes() {
		time.Sleep(50 * time.Millisecond) // a process takes a moment to be gone
	}
	for pid, cmd := range running {
		s.t.Errorf("left running: %d %s", pid, cmd)
		syscall.Kill(pid, syscall.SIGKILL)
	}
	files, _ := filepath.Glob(filepath.Join(s.dir, "profile_*", "security", "ipcontroller*.json"))
	for _, f := range files {
		s.t.Errorf("left behind: %s", f)
	}
	if s.t.Failed() {
		logs, _ := filepath.Glob(filepath.Join(s.dir, "profile_*", "log", "*"))
		for _, f := range logs {
			b, _ := os.ReadFile(f)
			s.t.Logf("%s:\n%s", filepath.Base(f), b[max(0, len(b)-4000):])
		}
	}
}

// processes lists what runs with this site in its environment.
func (s *site) processes() map[int]string {
	found := make(map[int]string)
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		env, err := os.ReadFile(filepath.Join(d, "environ"))
		if err != nil || !bytes.Contains(env, []byte("IPYTHONDIR="+s.dir+"\x00")) {
			continue
		}
		cmd, _ := os.ReadFile(filepath.Join(d, "cmdline"))
		if len(cmd) == 0 {
			continue // a zombie: ended, not yet reaped
		}
		pid, _ := strconv.Atoi(filepath.Base(d))
		found[pid] = strings.ReplaceAll(string(cmd), "\x00", " ")
	}
	return found
}

// command prepares a program of this site. It is killed when the test is over.
func (s *site) command(name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.t.Cleanup(cancel)
	if p := filepath.Join(bin, name); !strings.Contains(name, "/") {
		if _, err := os.Stat(p); err == nil {
			name = p
		}
	}
	c := exec.CommandContext(ctx, name, args...)
	c.Env, c.Dir = s.env, s.dir
	c.WaitDelay = 5 * time.Second
	return c
}

// run runs a program to its end and returns what it printed; an error fails
// the test.
func (s *site) run(name string, args ...string) string {
	s.t.Helper()
	out, err := s.command(name, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// fails runs a program that has to fail, and returns its exit status and what
// it printed.
func (s *site) fails(name string, args ...string) (int, string) {
	s.t.Helper()
	out, err := s.command(name, args...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		s.t.Fatalf("%s %s: %v, want it to fail\n%s", name, strings.Join(args, " "), err, out)
	}
	return exit.ExitCode(), string(out)
}

// python runs a script of testdata with Debian's python3.
func (s *site) python(script string, args ...string) string {
	s.t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", script))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.run("/usr/bin/python3", append([]string{path}, args...)...)
}

// background starts a program that the test ends itself; its output is kept
// for the report of a failure.
func (s *site) background(name string, args ...string) *exec.Cmd {
	s.t.Helper()
	c := s.command(name, args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { c.Wait(); close(done) }()
	s.t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		<-done
		if s.t.Failed() {
			s.t.Logf("%s %s:\n%s", name, strings.Join(args, " "), &out)
		}
	})
	return c
}

// ctx bounds one wait of the test.
func (s *site) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.t.Cleanup(cancel)
	return ctx
}

// connect connects to the site's running controller, once its file is there,
// and waits for n engines.
func (s *site) connect(n int) *client.Client {
	s.t.Helper()
	profile := wire.Profile{Dir: filepath.Join(s.dir, "profile_default")}
	s.until("a controller's connection file", func() bool {
		_, err := os.Stat(profile.ClientFile(""))
		return err == nil
	})
	c, err := client.Connect(s.ctx(), client.WithProfileDir(profile.Dir))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	if err := c.WaitForEngines(s.ctx(), n); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// until waits for a condition that nobody announces.
func (s *site) until(what string, condition func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("gave up waiting for %s", what)
		}
	}
}
