package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/client"
	"muster/launcher/launchertest"
	"muster/wire"
)

// laptop is a machine whose ssh leads to this one, where a cluster runs.
type laptop struct {
	*launchertest.SSHD
	t     *testing.T
	there wire.Profile // the cluster's
	here  wire.Profile // what it becomes
}

func newLaptop(t *testing.T, start ...string) *laptop {
	l := &laptop{SSHD: launchertest.NewSSHD(t), t: t, there: profile(t)}
	l.here = wire.Profile{Dir: filepath.Join(filepath.Dir(l.there.Dir), "profile_n1-test")}
	t.Setenv("PATH", l.Program(t)+":"+os.Getenv("PATH"))
	if _, diag, ok := ipcluster(t, append([]string{"start", "-n", "2", "--daemonize"}, start...)...); !ok {
		t.Fatal(diag)
	}
	t.Cleanup(func() {
		if _, diag, ok := ipcluster(t, "stop"); !ok {
			t.Error(diag)
		}
	})
	return l
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// attached is an "ipcluster attach" that runs.
type attached struct {
	*laptop
	cmd *exec.Cmd
	out *output
}

// An output may be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (l *laptop) attach(args ...string) *attached {
	l.t.Helper()
	cmd, _, _ := prepare(l.t, append([]string{"attach"}, args...)...)
	a := &attached{l, cmd, new(output)}
	cmd.Stdout, cmd.Stderr = a.out, a.out
	check(l.t, cmd.Start())
	l.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if l.t.Failed() {
			l.t.Logf("attach:\n%s", a.out)
		}
	})
	a.prints("Ctrl-C detaches")
	return a
}

// prints waits until something is printed.
func (a *attached) prints(what string) {
	a.t.Helper()
	pattern := regexp.MustCompile(what)
	for deadline := time.Now().Add(time.Minute); !pattern.MatchString(a.out.String()); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatalf("%q is not printed but\n%s", what, a.out)
		}
	}
}

// detach ends it as Ctrl-C does.
func (a *attached) detach() {
	a.t.Helper()
	check(a.t, a.cmd.Process.Signal(os.Interrupt))
	if err := a.cmd.Wait(); err != nil {
		a.t.Errorf("%v\n%s", err, a.out)
	}
	a.gone()
}

// gone waits until nothing is left of it but what is remembered.
func (a *attached) gone() {
	a.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(a.here.ClientFile(""))
		left, _ := exec.Command("pgrep", "-f", "ssh .*"+a.Config).Output()
		if errors.Is(err, os.ErrNotExist) && len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("the file is left: %v; processes: %s", err, left)
		}
	}
}

func (l *laptop) connect(p wire.Profile) (*client.Client, context.Context) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Minute)
	l.t.Cleanup(cancel)
	c, err := client.Connect(ctx, client.WithProfileDir(p.Dir))
	check(l.t, err)
	l.t.Cleanup(func() { c.Close() })
	check(l.t, c.WaitForEngines(ctx, 2))
	return c, ctx
}

// A cluster behind ssh is one of this machine while it is attached to, and what ended
// meanwhile is told.
func TestAttach(t *testing.T) {
	l := newLaptop(t)
	a := l.attach("n1", "--profile-dir", l.there.Dir)
	a.prints(`^attached to n1-test: 2 engines, 0 busy\nnotebooks: ipp.Client\(profile="n1-test"\); Go: client.WithProfile\("n1-test"\)\nCtrl-C`)
	if info, err := os.Stat(l.here.ClientFile("")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("connection file: %v, %v", info, err)
	}
	if _, diag, ok := ipcluster(t, "attach", "n1", "--profile-dir", l.there.Dir); ok || !strings.Contains(diag, "attached already") {
		t.Errorf("a second time: %s", diag)
	}
	if _, diag, ok := ipcluster(t, "attach", "n1", "--profile-dir", l.there.Dir, "--name", "test"); ok || !strings.Contains(diag, "is a cluster's of this machine") {
		t.Errorf("over the cluster itself: %s", diag)
	}

	c, ctx := l.connect(l.here)
	_, err := c.Direct(client.All).Execute(ctx, "1 + 1")
	check(t, err)
	_, err = c.LoadBalanced().With(client.Label("mine")).Execute(ctx, `panic("all is lost")`)
	if err == nil {
		t.Error("no error")
	}
	a.prints(`failed: mine: .*all is lost`)
	out, err := exec.CommandContext(ctx, "/usr/bin/python3", "-c", `import ipyparallel as ipp
rc = ipp.Client(profile="n1-test")
rc[:].execute("x := 6 * 7").get()
print(rc.ids, rc[:]["x"])`).CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "[0, 1] [42, 42]\n") {
		t.Errorf("Python: %v\n%s", err, out)
	}

	// The connection breaks, and the client here goes on.
	held := c.Direct(client.Engines(0)).ExecuteAsync("time.Sleep(2 * time.Second); 5")
	l.SetAway(t, true)
	l.Cut(t)
	a.prints("away: tunnel: reach the controller by ssh n1: ")
	l.SetAway(t, false)
	values, err := held.Get(ctx)
	if err != nil || values[0] != "5" {
		t.Errorf("after the break: %v, %v", values, err)
	}

	// It goes on as well when it is detached, and attached to again.
	held = c.LoadBalanced().ExecuteAsync("time.Sleep(500 * time.Millisecond); 6")
	a.detach()
	a.prints("detached from n1-test; the work goes on\n$")
	at, ctx := l.connect(l.there)
	at.LoadBalanced().With(client.Label("other")).Execute(ctx, "undefined")
	_, err = at.LoadBalanced().Execute(ctx, "2")
	check(t, err)
	a = l.attach("n1", "--profile-dir", l.there.Dir)
	a.prints(`since 20..-..-.. ..:..:..: [12] calls? done, 1 failed\nfailed: other: .*undefined`)
	values, err = held.Get(ctx)
	if err != nil || values[0] != "6" {
		t.Errorf("after coming back: %v, %v", values, err)
	}

	// Killed, it leaves nothing either.
	check(t, a.cmd.Process.Kill())
	a.cmd.Wait()
	a.gone()
	a = l.attach("n1", "--profile-dir", l.there.Dir)
	if _, diag, ok := ipcluster(t, "stop"); !ok {
		t.Fatal(diag)
	}
	a.prints("cluster n1-test was shut down|the cluster has ended|away: ")
	check(t, a.cmd.Process.Signal(os.Interrupt))
	a.cmd.Wait()
	a.gone()
	if _, diag, ok := ipcluster(t, "attach", "n1", "--profile-dir", l.there.Dir); ok || !strings.Contains(diag, "no controller is there") {
		t.Errorf("without a cluster: %s", diag)
	}
	a.gone()
	if _, diag, ok := ipcluster(t, "start", "-n", "1", "--daemonize"); !ok { // which the end stops
		t.Fatal(diag)
	}
}

// Without a host it is a cluster of this machine.
func TestAttachHere(t *testing.T) {
	l := newLaptop(t)
	a := l.attach()
	a.prints(`^attached to test: 2 engines, 0 busy\nCtrl-C detaches`)
	c, ctx := l.connect(l.there)
	c.Direct(client.Engines(0)).Execute(ctx, `panic("no")`)
	a.prints("failed: .*no\n")
	check(t, a.cmd.Process.Signal(os.Interrupt))
	check(t, a.cmd.Wait())
	if _, diag, ok := ipcluster(t, "attach", "--cluster-id", "none"); ok || !strings.Contains(diag, "no cluster test") {
		t.Errorf("to none: %s", diag)
	}
}
