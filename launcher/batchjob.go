package launcher

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"muster/jobscripts"
)

// A Batch is what it takes to find a job of a batch system again.
type Batch struct {
	System string        `json:"system"` // "slurm", "sge", or one of Submitted
	ID     string        `json:"id"`     // as the batch system has it
	Poll   time.Duration `json:"poll"`   // from one question about its state to the next
	Report string        `json:"report"` // the file in which the job's script tells its start and its end
}

// String is, for example, "slurm job 17".
func (b Batch) String() string { return b.System + " job " + b.ID }

// patience is how long the end of a job that was cancelled may take: half a
// minute between SIGTERM and SIGKILL is the default of Slurm, and then somebody
// has to ask.
func (b Batch) patience() time.Duration { return 2*time.Minute + 2*b.Poll }

// reportPeriod is the time from one look into a job's report to the next.
const reportPeriod = 200 * time.Millisecond

// accountingDelay is how long a batch system may keep the record of a job's
// end to itself.
const accountingDelay = 15 * time.Second

// batchJob is the job of launchers that submit to a batch system. Its goroutine
// learns of the job's life from the job's own report, which costs the batch system
// nothing and comes first, and from what the batch system answers.
type batchJob struct {
	*lifecycle
	system  batchSystem
	runner  Runner
	slog    *slog.Logger
	handle  Handle
	program string
	log     string
}

func newBatchJob(b batch, handle Handle, log string) *batchJob {
	j := &batchJob{lifecycle: newLifecycle(1), system: b.system, runner: b.runner, slog: b.log, handle: handle, log: log}
	if len(b.command.Args) > 0 {
		j.program = filepath.Base(b.command.Args[0])
	}
	go j.watch()
	return j
}

func (j *batchJob) Handle() Handle { return j.handle }

func (j *batchJob) Output() string { return tail(j.words()) }

// words is the file that has what the job has printed: the log or, as long as that
// is empty, the one in which some batch systems have their own words.
func (j *batchJob) words() string {
	if own := j.log + jobscripts.OwnWords; tail(j.log) == "" && tail(own) != "" {
		return own
	}
	return j.log
}

// watch follows the job to its end.
func (j *batchJob) watch() {
	answers, forget := pollerOf(j.system, j.runner).add(j.handle.Batch.ID, j.handle.Batch.Poll)
	defer forget()
	look := time.NewTicker(reportPeriod)
	defer look.Stop()
	silent := false
	for {
		select {
		case <-j.Wait(Ended):
			return
		case <-look.C:
			j.reported(readReport(j.handle.Batch.Report))
		case a := <-answers:
			if a.err != nil && !silent {
				j.slog.Warn("the batch system does not answer", "job", j.handle.Batch.String(), "err", a.err)
			}
			if silent = a.err != nil; !silent {
				j.answered(a.jobState)
			}
		}
	}
}

// reported acts on what the job says of itself. An end that the batch system
// has brought about has a cause that only the batch system knows.
func (j *batchJob) reported(r report) {
	if r.running {
		j.advance(Running)
	}
	switch {
	case r.told != "" && j.isStopping(), r.ended && r.status == 0:
		j.end("")
	case r.ended && (r.status < 128 || j.isStopping()):
		j.end(fmt.Sprintf("exit status %d", r.status))
	}
}

// answered acts on what the batch system says of the job.
func (j *batchJob) answered(s jobState) {
	switch s.stage {
	case queued:
		if j.wait(Waiting{Reason: s.why, Position: s.place, Start: s.start}) && s.never && !s.failed {
			j.slog.Warn("the job may never start", "job", j.handle.Batch.String(), "reason", s.why)
		}
		if s.failed {
			verb := "cannot start"
			if j.State() != Queued {
				verb = "was stopped and is held"
			}
			failure := newExitError(j.program, fmt.Errorf("%v %s: %s", j.handle.Batch, verb, s.why), j.words())
			failure.Queued, failure.Remedy = j.State() == Queued, remedy(j.handle.Batch.System, s.why)
			j.fail(failure)
		}
	case running:
		j.advance(Running)
	case over, gone:
		r := readReport(j.handle.Batch.Report) // its last word may have come since
		if r.ended && r.status < 128 {
			j.reported(r)
			return
		}
		j.end(j.cause(s, r))
	}
}

