package launcher_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster/launcher"
	"muster/launcher/launchertest"
)

// batchOf makes the launcher of a batch system, asked every second.
func batchOf(system string, c launcher.Command, log *slog.Logger) launcher.Launcher {
	config := launcher.BatchConfig{Poll: time.Second}
	switch system {
	case "slurm":
		return launcher.Slurm{Command: c, Config: launcher.SlurmConfig{BatchConfig: config}, Log: log}
	case "sge":
		return launcher.SGE{Command: c, Config: launcher.SGEConfig{BatchConfig: config}, Log: log}
	}
	return launcher.Submitter{System: system, Command: c, Config: launcher.SubmitConfig{BatchConfig: config}, Log: log}
}

// underAll runs a test for each batch system, on a stand-in.
func underAll(t *testing.T, test func(t *testing.T, system string, s *launchertest.Scheduler)) {
	for _, system := range append([]string{"slurm", "sge"}, launcher.Submitted...) {
		t.Run(system, func(t *testing.T) { test(t, system, launchertest.NewScheduler(t)) })
	}
}

func TestBatch(t *testing.T) {
	underAll(t, func(t *testing.T, system string, _ *launchertest.Scheduler) {
		launchertest.Suite(t, func(t *testing.T, p launchertest.Program) launcher.Launcher {
			return batchOf(system, command(t, p), nil)
		})
	})
}

func TestBatchJobWaitsForItsTurn(t *testing.T) {
	underAll(t, func(t *testing.T, system string, s *launchertest.Scheduler) {
		s.Hold("Resources")
		job := start(t, batchOf(system, command(t, launchertest.Serve), nil), 2)
		if system == "htcondor" { // its queue does not tell
			waitFor(t, "the question", func() bool { return len(s.Calls("condor_q")) > 0 })
		} else {
			waitFor(t, "the reason", func() bool { return job.Pending().Reason == "Resources" })
		}
		if job.State() != launcher.Queued {
			t.Errorf("state %v", job.State())
		}
		s.Release(strings.Trim(job.Handle().Batch.ID, "f.standi"))
		<-job.Wait(launcher.Running)
		if w := job.Pending(); w != (launcher.Waiting{}) {
			t.Errorf("it runs and is pending: %v", w)
		}
	})
}

func TestBatchJobThatIsStoppedInTheQueue(t *testing.T) {
	underAll(t, func(t *testing.T, system string, s *launchertest.Scheduler) {
		s.Hold("Priority")
		job := start(t, batchOf(system, command(t, launchertest.Serve), nil), 2)
		if err := job.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if job.State() != launcher.Ended || job.Err() != nil || len(s.Jobs()) > 0 {
			t.Errorf("state %v, error %v, left in the queue %v", job.State(), job.Err(), s.Jobs())
		}
	})
}

// cancels are the commands by which somebody else ends a job.
var cancels = map[string][]string{
	"slurm": {"scancel"}, "sge": {"qdel"}, "pbs": {"qdel"}, "torque": {"qdel"}, "lsf": {"bkill"}, "flux": {"flux", "cancel"}, "pjm": {"pjdel"}, "htcondor": {"condor_rm"},
}

