package launcher

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// processes is the job of launchers that start processes of this machine.
type processes struct {
	*lifecycle
	grace  time.Duration
	handle Handle
	logs   []string
}

// A kind says what processes are to the copies of a job.
type kind int

const (
	copies  kind = iota // each is one
	mpiruns             // each has started all as its ranks
	oneStep             // it is the srun of all
)

// startProcesses starts the commands one after the other without waiting in
// between, and watches them.
func startProcesses(ctx context.Context, r Runner, grace time.Duration, commands []Command, k kind) (Job, error) {
	if r == nil {
		r = OS{}
	}
	if grace == 0 {
		grace = DefaultGrace
	}
	j := &processes{lifecycle: newLifecycle(len(commands)), grace: grace, handle: Handle{Mark: NewMark(), Ranks: k == mpiruns}}
	if len(commands) > 0 && commands[0].Mark != "" {
		j.handle.Mark = commands[0].Mark
	}
	if k == oneStep {
		j.handle.Step = os.Getenv("SLURM_JOB_ID")
	}
	var programs []Program
	var err error
	for _, c := range commands {
		if err = ctx.Err(); err != nil {
			break
		}
		c.Env = append(c.Env[:len(c.Env):len(c.Env)], markName+"="+j.handle.Mark)
		var p Program
		if p, err = r.Start(c); err != nil {
			break
		}
		programs = append(programs, p)
		j.handle.Processes = append(j.handle.Processes, p.Process())
		j.logs = append(j.logs, c.Log)
	}
	j.advance(Running)

	var watchers sync.WaitGroup
	for i, p := range programs {
		watchers.Go(func() {
			end := End{Copy: i, PID: p.Process().PID, Rank: Unknown}
			if k != copies {
				end = End{Copy: All, Rank: Unknown}
			}
			if err := p.Wait(); err != nil {
				failure := newExitError(filepath.Base(commands[i].Args[0]), err, j.logs[i])
				end.blame(failure)
				j.fail(failure)
			}
			j.over(end)
		})
	}
	go func() {
		watchers.Wait()
		j.advance(Ended)
	}()
	if err != nil {
		return nil, errors.Join(err, j.Stop(ctx))
	}
	return j, nil
}

func (j *processes) Handle() Handle { return j.handle }

func (j *processes) Output() string {
	if len(j.logs) == 1 {
		return tail(j.logs[0])
	}
	var b strings.Builder
	for _, l := range j.logs {
		b.WriteString("==> " + l + " <==\n" + tail(l))
	}
	return b.String()
}

func (j *processes) Signal(sig syscall.Signal) error {
	var errs []error
	for _, p := range j.handle.Processes {
		errs = append(errs, p.Signal(sig))
	}
	return errors.Join(errs...)
}

func (j *processes) Stop(ctx context.Context) error {
	j.stop()
	if err := j.handle.Stop(ctx, j.grace); err != nil {
		return err
	}
	<-j.Wait(Ended) // they are gone, so the watchers are about to say so
	return nil
}

// logFor fills in the '*' of a log's name.
func logFor(pattern, number string) string { return strings.Replace(pattern, "*", number, 1) }

// Local starts copies as processes of this machine, each with its own log.
type Local struct {
	Command Command
	Number  string        // what goes before a copy's number in one more argument, as in "--number="; "" is no argument
	Runner  Runner        // nil is OS
	Grace   time.Duration // between SIGTERM and SIGKILL; 0 is DefaultGrace
}

// Start implements [Launcher].
func (l Local) Start(ctx context.Context, n int) (Job, error) {
	commands := make([]Command, n)
	for i := range commands {
		commands[i] = l.Command
		number := l.Command.number(i)
		commands[i].Log = logFor(l.Command.Log, number)
		if l.Number != "" {
			commands[i].Args = append(slices.Clone(l.Command.Args), l.Number+number)
		}
	}
	return startProcesses(ctx, l.Runner, l.Grace, commands, copies)
}