// cause words how a job has ended that did not end by itself; "" is well.
func (j *batchJob) cause(s jobState, r report) string {
	if s.stage == over && j.State() == Queued && strings.HasPrefix(s.why, "cancelled") {
		return s.why + " while it was queued"
	}
	// That it failed, or ended well though it was told to end, says no more than the job does.
	if s.stage == over && s.why != "failed" && (s.why != "" || r.told == "") {
		return s.why
	}
	why, known := "", false
	if s.stage == gone {
		why, known = j.verdict()
	}
	switch {
	case why != "":
	case r.told != "" && known:
		why = "cancelled"
	case r.told != "":
		why = "told to end by SIG" + r.told
	case r.ended:
		why = fmt.Sprintf("exit status %d", r.status)
	case s.why != "":
		why = s.why
	default:
		why = "gone from the queue"
	}
	if !r.running && !r.ended {
		why += ", and it has not said that it began: if compute nodes do not see " + filepath.Dir(j.log) + ", have the profile where they do (--profile-dir, IPYTHONDIR)"
	}
	return why
}

// verdict asks the batch system's accounting how the job ended. known says that
// there was an answer.
func (j *batchJob) verdict() (why string, known bool) {
	args := j.system.verdict(j.handle.Batch.ID)
	if args == nil || j.isStopping() {
		return "", false
	}
	for delay := time.Duration(0); delay <= accountingDelay; delay += accountingDelay {
		select {
		case <-time.After(delay):
		case <-j.Wait(Ended):
			return "", false
		}
		ctx, cancel := context.WithTimeout(context.Background(), submitLimit)
		printed, err := j.runner.Output(ctx, Command{Args: args, Env: plainWords})
		cancel()
		if err == nil {
			return j.system.cause(printed), true
		}
	}
	return "", false
}

// withoutPMI is in what Open MPI says under an srun that it cannot speak to.
const withoutPMI = `direct launched using "srun"`

// end is the end of the job, for a reason unless it ended well.
func (j *batchJob) end(why string) {
	end := End{Copy: All, Rank: Unknown}
	switch {
	case why == "" && !j.isStopping() && readReport(j.handle.Batch.Report).warned:
		end.Cause = NearlyOver
	case why != "":
		if strings.Contains(j.Output(), withoutPMI) {
			why += `; give engines.slurm.launch the words of this site, such as ["mpirun"] or ["srun", "--mpi=pmix"]`
		}
		failure := newExitError(j.program, fmt.Errorf("%v: %s", j.handle.Batch, why), j.words())
		failure.Queued = j.State() == Queued
		end.blame(failure)
		j.fail(failure)
	}
	os.Remove(j.handle.Batch.Report) // it has served
	j.over(end)
	j.advance(Ended)
}

var signalNames = map[syscall.Signal]string{
	syscall.SIGHUP: "HUP", syscall.SIGINT: "INT", syscall.SIGQUIT: "QUIT", syscall.SIGKILL: "KILL", syscall.SIGTERM: "TERM",
	syscall.SIGUSR1: "USR1", syscall.SIGUSR2: "USR2", syscall.SIGSTOP: "STOP", syscall.SIGCONT: "CONT",
}

// Signal implements [Job]. How soon it arrives is the batch system's matter.
func (j *batchJob) Signal(sig syscall.Signal) error {
	name, ok := signalNames[sig]
	if !ok {
		return fmt.Errorf("launcher: %v cannot be sent signal %d: batch systems pass on the well-known ones", j.handle.Batch, int(sig))
	}
	args, err := j.system.signal(j.handle.Batch.ID, name)
	if err != nil {
		return err
	}
	return j.run(args)
}

// run runs a command about the job that is to succeed.
func (j *batchJob) run(args []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), submitLimit)
	defer cancel()
	printed, err := j.runner.Output(ctx, Command{Args: args, Env: plainWords})
	if err != nil {
		return fmt.Errorf("launcher: %v: %w", j.handle.Batch, newRefusal(args[0], printed, err))
	}
	return nil
}