// endsOfJobs is how users are told of ends that are the batch system's matter.
var endsOfJobs = map[string]map[string]string{
	"slurm": {"TIMEOUT": "its time was over (TIMEOUT)", "NODE_FAIL": "a node failed (NODE_FAIL)", "OUT_OF_MEMORY": "out of memory (OUT_OF_MEMORY)", "cancel": "cancelled (CANCELLED)"},
	"sge": {
		"TIMEOUT": "its time or memory was over: qmaster enforced h_rt, h_cpu, or h_vmem limit", "NODE_FAIL": "in recognizing job",
		"OUT_OF_MEMORY": "killed", "cancel": "cancelled",
	},
	"pbs": {
		"TIMEOUT": "its time was over (Exit_status -29)", "NODE_FAIL": "its node was started anew (Exit_status -4)",
		"OUT_OF_MEMORY": "out of memory (Exit_status -27)", "cancel": "cancelled",
	},
	"torque": {
		"TIMEOUT": "its time was over (Exit_status -11)", "NODE_FAIL": "its node was started anew (Exit_status -4)",
		"OUT_OF_MEMORY": "its memory was over (Exit_status -10)", "cancel": "cancelled",
	},
	"lsf": {
		"TIMEOUT": "its time was over (TERM_RUNLIMIT)", "NODE_FAIL": "TERM_UNKNOWN",
		"OUT_OF_MEMORY": "out of memory (TERM_MEMLIMIT)", "cancel": "cancelled (TERM_OWNER)",
	},
	"flux": {
		"TIMEOUT": "its time was over (TIMEOUT)", "NODE_FAIL": "lost contact with n1 (exception node-failure)",
		"OUT_OF_MEMORY": "failed", "cancel": "cancelled (CANCELED)",
	},
	"pjm": {"TIMEOUT": "its time was over (ELAPSE LIMIT EXCEEDED)", "NODE_FAIL": "NODE DOWN", "OUT_OF_MEMORY": "MEMORY LIMIT EXCEEDED", "cancel": "cancelled"},
	"htcondor": {
		"TIMEOUT": "its time was over (PeriodicRemove)", "NODE_FAIL": "killed by signal 9",
		"OUT_OF_MEMORY": "killed by signal 9", "cancel": "cancelled: via condor_rm (by user root)",
	},
}

// How a job ends that somebody else ends, as the user is told.
func TestBatchJobEndsWithItsCause(t *testing.T) {
	underAll(t, func(t *testing.T, system string, s *launchertest.Scheduler) {
		jobs := make(map[string]launcher.Job)
		for end := range endsOfJobs[system] {
			jobs[end] = start(t, batchOf(system, command(t, launchertest.Serve), nil), 2)
		}
		for end, job := range jobs {
			waitFor(t, "output", func() bool { return strings.Count(job.Output(), "up") == 2 })
			if id := job.Handle().Batch.ID; end != "cancel" {
				s.End(strings.Trim(id, "f.standi"), end)
			} else if _, err := (launcher.OS{}).Output(t.Context(), launcher.Command{Args: append(cancels[system], id), Env: []string{"LC_ALL=C"}}); err != nil {
				t.Fatal(err)
			}
		}
		for end, want := range endsOfJobs[system] {
			job := jobs[end]
			id := job.Handle().Batch.ID
			<-job.Failed()
			<-job.Wait(launcher.Ended)
			first, _, _ := strings.Cut(job.Err().Error(), "\n")
			if !strings.HasSuffix(first, fmt.Sprintf("(%s job %s: %s)", system, id, want)) {
				t.Errorf("first line %q, want %q", first, want)
			}
			if e := <-job.Ends(); e != (launcher.End{Copy: launcher.All, Rank: launcher.Unknown, Cause: fmt.Sprintf("%s job %s: %s", system, id, want)}) {
				t.Errorf("the end of it is %+v", e)
			}
		}
	})
}

func TestBatchJobThatCannotStart(t *testing.T) {
	for system, reason := range map[string]string{
		"slurm": "PartitionNodeLimit", "sge": `cannot run in PE "mpi" because it only offers 6 slots`,
		"pbs": "Can Never Run: Insufficient amount of resource: ncpus (R: 64 A: 8 T: 8)", "torque": "it is held by the user",
		"lsf": "Job's requirements for exclusive execution not satisfied", "flux": "held", "pjm": "it is held", "htcondor": "held",
	} {
		t.Run(system, func(t *testing.T) {
			s := launchertest.NewScheduler(t)
			s.Hold(reason)
			var log syncBuffer
			job := start(t, batchOf(system, command(t, launchertest.Serve), slog.New(slog.NewTextHandler(&log, nil))), 2)
			waitFor(t, "the warning", func() bool { return strings.Contains(log.String(), "the job may never start") })
			if system == "htcondor" {
				reason = "via condor_hold"
			}
			if !strings.HasPrefix(job.Pending().Reason, reason) {
				t.Errorf("pending for %v", job.Pending())
			}
		})
	}
	for system, reason := range map[string]string{"flux": "unsatisfiable request", "pjm": "GATE CHECK", "htcondor": "Error from slot1@n1: Failed to execute 'e.sh': No such file or directory"} {
		t.Run("given up by "+system, func(t *testing.T) {
			s := launchertest.NewScheduler(t)
			s.Hold("error: " + reason)
			job := start(t, batchOf(system, command(t, launchertest.Serve), nil), 2)
			<-job.Failed()
			if err := job.Err().Error(); !strings.Contains(err, reason) {
				t.Errorf("error %q", err)
			}
		})
	}
	t.Run("given up by sge", func(t *testing.T) {
		s := launchertest.NewScheduler(t)
		s.Hold("error: can't chdir to /nowhere: No such file or directory")
		job := start(t, batchOf("sge", command(t, launchertest.Serve), nil), 2)
		<-job.Failed()
		if err := job.Err().Error(); !strings.Contains(err, "sge job 1 cannot start: can't chdir to /nowhere: No such file or directory") {
			t.Errorf("error %q", err)
		}
	})
}

