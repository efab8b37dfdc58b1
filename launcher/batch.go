package launcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/jobscripts"
)

// BatchConfig is what the profiles of all batch systems can say: part of the
// sections [engines.slurm], [engines.sge] and the like.
type BatchConfig struct {
	// Time is the longest run time of the job. 0 is an hour: nearly every queue
	// takes that, and a set that is forgotten does not use up an account.
	Time time.Duration `toml:"time"`
	// Warning is how long before its end the engines drain; 0 is a minute, and of short
	// jobs a tenth of their time.
	Warning time.Duration `toml:"warning"`
	// Chain is how many more jobs follow the first, each when the one before has ended.
	// Whoever starts the jobs sees to that.
	Chain int `toml:"-"`
	// Directives are more options of the batch system, as in "--constraint=cpu".
	Directives []string `toml:"directives"`
	// Setup is lines of shell that run before the engines, as in "module load openmpi".
	Setup []string `toml:"setup"`
	// Launch is the command that starts a program on all the slots of the job,
	// and words for it: it is given "-n", the number of engines, and the engine.
	// Empty is srun under Slurm, flux run under Flux, mpiexec under PJM, else mpirun.
	Launch []string `toml:"launch"`
	// Single says that engines are single processes, and not the ranks of one
	// MPI world.
	Single bool `toml:"single"`
	// Poll is the time from one question about the state of jobs to the next,
	// which is for all jobs of this process. 0 is 10 s, which no site has been
	// seen to mind; some ask for a minute.
	Poll time.Duration `toml:"poll"`
	// Form changes the script beyond what is said here.
	Form jobscripts.Form `toml:"-"`
	// alone says that the job is one process, which its script starts itself.
	alone bool
	// Site, if there is one, takes the place of what is said here but for Poll and Single:
	// it plans the job as its machine wants it.
	Site Site `toml:"-"`
}

// A Site plans jobs as one machine wants them, and knows what it would refuse.
type Site interface {
	// Place plans a job of n copies; it does not fill in the program and its files.
	Place(n int) (jobscripts.Engines, error)
	// Check refuses a script that breaks a rule.
	Check(script string) error
}

const (
	defaultTime = time.Hour
	defaultPoll = 10 * time.Second
)

// submitLimit bounds the commands of batch systems: a scheduler that is busy may
// take its time, but not for ever.
var submitLimit = 2 * time.Minute

func (c BatchConfig) validate(section string) error {
	switch {
	case c.Time < 0 || c.Time > 0 && c.Time < time.Second:
		return fmt.Errorf("launcher: %s.time is %v: want a second at least, or 0 for %v", section, c.Time, defaultTime)
	case c.Warning < 0 || c.Warning >= cmp.Or(c.Time, defaultTime):
		return fmt.Errorf("launcher: %s.warning is %v: want less than the time of the job, %v", section, c.Warning, cmp.Or(c.Time, defaultTime))
	case c.Chain < 0:
		return fmt.Errorf("launcher: %d more jobs after the first: this must not be negative", c.Chain)
	case c.Poll < 0 || c.Poll > 0 && c.Poll < time.Second:
		return fmt.Errorf("launcher: %s.poll is %v: batch systems are not asked more often than once in a second", section, c.Poll)
	}
	return nil
}

// A batchSystem is one family of batch systems: its commands, and how to read
// what they print.
type batchSystem interface {
	// name is what profiles, records and job scripts call it.
	name() string
	// submit is the command that submits a script, which is in a file; id finds the
	// job's id in what it prints, "" if there is none.
	submit(file, script string) Command
	id(printed string) string
	// query is the command that asks about jobs; states reads its answer. A job
	// that the system does not know any more has the state gone. An answer that
	// is none is an error.
	query(ids []string) []string
	states(ids []string, printed string, err error) (map[string]jobState, error)
	// verdict is the command that asks how a job ended that is gone, nil if
	// there is none; cause reads its answer, "" if it does not tell.
	verdict(id string) []string
	cause(printed string) string
	// cancel is the command that ends a job; cancelled reads its answer: whether
	// the job is gone at once. It is no error that a job is gone already.
	cancel(id string) []string
	cancelled(printed string, err error) (gone bool, _ error)
	// signal is the command that sends a signal to the job's script.
	signal(id string, name string) ([]string, error)
}

// systems are those that a [Batch] can name.
var systems = map[string]batchSystem{
	"slurm": slurm{}, "sge": sge{}, "pbs": pbs{}, "torque": pbs{torque: true}, "lsf": lsf{}, "flux": flux{}, "pjm": pjm{}, "htcondor": htcondor{},
}

// scripts names the scripts that a batch system reads, one of jobscripts.Systems.
func scripts(system string) string {
	if system == "torque" {
		return "pbs"
	}
	return system
}

// jobState is what a batch system tells of a job.
type jobState struct {
	stage  stage
	why    string    // queued: why; over: how it ended, "" if well
	place  int       // queued: its position, 1 is next; 0 if that is not told
	start  time.Time // queued: when it is expected to start, if that is told
	never  bool      // queued: and it will not start unless somebody does something about it
	failed bool      // queued: and the batch system has given it up
}

type stage int

const (
	unknown stage = iota
	queued
	running
	over
	gone // not known to the batch system any more
)

// batch starts sets of copies as jobs of a batch system: what its launchers
// share.
type batch struct {
	system  batchSystem
	engines jobscripts.Engines // but for what Start fills in
	config  BatchConfig
	command Command
	runner  Runner
	log     *slog.Logger
}

