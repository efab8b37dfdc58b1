package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/cluster"
	"muster/cluster/clustertest"
	"muster/wire"
)

// TestMain also makes this binary ipcluster, and the programs it starts.
func TestMain(m *testing.M) {
	clustertest.Main()
	if os.Getenv("MUSTER_TEST_IPCLUSTER") != "" {
		main()
		os.Exit(0)
	}
	// Under nohup, children would ignore SIGHUP as this process does, unless it has a use for it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

// profile makes profile_test the profile that commands use.
func profile(t *testing.T) wire.Profile {
	t.Helper()
	p := clustertest.Profile(t)
	t.Setenv("IPYTHONDIR", filepath.Dir(p.Dir))
	t.Setenv("IPP_PROFILE_DIR", p.Dir)
	t.Setenv("IPP_CLUSTER_ID", "")
	t.Setenv("MUSTER_TEST_IPCLUSTER", "1")
	return p
}

func prepare(t *testing.T, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(self, args...)
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

// ipcluster runs one command to its end and returns what it printed.
func ipcluster(t *testing.T, args ...string) (stdout, stderr string, ok bool) {
	t.Helper()
	cmd, out, diag := prepare(t, args...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), diag.String(), err == nil
}

func listed(t *testing.T) []listing {
	t.Helper()
	out, diag, ok := ipcluster(t, "list", "-o", "json")
	var l []listing
	if err := json.Unmarshal([]byte(out), &l); err != nil || !ok {
		t.Fatalf("list: %v\n%s%s", err, out, diag)
	}
	return l
}

func waitRunning(t *testing.T) listing {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if l := listed(t); len(l) == 1 && l[0].State == cluster.Running {
			return l[0]
		}
		if time.Now().After(deadline) {
			t.Fatalf("not running within a minute: %+v", listed(t))
		}
	}
}

func TestForegroundUntilCtrlC(t *testing.T) {
	p := profile(t)
	cmd, out, diag := prepare(t, "start", "-n", "3", "--cluster-id", "fg")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l := waitRunning(t)
	if l.Profile != "test" || l.ClusterID != "fg" || l.Engines != 3 || l.N != 3 || l.Launcher != "local" || l.Controller == 0 {
		t.Errorf("listed as %+v", l)
	}
	cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, diag)
	}
	want := "cluster test:fg is up: 3 engines (local)\nclients connect by " + p.ClientFile("fg") + "\nCtrl-C stops it.\n"
	if out.String() != want || diag.Len() > 0 { // no progress where there is no terminal
		t.Errorf("printed\n%s%s\nwant\n%s", out, diag, want)
	}
	clustertest.NothingLeft(t, p)
}

func TestCtrlCDuringStart(t *testing.T) {
	p := profile(t)
	t.Setenv(clustertest.ControllerMute, "1")
	cmd, out, diag := prepare(t, "start", "-n", "1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if l := listed(t); len(l) == 1 && l[0].State == cluster.Starting && l[0].Controller != 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no controller within a minute")
		}
	}
	cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err == nil {
		t.Error("exit status 0")
	}
	if want := "ipcluster: received signal interrupt before the cluster was up; nothing is left running\n"; diag.String() != want || out.Len() > 0 {
		t.Errorf("printed %q and %q, want %q", out, diag, want)
	}
	clustertest.NothingLeft(t, p)
}

// What is said to stop a cluster does stop it.
func TestStopAsAnnounced(t *testing.T) {
	p := profile(t)
	out, diag, ok := ipcluster(t, "start", "-n", "1", "--cluster-id", "one", "--daemonize")
	if want := "cluster test:one is up: 1 engine (local)\nclients connect by " + p.ClientFile("one") + "\nipcluster stop --cluster-id one ends it.\n"; out != want || !ok {
		t.Fatalf("printed\n%s%s\nwant\n%s", out, diag, want)
	}
	if out, diag, ok := ipcluster(t, "stop", "--cluster-id", "one"); !ok {
		t.Errorf("stop: %s%s", out, diag)
	}
	clustertest.NothingLeft(t, p)
}

