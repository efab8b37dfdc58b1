package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"muster/cluster"
	"muster/cluster/clustertest"
	"muster/launcher/launchertest"
	"muster/wire"
)

// underSlurm makes profile_test one of two engines under a stand-in for Slurm.
func underSlurm(t *testing.T) (wire.Profile, *launchertest.Scheduler) {
	t.Helper()
	p := profile(t)
	s := launchertest.NewScheduler(t)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.Dir, "ipcluster.toml"), []byte("[engines]\nlauncher = \"slurm\"\nn = 2\n[engines.slurm]\nsingle = true\npoll = \"1s\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p, s
}

// What a batch system does not do is said in a sentence, with what to do, and
// nothing is left of the start.
func TestBadInputUnderABatchSystem(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(*testing.T, *launchertest.Scheduler)
		args    []string
		want    string // the first line
		more    string // in what follows
	}{
		{name: "partition", args: []string{"--queue", "nowhere"},
			want: `launcher: submit: sbatch: error: Batch job submission failed: Invalid partition name specified \(exit status 1\): give another one \(--queue; sinfo --summarize shows what there is\)`},
		{name: "account in the queue", prepare: func(_ *testing.T, s *launchertest.Scheduler) { s.Hold("InvalidAccount") },
			want: `cluster: engines did not start: ipengine: slurm job 1 cannot start: InvalidAccount: the account does not exist: give an account that may run there \(--account; .*`},
		{name: "time in the queue", prepare: func(_ *testing.T, s *launchertest.Scheduler) { s.Hold("PartitionTimeLimit") },
			want: `cluster: engines did not start: ipengine: slurm job 1 cannot start: PartitionTimeLimit: the partition does not give so much time: ask for less time \(--time; sinfo --format="%P %l %D" shows what there is\)`},
		{name: "down", prepare: func(_ *testing.T, s *launchertest.Scheduler) { s.Down(true) },
			want: `launcher: submit: sbatch: error: Unable to contact the controller \(connect failure\) \(exit status 1\): it does not answer now: try again later`},
		{name: "dies in the queue", prepare: func(t *testing.T, s *launchertest.Scheduler) {
			s.Hold("Priority")
			go func() {
				launchertest.Await(t, "a job", func() bool { return len(s.Jobs()) == 1 })
				s.End("1", "CANCELLED")
			}()
		}, want: `cluster: engines did not start: ipengine: slurm job 1: cancelled \(CANCELLED\) while it was queued`},
		{name: "engines never call", prepare: func(t *testing.T, _ *launchertest.Scheduler) {
			t.Setenv(clustertest.EngineMute, "waiting for a license")
		},
			args: []string{"--timeout", "3s"},
			want: `cluster: 0 of 2 engines registered: not ready within 3s: ipcluster doctor finds out what keeps them from the controller, and --timeout gives them longer`,
			more: "\n  | waiting for a license\n"},
		{name: "engines fail", prepare: func(t *testing.T, _ *launchertest.Scheduler) { t.Setenv(clustertest.EngineFails, "no license") },
			want: `cluster: engines did not start: ipengine: no license \(slurm job 1: exit status 1\)`, more: "log: "},
	} {
		for _, where := range []string{"foreground", "background"} {
			t.Run(tt.name+" in the "+where, func(t *testing.T) {
				p, s := underSlurm(t)
				if tt.prepare != nil {
					tt.prepare(t, s)
				}
				args := append([]string{"start"}, tt.args...)
				if where == "background" {
					args = append(args, "--daemonize")
				}
				out, diag, ok := ipcluster(t, args...)
				first, rest, _ := strings.Cut(diag, "\n")
				if ok || out != "" || !regexp.MustCompile(`^ipcluster: `+tt.want+`$`).MatchString(first) || !strings.Contains(rest, tt.more) {
					t.Errorf("%v, printed\n%s%s\nwant\n%s\n%s", ok, out, diag, tt.want, tt.more)
				}
				if jobs := s.Jobs(); len(jobs) > 0 {
					t.Errorf("left in the queue: %v", jobs)
				}
				clustertest.NothingLeft(t, p)
			})
		}
	}
}

// A batch system that takes its time is waited for, whatever language the user speaks.
func TestSlowBatchSystemInAnotherLanguage(t *testing.T) {
	p, s := underSlurm(t)
	t.Setenv("LANG", "de_DE.UTF-8")
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	t.Setenv("LANGUAGE", "de")
	s.Slow(2 * time.Second)
	if out, diag, ok := ipcluster(t, "start", "--daemonize"); !ok {
		t.Fatal(out, diag)
	}
	if l := waitRunning(t); l.Engines != 2 {
		t.Errorf("listed as %+v", l)
	}
	if out, diag, ok := ipcluster(t, "stop"); !ok {
		t.Error(out, diag)
	}
	if jobs := s.Jobs(); len(jobs) > 0 {
		t.Errorf("left in the queue: %v", jobs)
	}
	clustertest.NothingLeft(t, p)
}

// Of several starts at the same moment one succeeds, and the others harm nothing of it.
func TestStartsAtTheSameMoment(t *testing.T) {
	p := profile(t)
	type result struct {
		diag string
		ok   bool
	}
	const n = 4
	results := make(chan result, n)
	for range n {
		go func() {
			_, diag, ok := ipcluster(t, "start", "-n", "1", "--daemonize")
			results <- result{diag, ok}
		}()
	}
	up := 0
	for range n {
		if r := <-results; r.ok {
			up++
		} else if first, _, _ := strings.Cut(r.diag, "\n"); !strings.HasPrefix(first, "ipcluster: cluster: test runs already, since ") || !strings.HasSuffix(first, ": stop it first, or start another beside it under another --cluster-id") {
			t.Errorf("refused for\n%s", r.diag)
		}
	}
	if l := listed(t); up != 1 || len(l) != 1 || l[0].State != cluster.Running || l[0].Engines != 1 {
		t.Errorf("%d are up, listed as %+v", up, l)
	}
	if out, diag, ok := ipcluster(t, "stop"); !ok {
		t.Error(out, diag)
	}
	clustertest.NothingLeft(t, p)
}

// A start that is refused does not begin the log of the cluster that runs anew.
func TestRefusedStartKeepsTheLog(t *testing.T) {
	p := profile(t)
	if _, diag, ok := ipcluster(t, "start", "-n", "1", "--daemonize", "--log-level", "info"); !ok {
		t.Fatal(diag)
	}
	log := filepath.Join(p.LogDir(), "ipcluster.log")
	if err := os.WriteFile(log, []byte("what it has said\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, diag, ok := ipcluster(t, "start", "--daemonize"); ok || !strings.Contains(diag, "runs already") {
		t.Errorf("%v, %s", ok, diag)
	}
	if b, err := os.ReadFile(log); err != nil || string(b) != "what it has said\n" {
		t.Errorf("the log holds %q, %v", b, err)
	}
	ipcluster(t, "stop")
}
