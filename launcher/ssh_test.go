package launcher_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"muster/launcher"
	"muster/launcher/launchertest"
)

// viaSSH makes a launcher that reaches the hosts of a real sshd.
func viaSSH(s *launchertest.SSHD, c launcher.Command, hosts ...string) launcher.SSH {
	return launcher.SSH{Command: c, Config: launcher.SSHConfig{Hosts: hosts, Command: []string{"ssh", "-F", s.Config}}}
}

func TestSSH(t *testing.T) {
	s := launchertest.NewSSHD(t)
	launchertest.Suite(t, func(t *testing.T, p launchertest.Program) launcher.Launcher {
		return viaSSH(s, command(t, p), "n1:2", "n2:2")
	})
}

// Copies are numbered over all hosts, in a log for each, and end one by one.
func TestSSHCopies(t *testing.T) {
	s := launchertest.NewSSHD(t)
	c := shell(t, `echo "up $1 $SECRET"; trap 'echo heard' USR1; while :; do sleep 0.02; done`)
	c.Args = append(c.Args, "sh")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("of 'mine'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := viaSSH(s, c, "n1:2", "far:2")
	l.Number, l.Command.Send = "--id=", map[string]string{"SECRET": secret}
	job := start(t, l, 3)
	waitFor(t, "output", func() bool { return strings.Count(job.Output(), "up") == 3 })
	for host, want := range map[string][]string{"n1": {"up --id=0 of 'mine'", "up --id=1 of 'mine'"}, "far": {"up --id=2 of 'mine'"}} {
		b, err := os.ReadFile(strings.Replace(c.Log, "*", "@"+host, 1))
		for _, line := range want {
			if err != nil || !strings.Contains(string(b), line+"\n") {
				t.Errorf("%s: log %q, %v, want %q", host, b, err, line)
			}
		}
	}
	if strings.Contains(job.Output(), "muster-") {
		t.Errorf("the output shows what is not the copies' own: %q", job.Output())
	}
	if err := job.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the signal", func() bool { return strings.Count(job.Output(), "heard") == 3 })
	// One is killed by somebody, and the others go on.
	pids := markedWith(t, job.Handle().Mark)
	if len(pids) < 3 {
		t.Fatalf("marked are %v", pids)
	}
	shells := slices.DeleteFunc(pids, func(pid int) bool { return !strings.Contains(commandLine(pid), "--id=1") })
	if err := syscall.Kill(shells[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	e := <-job.Ends()
	host, _ := os.Hostname()
	if want := (launcher.End{Copy: 1, PID: shells[0], Host: host, Rank: launcher.Unknown, Cause: "killed by signal 9 (SIGKILL)"}); e != want {
		t.Errorf("end %+v, want %+v", e, want)
	}
	if job.State() != launcher.Running {
		t.Errorf("state %v", job.State())
	}
	// Another process has the handle alone.
	if err := job.Handle().Stop(t.Context(), launcher.DefaultGrace); err != nil {
		t.Fatal(err)
	}
	if left := markedWith(t, job.Handle().Mark); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Copies that do not heed SIGTERM are killed.
func TestSSHKills(t *testing.T) {
	s := launchertest.NewSSHD(t)
	job := start(t, viaSSH(s, shell(t, `trap '' TERM; echo up; while :; do sleep 0.02; done`), "n1:2"), 2)
	waitFor(t, "output", func() bool { return strings.Count(job.Output(), "up") == 2 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // out of patience
	if err := job.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if left := markedWith(t, job.Handle().Mark); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// When the connection goes, so do the copies.
func TestSSHConnectionThatIsLost(t *testing.T) {
	s := launchertest.NewSSHD(t)
	job := start(t, viaSSH(s, command(t, launchertest.Serve), "n1:2"), 2)
	waitFor(t, "output", func() bool { return strings.Count(job.Output(), "up") == 2 })
	if err := job.Handle().Processes[0].Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-job.Wait(launcher.Ended)
	n := 0
	for e := range job.Ends() {
		if n++; !strings.HasPrefix(e.Cause, "the connection to n1 was lost: killed by signal 9 (SIGKILL)") {
			t.Errorf("end %+v", e)
		}
	}
	if n != 2 {
		t.Errorf("%d ends, want 2", n)
	}
	waitFor(t, "the end of the copies", func() bool { return len(markedWith(t, job.Handle().Mark)) == 0 })
}

func TestSSHErrors(t *testing.T) {
	s := launchertest.NewSSHD(t)
	c := command(t, launchertest.Serve)
	for name, tt := range map[string]struct {
		change func(*launcher.SSH)
		want   string
	}{
		"no hosts":   {func(l *launcher.SSH) { l.Config.Hosts = nil }, "engines.ssh.hosts names no host"},
		"no number":  {func(l *launcher.SSH) { l.Config.Hosts = []string{"n1:many"} }, `engines.ssh.hosts: "n1:many": want a host, or a host and a number`},
		"an option":  {func(l *launcher.SSH) { l.Config.Hosts = []string{"-oProxyCommand=id"} }, "want a host"},
		"no room":    {func(l *launcher.SSH) { l.Config.Hosts = []string{"n1:1"} }, "2 engines do not fit on the hosts, which have room for 1"},
		"no key":     {func(l *launcher.SSH) { l.Config.Hosts = []string{"n1:1", "closed:1"} }, "Permission denied (publickey). (exit status 255)"},
		"no ssh":     {func(l *launcher.SSH) { l.Config.Command = []string{"muster-no-ssh"} }, "muster-no-ssh is not there: install it"},
		"no program": {func(l *launcher.SSH) { l.Config.Program = "/nowhere/ipengine" }, "put it there, or say where it is (engines.ssh.program) (exit status 127)"},
		"no secret":  {func(l *launcher.SSH) { l.Command.Send = map[string]string{"X": "/nowhere"} }, "launcher: ssh: for the variable X: open /nowhere"},
	} {
		l := viaSSH(s, c, "n1:2")
		l.Command.Mark = launcher.NewMark()
		tt.change(&l)
		job, err := l.Start(t.Context(), 2)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v, want %q", name, job, err, tt.want)
		}
		if left := markedWith(t, l.Command.Mark); len(left) > 0 {
			t.Errorf("%s: left: %v", name, left)
		}
	}
	bad := launcher.Handle{Mark: "x'; rm -rf /", Remote: &launcher.Remote{Command: []string{"ssh"}, Hosts: []string{"n1"}}}
	if err := bad.Stop(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "not of a job that was started by ssh") {
		t.Errorf("stop: %v", err)
	}
}

// markedWith returns the processes of this machine that carry a mark.
func markedWith(t *testing.T, mark string) (pids []int) {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range entries {
		b, _ := os.ReadFile(file) // of others, or gone
		if slices.Contains(strings.Split(string(b), "\x00"), "MUSTER_JOB="+mark) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func commandLine(pid int) string {
	b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return strings.ReplaceAll(string(b), "\x00", " ")
}