func TestBatchSubmissionThatIsRefused(t *testing.T) {
	launchertest.NewScheduler(t)
	c := command(t, launchertest.Serve)
	for _, tt := range []struct {
		launcher launcher.Launcher
		want     string
	}{
		{launcher.Slurm{Command: c, Config: launcher.SlurmConfig{Partition: "nowhere"}}, "launcher: submit: sbatch: error: Batch job submission failed: Invalid partition name specified (exit status 1): give another one (--queue; sinfo --summarize shows what there is)"},
		{launcher.SGE{Command: c, Config: launcher.SGEConfig{Queue: "nowhere"}}, `qsub: Unable to run job: Job was rejected because job requests unknown queue "nowhere" (exit status 1): give another one (--queue; qconf -sql shows what there is)`},
		{launcher.Submitter{System: "pbs", Command: c, Config: launcher.SubmitConfig{Queue: "nowhere"}}, "qsub: Unknown queue (exit status 1): give another one (--queue; qstat -q shows what there is)"},
		{launcher.Submitter{System: "torque", Command: c, Config: launcher.SubmitConfig{Queue: "nowhere"}}, "qsub: Unknown queue (exit status 1): give another one (--queue"},
		{launcher.Submitter{System: "lsf", Command: c, Config: launcher.SubmitConfig{Queue: "nowhere"}}, "bsub: nowhere: No such queue. Job not submitted. (exit status 1): give another one (--queue; bqueues shows"},
		{launcher.Submitter{System: "flux", Command: c, Config: launcher.SubmitConfig{Queue: "nowhere"}}, "flux: flux-batch: ERROR: [Errno 22] Invalid queue 'nowhere' specified (exit status 1): give another one (--queue; flux queue list shows"},
		{launcher.Submitter{System: "pjm", Command: c, Config: launcher.SubmitConfig{Queue: "nowhere"}}, "pjsub: [ERR.] PJM 0007 pjsub Resource group nowhere does not exist. (exit status 1): give another one (--queue; pjacl shows"},
		{launcher.Submitter{System: "htcondor", Command: c, Config: launcher.SubmitConfig{Account: "nowhere"}}, "condor_submit: ERROR: Failed to create job (exit status 1)"},
		{launcher.Submitter{System: "pbs", Command: c, Config: launcher.SubmitConfig{Nodes: 1, PerNode: 2}}, "3 engines do not fit on 1 nodes of 2 (engines.pbs.nodes, per_node)"},
		{launcher.Submitter{System: "cron", Command: c}, `nothing is submitted to "cron"`},
		{launcher.Slurm{Command: c, Config: launcher.SlurmConfig{Nodes: 1, PerNode: 2}}, "3 engines do not fit on 1 nodes of 2"},
		{launcher.Slurm{Command: launcher.Command{Args: c.Args}}, "its log must be named"},
		{launcher.Slurm{Command: launcher.Command{Args: []string{"muster-no-such-program"}, Log: c.Log}}, "muster-no-such-program"},
		{launcher.SGE{Command: launcher.Command{Args: c.Args, Log: "/tmp/with space/x.log"}}, `log "/tmp/with space/x.log": it becomes part of a directive`},
	} {
		_, err := tt.launcher.Start(t.Context(), 3)
		if err == nil {
			t.Errorf("started, want %s", tt.want)
			continue
		}
		first, _, _ := strings.Cut(err.Error(), "\n")
		if !strings.Contains(first, tt.want) {
			t.Errorf("first line %q\nwant %q", first, tt.want)
		}
	}
}