// Stop implements [Job]: it cancels the job, and waits until it is gone. When
// ctx is done the job is killed.
func (j *batchJob) Stop(ctx context.Context) error {
	j.stop()
	limited, cancel := context.WithTimeout(ctx, j.handle.Batch.patience())
	defer cancel()
	if err := j.cancel(limited); err != nil {
		return err
	}
	if j.gone(limited) {
		return nil
	}
	kill, err := j.system.signal(j.handle.Batch.ID, "KILL")
	if err == nil {
		err = j.run(kill) // it may be gone, too
	}
	limited, cancel = context.WithTimeout(context.Background(), killPatience+2*j.handle.Batch.Poll)
	defer cancel()
	if j.gone(limited) {
		return nil
	}
	return errors.Join(fmt.Errorf("launcher: stop: %v was cancelled and is not gone: its batch system may still end it (%s)",
		j.handle.Batch, strings.Join(j.system.cancel(j.handle.Batch.ID), " ")), err)
}

// cancelRetry is the time from one try to cancel a job to the next, while the
// batch system does not answer.
const cancelRetry = 5 * time.Second

// cancel has the batch system end the job. There is one try at least, also when
// ctx is done.
func (j *batchJob) cancel(ctx context.Context) error {
	args := j.system.cancel(j.handle.Batch.ID)
	for j.State() != Ended {
		limited, stop := context.WithTimeout(context.WithoutCancel(ctx), submitLimit)
		printed, err := j.runner.Output(limited, Command{Args: args, Env: plainWords})
		stop()
		gone, err := j.system.cancelled(printed, err)
		if gone {
			j.end("")
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("launcher: stop %v: %w", j.handle.Batch, err)
		case <-j.Wait(Ended):
		case <-time.After(cancelRetry):
		}
	}
	return nil
}

// gone waits for the end of the job.
func (j *batchJob) gone(ctx context.Context) bool {
	select {
	case <-j.Wait(Ended):
		return true
	case <-ctx.Done():
		return false
	}
}

var jobID = regexp.MustCompile(`^[0-9f][\w.-]*$`)

// stopBatch stops the job that the handle names, of whatever process it is.
func (h Handle) stopBatch(ctx context.Context) error {
	b := *h.Batch
	system, ok := systems[b.System]
	if !ok || !jobID.MatchString(b.ID) {
		return fmt.Errorf("launcher: stop: %v: no such batch system, or no id of a job", b)
	}
	if b.Poll < time.Second {
		b.Poll = defaultPoll
	}
	if h.Mark == "" || !strings.HasSuffix(b.Report, "-"+h.Mark+".report") {
		b.Report = "" // not one of ours
	}
	h.Batch = &b
	j := newBatchJob(batch{system: system, runner: OS{}, log: slog.New(slog.DiscardHandler)}, h, "")
	return j.Stop(ctx)
}

// A report is what a job's script has said: see jobscripts.
type report struct {
	running bool
	warned  bool // that its time is nearly over
	ended   bool
	status  int
	told    string // the signal by which the batch system has told it to end
}

// maxReport bounds what is read of a report: a few lines.
const maxReport = 4 << 10

func readReport(path string) (r report) {
	f, err := os.Open(path)
	if err != nil { // removed by another process that has seen the end
		return r
	}
	defer f.Close()
	b := make([]byte, maxReport)
	n, _ := f.Read(b)
	return parseReport(b[:n])
}

// parseReport reads the whole lines of a report.
func parseReport(b []byte) (r report) {
	lines := bufio.NewScanner(bytes.NewReader(b[:bytes.LastIndexByte(b, '\n')+1]))
	for lines.Scan() {
		what, value, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case jobscripts.ReportRunning:
			r.running = true
		case jobscripts.ReportWarned:
			r.warned = true
		case jobscripts.ReportTold:
			r.told = value
		case jobscripts.ReportEnded:
			if status, err := strconv.Atoi(value); err == nil && status >= 0 {
				r.ended, r.status = true, status
			}
		}
	}
	return r
}
