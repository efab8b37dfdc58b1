package cluster

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/client"
	"muster/cluster/clustertest"
	"muster/launcher"
	"muster/launcher/launchertest"
	"muster/wire"
)

// underBatch makes a configuration for three engines under a stand-in for a
// batch system.
func underBatch(t *testing.T, system string) (Config, *launchertest.Scheduler) {
	t.Helper()
	p := clustertest.Profile(t)
	s := launchertest.NewScheduler(t)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	writeProfile(t, p, "[engines]\nlauncher = \""+system+"\"\nn = 3\n[engines."+system+"]\nsingle = true\npoll = \"1s\"\n")
	return config(p, 0), s
}

func TestUnderBatchSystems(t *testing.T) {
	for _, system := range append([]string{"slurm", "sge"}, launcher.Submitted...) {
		t.Run(system, func(t *testing.T) {
			conf, s := underBatch(t, system)
			c := start(t, conf)
			r, err := Find(conf.Profile, "")
			if err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Minute); r.EnginesAlive() != 3 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				if r, err = Find(conf.Profile, ""); err != nil { // engines may register before their job is seen to run
					t.Fatal(err)
				}
			}
			if r.State() != Running || r.EnginesAlive() != 3 || r.Sets[0].Launcher != system || strings.Trim(r.Sets[0].Handle.Batch.ID, "f.standi") != "1" {
				t.Errorf("record %+v, state %v", r, r.State())
			}
			// Engines elsewhere have to reach it, and clients are here.
			for file, want := range map[string]string{conf.Profile.EngineFile(""): "tcp://0.0.0.0", conf.Profile.ClientFile(""): "tcp://127.0.0.1"} {
				if got := interfaceOf(t, file); got != want {
					t.Errorf("%s: interface %s, want %s", file, got, want)
				}
			}
			if err := c.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			if jobs := s.Jobs(); len(jobs) > 0 {
				t.Errorf("left in the queue: %v", jobs)
			}
			clustertest.NothingLeft(t, conf.Profile)
		})
	}
}

func interfaceOf(t *testing.T, file string) string {
	t.Helper()
	if strings.Contains(file, "engine") {
		e, err := wire.ReadEngineConnection(file)
		if err != nil {
			t.Fatal(err)
		}
		return e.Interface
	}
	c, err := wire.ReadClientConnection(file)
	if err != nil {
		t.Fatal(err)
	}
	return c.Interface
}

// The user sees why the engines wait.
func TestQueuedEngines(t *testing.T) {
	conf, s := underBatch(t, "slurm")
	s.Hold("Priority")
	conf.Timeout = 30 * time.Second
	start := time.Now().Add(90 * time.Minute).Truncate(time.Second)
	s.Expect(start)
	queued := make(chan Progress, 100)
	var last Progress
	conf.Progress = func(p Progress) {
		if last = p; p.Job != "" {
			queued <- p
		}
	}
	type result struct {
		c   *Cluster
		err error
	}
	done := make(chan result, 1)
	go func() {
		c, err := Start(t.Context(), conf)
		done <- result{c, err}
	}()
	for got := (Progress{}); got.Waiting != (launcher.Waiting{Reason: "Priority", Start: start}); {
		select {
		case got = <-queued:
		case r := <-done:
			t.Fatalf("started: %v", r.err)
		case <-time.After(time.Minute):
			t.Fatalf("the user was told last: %q", got)
		}
	}
	if r, err := Find(conf.Profile, ""); err != nil || r.State() != Queued || r.EnginesAlive() != 0 {
		t.Errorf("record %+v, %v", r, err)
	}
	s.Release("1")
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	if last.Have != 3 {
		t.Errorf("last progress %+v", last)
	}
	if err := r.c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, conf.Profile)
}

// The limit is the engines', not the queue's.
func TestTimeInTheQueueDoesNotCount(t *testing.T) {
	conf, s := underBatch(t, "slurm")
	t.Setenv(clustertest.EngineMute, "1")
	s.Hold("Priority")
	conf.Timeout = 5 * time.Second
	begin := time.Now()
	conf.Progress = func(p Progress) {
		if p.Job == "slurm job 1" && p.Waiting.Reason == "Priority" {
			time.AfterFunc(time.Until(begin.Add(conf.Timeout)), func() { s.Release("1") })
		}
	}
	_, err := Start(t.Context(), conf)
	if err == nil || !strings.Contains(err.Error(), "0 of 3 engines registered: not ready within 5s") || time.Since(begin) < 2*conf.Timeout {
		t.Errorf("%v, after %v", err, time.Since(begin))
	}
	clustertest.NothingLeft(t, conf.Profile)
}