func TestDaemonizeListStop(t *testing.T) {
	p := profile(t)
	out, diag, ok := ipcluster(t, "start", "-n", "2", "--daemonize", "--log-level", "info")
	if want := "cluster test is up: 2 engines (local)\nclients connect by " + p.ClientFile("") + "\nipcluster stop ends it.\n"; out != want || !ok {
		t.Fatalf("printed\n%s%s\nwant\n%s", out, diag, want)
	}
	if info, err := os.Stat(filepath.Join(p.LogDir(), "ipcluster.log")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log: %v, %v", info.Mode(), err)
	}
	if _, diag, ok := ipcluster(t, "start", "--daemonize"); ok || !strings.HasPrefix(diag, "ipcluster: cluster: test runs already, since ") {
		t.Errorf("second start: %v %s", ok, diag)
	}
	out, _, _ = ipcluster(t, "list")
	if !strings.HasPrefix(out, "PROFILE   CLUSTER ID   ENGINES   LAUNCHER   CONTROLLER") || !strings.Contains(out, "\ntest      -            2/2       local") || !strings.Contains(out, "running") {
		t.Errorf("list:\n%s", out)
	}
	if out, diag, ok := ipcluster(t, "stop"); out != "stopped cluster test (it was running)\n" || !ok {
		t.Errorf("stop: %s%s", out, diag)
	}
	clustertest.NothingLeft(t, p)
	if _, diag, ok := ipcluster(t, "stop"); ok || diag != "ipcluster: no cluster test, and no other: ipcluster start starts one\n" {
		t.Errorf("stop again: %v %s", ok, diag)
	}
	if _, diag, ok := ipcluster(t, "stop", "--all"); !ok {
		t.Errorf("stop all: %s", diag)
	}
}

func TestDaemonThatCannotStartSaysWhy(t *testing.T) {
	p := profile(t)
	t.Setenv(clustertest.EngineFails, "registration refused: wrong key")
	_, diag, ok := ipcluster(t, "start", "-n", "2", "--daemonize")
	first, _, _ := strings.Cut(diag, "\n")
	if want := "ipcluster: cluster: engines did not start: ipengine: registration refused: wrong key (exit status 1)"; ok || first != want {
		t.Errorf("%v, first line\n%s\nwant\n%s", ok, first, want)
	}
	if !strings.Contains(diag, "\nlog: "+p.LogDir()+"/ipengine-") {
		t.Errorf("the log is not named:\n%s", diag)
	}
	clustertest.NothingLeft(t, p)
}

func TestStopAfterKillOfTheDaemon(t *testing.T) {
	p := profile(t)
	if _, diag, ok := ipcluster(t, "start", "-n", "2", "--daemonize"); !ok {
		t.Fatal(diag)
	}
	r, err := cluster.Find(p, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Supervisor.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); r.Supervisor.Alive(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it survives SIGKILL")
		}
	}
	if l := listed(t); len(l) != 1 || l[0].State != cluster.Stale {
		t.Errorf("listed as %+v", l)
	}
	if out, diag, ok := ipcluster(t, "stop", "--all"); out != "stopped cluster test (it was stale)\n" || !ok {
		t.Errorf("stop: %s%s", out, diag)
	}
	clustertest.NothingLeft(t, p)
}

// A controller that a client shuts down takes the cluster with it.
func TestEndOfTheControllerEndsTheCluster(t *testing.T) {
	p := profile(t)
	cmd, _, diag := prepare(t, "start", "-n", "1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(waitRunning(t).Controller, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, diag)
	}
	clustertest.NothingLeft(t, p)
}

// A death is a line on the terminal, and below the list; what was asked for is
// done about it.
func TestDeathsAreTold(t *testing.T) {
	p := profile(t)
	cmd, _, diag := prepare(t, "start", "-n", "2", "--restart", "engine")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitRunning(t)
	r, err := cluster.Find(p, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Sets[0].Handle.Processes[1].Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if l := listed(t)[0]; len(l.Deaths) == 1 && l.Engines == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is not started again: %+v", listed(t))
		}
	}
	out, _, _ := ipcluster(t, "list")
	if last := out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]; !strings.HasPrefix(last, "test: 2") ||
		!strings.HasSuffix(last, ": engine 1 died: killed by signal 9 (SIGKILL); started again in 1s\n") {
		t.Errorf("listed as\n%s", out)
	}
	cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, diag)
	}
	const told = `level=WARN msg="engine died" engine=1 cause="killed by signal 9 (SIGKILL)" `
	if strings.Count(diag.String(), "\n") != 1 || !strings.Contains(diag.String(), told) || !strings.Contains(diag.String(), `next="started again in 1s"`) {
		t.Errorf("told\n%s", diag)
	}
	clustertest.NothingLeft(t, p)
}

