package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"muster/cluster"
	"muster/cluster/clustertest"
	"muster/launcher/launchertest"
)

// A terminal is a pseudo-terminal (pty(7)) with one command of ipcluster on it.
type terminal struct {
	t    *testing.T
	keys *os.File
	cmd  *exec.Cmd
	done chan struct{} // closed when the command has ended

	mu   sync.Mutex
	seen string // so far, but for what says has found
}

const ctrlC = "\x03"

func onATerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	keys := os.NewFile(uintptr(fd), "terminal")
	t.Cleanup(func() { keys.Close() })
	if err != nil {
		t.Fatal(err)
	}
	screen, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	cmd, _, _ := prepare(t, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, keys: keys, cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(term.done)
		b := make([]byte, 4096)
		for {
			n, err := keys.Read(b)
			term.mu.Lock()
			term.seen += string(b[:n])
			term.mu.Unlock()
			if err != nil { // EIO: nobody has it open any more
				cmd.Wait()
				return
			}
		}
	}()
	return term
}

// says waits for what is printed next.
func (term *terminal) says(what string) {
	term.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		term.mu.Lock()
		_, rest, ok := strings.Cut(term.seen, what)
		if ok {
			term.seen = rest
		}
		seen := term.seen
		term.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			term.cmd.Process.Kill()
			term.t.Fatalf("it does not say %q, but\n%s", what, seen)
		}
	}
}

func (term *terminal) types(keys string) {
	term.t.Helper()
	if _, err := term.keys.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// ends waits for the end of the command, with a status.
func (term *terminal) ends(status int) {
	term.t.Helper()
	select {
	case <-term.done:
	case <-time.After(time.Minute):
		term.cmd.Process.Kill()
		term.t.Fatalf("it does not end, and said last\n%s", term.seen)
	}
	if got := term.cmd.ProcessState.ExitCode(); got != status {
		term.t.Errorf("exit status %d, want %d; it said last\n%s", got, status, term.seen)
	}
}

// Ctrl-C asks. What goes on in the background is a cluster as any other.
func TestCtrlCAsks(t *testing.T) {
	p := profile(t)
	term := onATerminal(t, "start", "-n", "2")
	term.says("engines 2/2")
	term.says("cluster test is up: 2 engines (local)")
	term.says("Ctrl-C stops it, or leaves it running in the background.")
	term.types(ctrlC)
	term.says(question)
	term.types("what?\n")
	term.says(question)
	term.types("g\n")
	term.says("going on")
	term.types(ctrlC)
	term.says(question)
	term.types("l\n")
	term.says("the cluster goes on in the background; ipcluster stop ends it")
	term.ends(0)
	if l := listed(t); len(l) != 1 || l[0].State != cluster.Running || l[0].Engines != 2 {
		t.Errorf("listed as %+v", l)
	}
	if out, diag, ok := ipcluster(t, "stop"); !ok {
		t.Errorf("stop: %s%s", out, diag)
	}
	clustertest.NothingLeft(t, p)
}

func TestCtrlCStops(t *testing.T) {
	for name, answer := range map[string]string{"by an answer": "s\n", "by another": ctrlC, "by end of input": "\x04"} {
		t.Run(name, func(t *testing.T) {
			p := profile(t)
			term := onATerminal(t, "start", "-n", "1")
			term.says("is up")
			term.types(ctrlC)
			term.says(question)
			term.types(answer)
			term.says("stopping")
			term.ends(0)
			clustertest.NothingLeft(t, p)
		})
	}
}

// A start that waits asks as well, and can be left alone.
func TestCtrlCInTheQueue(t *testing.T) {
	p := profile(t)
	s := launchertest.NewScheduler(t)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Dir+"/ipcluster.toml", []byte("[engines]\nlauncher = \"slurm\"\nn = 2\n[engines.slurm]\nsingle = true\npoll = \"1s\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Hold("Priority")
	s.Expect(time.Now().Add(90 * time.Minute))
	term := onATerminal(t, "start", "--daemonize")
	term.says("slurm job 1 is queued since ")
	term.says(": Priority, expected to start at ")
	term.says("(in about 1h29m)")
	term.types(ctrlC)
	term.says(question)
	term.types("s\n")
	term.says("received signal interrupt before the cluster was up; nothing is left running")
	term.ends(1)
	if jobs := s.Jobs(); len(jobs) > 0 {
		t.Errorf("left in the queue: %v", jobs)
	}
	clustertest.NothingLeft(t, p)

	term = onATerminal(t, "start")
	term.says("slurm job 2 is queued since ")
	term.types(ctrlC)
	term.says(question)
	term.types("l\n")
	term.says("the cluster goes on starting in the background; ipcluster list shows how far it is, ipcluster stop ends it")
	term.ends(0)
	launchertest.Await(t, "the list to say why", func() bool {
		out, _, _ := ipcluster(t, "list")
		return strings.Contains(out, "\ntest: slurm job 2 is queued since ") && strings.Contains(out, ": Priority, expected to start at ")
	})
	s.Release("2")
	if l := waitRunning(t); l.Engines != 2 {
		t.Errorf("listed as %+v", l)
	}
	ipcluster(t, "stop")
	clustertest.NothingLeft(t, p)
}

// Who closes the terminal, or kills what shows the cluster, has not left it.
func TestEndOfTheTerminalEndsTheCluster(t *testing.T) {
	for name, end := range map[string]func(*terminal){
		"closed": func(term *terminal) { term.keys.Close() },
		"killed": func(term *terminal) { term.cmd.Process.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			p := profile(t)
			term := onATerminal(t, "start", "-n", "1")
			term.says("is up")
			end(term)
			<-term.done
			launchertest.Await(t, "an empty list", func() bool { return len(listed(t)) == 0 })
			clustertest.NothingLeft(t, p)
		})
	}
}

// What is logged stands above the progress, and above a question.
func TestLogOnTheTerminal(t *testing.T) {
	p := profile(t)
	term := onATerminal(t, "start", "-n", "2")
	term.says("is up")
	kill := func(engine int) {
		r, err := cluster.Find(p, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Sets[0].Handle.Processes[engine].Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	kill(0)
	term.says(`msg="engine died" engine=`)
	term.types(ctrlC)
	term.says(question)
	kill(1)
	term.says(`msg="engine died" engine=`)
	term.says(question)
	term.types("s\n")
	term.ends(0)
	clustertest.NothingLeft(t, p)
}