func TestStartGivenUpInTheQueue(t *testing.T) {
	conf, s := underBatch(t, "sge")
	s.Hold(`cannot run in PE "mpi" because it only offers 6 slots`)
	ctx, cancel := context.WithCancelCause(t.Context())
	conf.Progress = func(p Progress) {
		if strings.Contains(p.Waiting.Reason, "slots") {
			cancel(errors.New("out of patience"))
		}
	}
	_, err := Start(ctx, conf)
	want := regexp.MustCompile(`^cluster: sge job 1 is queued since \S+ \(\d+s\): cannot run in PE "mpi" because it only offers 6 slots: out of patience$`)
	if err == nil || !want.MatchString(err.Error()) {
		t.Errorf("got  %v\nwant %v", err, want)
	}
	if jobs := s.Jobs(); len(jobs) > 0 {
		t.Errorf("left in the queue: %v", jobs)
	}
	clustertest.NothingLeft(t, conf.Profile)
}

// Who watches over a cluster is told that its job was ended, and goes on.
func TestBatchJobThatIsCancelledFromOutside(t *testing.T) {
	conf, s := underBatch(t, "slurm")
	var log safeBuffer
	conf.Log = slog.New(slog.NewTextHandler(&log, nil))
	c := start(t, conf)
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	go func() { waited <- c.Wait(ctx) }()
	s.End("1", "TIMEOUT")
	launchertest.Await(t, "the warning", func() bool {
		return strings.Contains(log.String(), "engines died") && strings.Contains(log.String(), "slurm job 1: its time was over")
	})
	launchertest.Await(t, "the record", func() bool { r, err := Find(conf.Profile, ""); return err == nil && r.EnginesAlive() == 0 })
	cancel()
	if err := <-waited; err != nil {
		t.Errorf("the cluster ended: %v", err)
	}
}

// With restart = "world" a job that ends is submitted again.
func TestBatchJobIsSubmittedAgain(t *testing.T) {
	conf, s := underBatch(t, "slurm")
	conf.Restart = launcher.RestartWorld
	conf.firstWait = time.Millisecond
	c := start(t, conf)
	ctx := limited(t)
	news := c.Client.Notifications(ctx)
	s.End("1", "NODE_FAIL")
	for up := 0; up < 3; {
		e, more := <-news
		if !more {
			t.Fatal("the engines do not come back")
		}
		if e.Up {
			up++
		}
	}
	if ids := c.Client.IDs(); !slices.Equal(ids, []client.EngineID{0, 1, 2}) {
		t.Errorf("engines are %v", ids)
	}
	if jobs := s.Jobs(); !slices.Equal(jobs, []string{"2"}) {
		t.Errorf("in the queue: %v", jobs)
	}
	r, err := Find(conf.Profile, "")
	if err != nil || r.Sets[0].Handle.Batch.ID != "2" || len(r.Deaths) != 1 || !strings.HasPrefix(r.Deaths[0].String(), "engines died: slurm job 1: a node failed") {
		t.Errorf("on record: %+v, %v", r, err)
	}
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, conf.Profile)
}

func TestScriptIsWhatStartSubmits(t *testing.T) {
	conf, _ := underBatch(t, "slurm")
	script, err := Script(conf)
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, conf)
	submitted, err := os.ReadFile(filepath.Join(conf.Profile.LogDir(), "ipengine-slurm.sh"))
	if err != nil {
		t.Fatal(err)
	}
	ofAnotherJob := regexp.MustCompile(`[0-9a-f]{16}`)
	if got := ofAnotherJob.ReplaceAllString(script, "MARK"); got != ofAnotherJob.ReplaceAllString(string(submitted), "MARK") {
		t.Errorf("script\n%s\nsubmitted\n%s", script, submitted)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	conf.Engines = "local"
	if _, err := Script(conf); err == nil || !strings.Contains(err.Error(), "nothing is submitted") {
		t.Errorf("local: %v", err)
	}
}

func TestBatchNeedsANumber(t *testing.T) {
	p := clustertest.Profile(t)
	_, err := Start(t.Context(), Config{Profile: p, Engines: "slurm"})
	if err == nil || !strings.Contains(err.Error(), "how many engines is slurm to start?") {
		t.Errorf("%v", err)
	}
}

// safeBuffer is a strings.Builder for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