func TestUsageErrors(t *testing.T) {
	p := profile(t)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.Dir, "ipcluster.toml"), []byte("[engines]\nlaunchr = \"mpi\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"strat"}, `unknown command "strat": ipcluster help lists the commands`},
		{[]string{"start"}, p.Dir + `/ipcluster.toml:2: unknown key "engines.launchr" (did you mean "engines.launcher"?)`},
		{[]string{"start", "--profile", "other", "--engines", "slrum"}, `engines.launcher is "slrum": known are local, mpi`},
		{[]string{"start", "--profile", "other", "-n", "-2"}, "engines.n is -2: it must not be negative"},
		{[]string{"lsf", "-n", "4", "-s", "old.tmpl"}, "-s: scripts of the first ipclusters are not read"},
		{[]string{"ssh", "--clusterfile=hosts.py"}, "--clusterfile: lists of hosts in Python are not read"},
		{[]string{"start", "-n", "x"}, "invalid argument"},
		{[]string{"start", "4"}, `unexpected argument "4": flags for the controller come after --`},
		{[]string{"start", "--profile", "other", "--engines", "sge"}, "how many engines is sge to start?"},
		{[]string{"start", "--profile", "other", "--dry-run"}, "nothing is submitted for them"},
		{[]string{"stop", "now"}, `unexpected argument "now"`},
		{[]string{"list", "-o", "xml"}, `output "xml": want text or json`},
		{[]string{"script", "cron"}, `no script for "cron"`},
		{[]string{"script"}, "name one batch system (slurm, pbs, sge, lsf, flux, pjm, htcondor), or a profile"},
		{[]string{"script", "slurm", "--kind", "gpu"}, "--kind is for the script of a site: give --profile"},
		{[]string{"script", "slurm", "--time", "soon"}, "want a time such as 90m, 1h30m or 01:30:00"},
		{[]string{"script", "--profile", "perlmuter"}, `no profile perlmuter (did you mean "perlmutter"?)`},
		{[]string{"start", "--profile", "perlmuter"}, `no profile perlmuter (did you mean "perlmutter"?)`},
		{[]string{"script", "--profile", "mpi"}, "profile mpi describes no site"},
		{[]string{"script", "--profile", "frontera", "slurm"}, `unexpected argument "slurm"`},
		{[]string{"profile"}, "want list, show NAME"},
		{[]string{"profile", "delete", "x"}, "want list, show NAME"},
		{[]string{"profile", "show", "x", "y"}, "want list, show NAME"},
		{[]string{"profile", "show", "--extends", "x", "y"}, "--extends is for create"},
		{[]string{"profile", "show", "frontera2"}, `no profile frontera2 (did you mean "frontera"?)`},
		{[]string{"start", "--profile", "perlmutter", "--nodes", "2"}, "Perlmutter (NERSC): every job names the account that is charged (rule account.required)"},
		{[]string{"start", "--profile", "polaris"}, "Polaris (ALCF): every job names the account that is charged"},
		{[]string{"start", "--profile", "other", "--engines", "ssh"}, "engines.ssh.hosts names no host"},
		{[]string{"start", "--profile", "other", "--engines", "lsf"}, "how many engines is lsf to start?"},
	} {
		_, diag, ok := ipcluster(t, tt.args...)
		if first, _, _ := strings.Cut(diag, "\n"); ok || !strings.Contains(first, tt.want) {
			t.Errorf("%q: %v, %s\nwant %s", tt.args, ok, diag, tt.want)
		}
	}
}

func TestHelpTeaches(t *testing.T) {
	profile(t)
	for _, c := range commands() {
		if c.name == "help" || c.name == "version" {
			continue
		}
		out, diag, ok := ipcluster(t, c.name, "--help")
		if !ok || diag != "" || !strings.HasPrefix(out, "Usage: ipcluster "+c.name) || !strings.Contains(out, "  ipcluster "+c.name+" ") {
			t.Errorf("%s --help: %v\n%s%s", c.name, ok, out, diag)
		}
	}
	for _, args := range [][]string{nil, {"--help"}, {"help"}, {"help", "start"}, {"version"}, {"--version"}} {
		if out, diag, ok := ipcluster(t, args...); !ok || diag != "" || !strings.Contains(strings.ToLower(out), "ipcluster") {
			t.Errorf("%q: %v %s%s", args, ok, out, diag)
		}
	}
}