// Start submits n copies as one job.
func (b batch) Start(ctx context.Context, n int) (Job, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if b.runner == nil {
		b.runner = OS{}
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	handle := Handle{Mark: cmp.Or(b.command.Mark, NewMark()), Batch: &Batch{System: b.system.name(), Poll: cmp.Or(b.config.Poll, defaultPoll)}}
	sent, err := b.command.sent()
	if err != nil {
		return nil, fmt.Errorf("launcher: %s job: %w", b.system.name(), err)
	}
	files, script, err := b.render(n, handle.Mark, sent)
	if err != nil {
		return nil, err
	}
	handle.Batch.Report = files.report
	if err := files.create(script); err != nil {
		return nil, fmt.Errorf("launcher: %s job: %w", b.system.name(), err)
	}
	if handle.Batch.ID, err = b.submit(ctx, files.script, script); err != nil {
		os.Remove(files.report)
		return nil, err
	}
	b.log.Info("submitted", "job", handle.Batch.ID, "script", files.script)
	j := newBatchJob(b, handle, files.log)
	if err := ctx.Err(); err != nil { // given up while the command ran
		return nil, errors.Join(err, j.Stop(context.WithoutCancel(ctx)))
	}
	return j, nil
}

// Script returns the script that a start of n copies would submit, but for what the
// copies are sent.
func (b batch) Script(n int) (string, error) {
	var sent []string
	for _, name := range b.command.sends() {
		sent = append(sent, name+"=(what is in "+b.command.Send[name]+")")
	}
	_, script, err := b.render(n, cmp.Or(b.command.Mark, NewMark()), sent)
	return script, err
}

// jobFiles are the files of one job, side by side.
type jobFiles struct{ log, script, report string }

// create makes the files anew, all private. The report exists from the
// beginning: network file systems remember for a while that a file is not there.
func (f jobFiles) create(script string) error {
	for path, text := range map[string]string{f.log: "", f.script: script, f.report: ""} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// render fills in the script for n copies, and what they are sent.
func (b batch) render(n int, mark string, sent []string) (files jobFiles, script string, err error) {
	name := b.system.name()
	if b.command.Log == "" {
		return files, "", fmt.Errorf("launcher: %s job: its log must be named: nothing else brings back what nodes print", name)
	}
	if files.log, err = filepath.Abs(logFor(b.command.Log, name)); err != nil {
		return files, "", fmt.Errorf("launcher: %s job: log: %w", name, err)
	}
	base := strings.TrimSuffix(files.log, ".log")
	files.script = base + ".sh"
	files.report = base + "-" + mark + ".report" // of this job, and of no earlier one that is about to end
	e, err := b.job(n)
	if err != nil {
		return files, "", err
	}
	e.N, e.Log, e.Report = n, files.log, files.report
	if e.Dir, err = filepath.Abs(b.command.Dir); err != nil {
		return files, "", fmt.Errorf("launcher: %s job: working directory: %w", name, err)
	}
	program, err := exec.LookPath(b.command.Args[0])
	if err == nil {
		program, err = filepath.Abs(program) // a job starts elsewhere, perhaps with another PATH
	}
	if err != nil {
		return files, "", fmt.Errorf("launcher: %s job: %w", name, err)
	}
	e.Name, _, _ = strings.Cut(strings.TrimSuffix(filepath.Base(b.command.Log), ".log"), "-*")
	e.Args = append([]string{program}, b.command.Args[1:]...)
	e.Env = slices.Concat(e.Env, b.command.Env, sent, []string{markName + "=" + mark}, labels)
	if after := b.command.After; after.Batch != nil {
		e.After = after.Batch.ID
		e.Env = append(e.Env, afterName+"="+after.Mark)
	}
	if os.Geteuid() == 0 {
		e.Env = append(e.Env, rootEnv...)
	}
	if script, err = jobscripts.RenderEngines(scripts(name), e); err == nil && b.config.Site != nil {
		err = b.config.Site.Check(script)
	}
	return files, script, err
}

// job is what is asked of the batch system for n copies.
func (b batch) job(n int) (e jobscripts.Engines, err error) {
	if b.config.alone {
		defer func() { e.Launch = []string{"env"} }()
	}
	if b.config.Site != nil {
		return b.config.Site.Place(n)
	}
	e = b.engines
	e.Time, e.Warning = cmp.Or(b.config.Time, defaultTime), b.config.Warning
	e.Directives, e.Setup, e.Form = b.config.Directives, b.config.Setup, b.config.Form
	e.Launch = slices.Concat(e.Launch, []string{"-n", strconv.Itoa(n)})
	return e, nil
}

// submit hands the script to the batch system. A submission is not broken off
// when ctx ends: nobody would know whether there is a job.
func (b batch) submit(ctx context.Context, file, script string) (id string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), submitLimit)
	defer cancel()
	c := b.system.submit(file, script)
	c.Env, c.Dir = plainWords, b.command.Dir
	printed, err := b.runner.Output(ctx, c)
	if err != nil {
		return "", refused(b.system.name(), c.Args[0], printed, err, submitLimit)
	}
	if id = b.system.id(printed); id == "" {
		return "", fmt.Errorf("launcher: submit %s: %s names no job: %q: if there is one, it has to be ended by hand", file, c.Args[0], printed)
	}
	return id, nil
}

// plainWords is added to the environment of batch commands, so that they
// answer in the language and in the format that is understood here.
var plainWords = []string{"LC_ALL=C", "SLURM_TIME_FORMAT=standard", "FLUX_F58_FORCE_ASCII=1"}