func TestBatchOnAHostWithout(t *testing.T) {
	t.Setenv("PATH", "/nonexistent")
	_, err := launcher.Slurm{Command: launcher.Command{Args: []string{"/bin/true"}, Log: filepath.Join(t.TempDir(), "e-*.log")}}.Start(t.Context(), 1)
	if err == nil || !strings.Contains(err.Error(), "sbatch is not there: this host does not submit to slurm") {
		t.Errorf("%v", err)
	}
}

// A scheduler that is down loses nothing, and is asked again.
func TestBatchSchedulerThatIsDown(t *testing.T) {
	underAll(t, func(t *testing.T, system string, s *launchertest.Scheduler) {
		var log syncBuffer
		job := start(t, batchOf(system, command(t, launchertest.Serve), slog.New(slog.NewTextHandler(&log, nil))), 1)
		waitFor(t, "start", func() bool { return job.State() == launcher.Running })
		s.Down(true)
		waitFor(t, "the warning", func() bool { return strings.Contains(log.String(), "the batch system does not answer") })
		if job.State() != launcher.Running || job.Err() != nil {
			t.Errorf("state %v, error %v", job.State(), job.Err())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := job.Stop(ctx); err == nil || !strings.Contains(err.Error(), "Unable to contact the controller") {
			t.Errorf("stop: %v", err)
		}
		s.Down(false)
		if err := job.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// Another process has the handle alone.
func TestBatchHandleStopsTheJob(t *testing.T) {
	underAll(t, func(t *testing.T, system string, s *launchertest.Scheduler) {
		job := start(t, batchOf(system, command(t, launchertest.Serve), nil), 2)
		waitFor(t, "output", func() bool { return strings.Count(job.Output(), "up") == 2 })
		if err := job.Handle().Stop(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		if jobs := s.Jobs(); len(jobs) > 0 {
			t.Errorf("left in the queue: %v", jobs)
		}
		if _, err := os.Stat(job.Handle().Batch.Report); err == nil {
			t.Error("the report is left")
		}
		for _, bad := range []launcher.Batch{{System: "cron", ID: "1"}, {System: system, ID: "--user=root"}} {
			if err := (launcher.Handle{Batch: &bad}).Stop(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "no such batch system, or no id") {
				t.Errorf("%v: %v", bad, err)
			}
		}
	})
}

// One question a second, however many jobs there are.
func TestBatchAsksOnceForAllJobs(t *testing.T) {
	underAll(t, func(t *testing.T, system string, s *launchertest.Scheduler) {
		begin := time.Now()
		var jobs []launcher.Job
		for range 4 {
			jobs = append(jobs, start(t, batchOf(system, command(t, launchertest.Serve), nil), 1))
		}
		query := map[string]string{
			"slurm": "squeue", "sge": "qstat", "pbs": "qstat", "torque": "qstat", "lsf": "bjobs", "flux": "flux jobs", "pjm": "pjstat", "htcondor": "condor_q",
		}[system]
		all := map[string]string{
			"slurm": "--jobs=1,2,3,4", "sge": "1,2,3,4", "pbs": " 1.standin 2.standin 3.standin 4.standin", "torque": " 1.standin 2.standin 3.standin 4.standin",
			"lsf": " 1 2 3 4", "flux": " f1 f2 f3 f4", "pjm": "jid=1+2+3+4", "htcondor": "condor_q 1 2 3 4 -af:V ClusterId JobStatus HoldReasonCode HoldReason",
		}[system]
		waitFor(t, "two questions about all", func() bool {
			n := 0
			for _, line := range s.Calls(query) {
				if strings.HasSuffix(line, all) {
					n++
				}
			}
			return n >= 2
		})
		took := time.Since(begin)
		if got, most := len(s.Calls(query)), int(took/time.Second)+1; got > most {
			t.Errorf("%d questions in %v", got, took)
		}
		for _, j := range jobs {
			if err := j.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestBatchSignal(t *testing.T) {
	underAll(t, func(t *testing.T, system string, s *launchertest.Scheduler) {
		job := start(t, batchOf(system, shell(t, `trap 'echo heard; exit 0' USR1; echo up; while :; do sleep 0.02; done`), nil), 2)
		waitFor(t, "output", func() bool { return strings.Count(job.Output(), "up") == 2 })
		if err := job.Signal(syscall.SIGSEGV); err == nil {
			t.Error("signal 11 was sent")
		}
		err := job.Signal(syscall.SIGUSR1)
		if why := map[string]string{"sge": "Grid Engine has no command that sends SIGUSR1 to job 1", "flux": "Flux passes no SIGUSR1 on", "htcondor": "HTCondor has no command that sends SIGUSR1"}[system]; why != "" {
			if err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		<-job.Wait(launcher.Ended)
		if job.Err() != nil || strings.Count(job.Output(), "heard") != 2 {
			t.Errorf("%v, output %q", job.Err(), job.Output())
		}
	})
}

// Engines that drain because their job's time is nearly over have not failed; others have.
func TestBatchWarned(t *testing.T) {
	underAll(t, func(t *testing.T, system string, s *launchertest.Scheduler) {
		for i, tt := range []struct{ program, cause string }{
			{`trap 'exit 0' USR1; echo up; while :; do sleep 0.02; done`, launcher.NearlyOver},
			{`trap 'exit 3' USR1; echo up; while :; do sleep 0.02; done`, ": exit status 3: up"},
		} {
			job := start(t, batchOf(system, shell(t, tt.program), nil), 2)
			waitFor(t, "output", func() bool { return strings.Count(job.Output(), "up") == 2 })
			s.Warn(strconv.Itoa(i + 1))
			<-job.Wait(launcher.Ended)
			if e := <-job.Ends(); !strings.HasSuffix(e.Cause, tt.cause) || (job.Err() == nil) != (i == 0) {
				t.Errorf("the end of it is %+v, error %v", e, job.Err())
			}
		}
	})
}

// A job that is to come after another waits for its end, however that ends, where the
// batch system can order jobs.
func TestBatchAfter(t *testing.T) {
	underAll(t, func(t *testing.T, system string, s *launchertest.Scheduler) {
		var log syncBuffer
		first := start(t, batchOf(system, command(t, launchertest.Serve), nil), 1)
		<-first.Wait(launcher.Running)
		c := command(t, launchertest.Finish)
		c.After = first.Handle()
		second, err := batchOf(system, c, slog.New(slog.NewTextHandler(&log, nil))).Start(t.Context(), 1)
		if system == "pjm" || system == "htcondor" {
			if err == nil || !strings.Contains(err.Error(), "orders nothing but") {
				t.Errorf("%v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, "a word on why it waits", func() bool { return second.Pending() != (launcher.Waiting{}) })
		if second.State() != launcher.Queued {
			t.Errorf("state %v while the other runs", second.State())
		}
		s.End(strings.Trim(first.Handle().Batch.ID, "f.standi"), "NODE_FAIL")
		<-second.Wait(launcher.Ended)
		if second.Err() != nil || strings.Contains(log.String(), "may never start") {
			t.Errorf("%v, log %s", second.Err(), &log)
		}
	})
}

// What the start submits is what Script prints, and it is private.
func TestBatchFiles(t *testing.T) {
	launchertest.NewScheduler(t)
	c := command(t, launchertest.Finish)
	c.Mark = "0123456789abcdef"
	l := launcher.Slurm{Command: c, Config: launcher.SlurmConfig{PerNode: 2, BatchConfig: launcher.BatchConfig{Poll: time.Second}}}
	script, err := l.Script(3)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(script, "\n#SBATCH --nodes=2\n#SBATCH --ntasks=3\n#SBATCH --ntasks-per-node=2\n#SBATCH --time=01:00:00\n") {
		t.Errorf("script\n%s", script)
	}
	job := start(t, l, 3)
	<-job.Wait(launcher.Ended)
	log := strings.Replace(c.Log, "*", "slurm", 1)
	for path, want := range map[string]string{log: job.Output(), strings.TrimSuffix(log, ".log") + ".sh": script} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(path); info.Mode().Perm() != 0o600 || string(b) != want {
			t.Errorf("%s: mode %v, %q", path, info.Mode(), b)
		}
	}
}

// syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
