package launcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/jobscripts"
)

// Srun starts copies as one step of the Slurm job that this process is in: by srun,
// on the nodes of the allocation. They share one log.
type Srun struct {
	Command Command
	Config  SrunConfig
	Runner  Runner        // nil is OS
	Grace   time.Duration // between SIGTERM and SIGKILL; 0 is DefaultGrace
	Log     *slog.Logger  // nil is silence
}

// SrunConfig says how srun is called: section [engines.srun] of a profile.
type SrunConfig struct {
	// Command is srun and words for it, as in ["srun", "--mpi=pmix", "--cpu-bind=cores"];
	// empty is srun alone.
	Command []string `toml:"command"`
	// Single says that engines are single processes, and not the ranks of one MPI world.
	Single bool `toml:"single"`
}

// slurmTasks is the number of tasks of the job that this process is in; 0 if it is
// in none, or if that has not been given one.
func slurmTasks() int {
	n, err := strconv.Atoi(os.Getenv("SLURM_NTASKS"))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (c SrunConfig) validate(n int) error {
	switch {
	case os.Getenv("SLURM_JOB_ID") == "":
		return errors.New("launcher: srun starts engines in a job of Slurm, and this process is in none: be in one first (salloc --nodes=2, or a script for sbatch), or have the engines be a job (--engines slurm)")
	case n == 0:
		return fmt.Errorf("launcher: how many engines is srun to start? Slurm job %s was not asked for a number of tasks: give -n, or engines.n in the profile", os.Getenv("SLURM_JOB_ID"))
	}
	return nil
}

// Start implements [Launcher].
func (s Srun) Start(ctx context.Context, n int) (Job, error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	s.Command.Mark = cmp.Or(s.Command.Mark, NewMark())
	c, err := s.command(ctx, n)
	if err != nil {
		return nil, err
	}
	s.Log.Info("starting", "command", strings.Join(c.Args, " "))
	return startProcesses(ctx, s.Runner, s.Grace, []Command{c}, oneStep)
}

// Script returns the command that a start of n copies runs.
func (s Srun) Script(n int) (string, error) {
	s.Command.Mark = cmp.Or(s.Command.Mark, NewMark())
	c, err := s.command(context.Background(), n)
	if err != nil {
		return "", err
	}
	return jobscripts.Words(c.Args) + "\n", nil
}

// command is the srun of n copies.
func (s Srun) command(ctx context.Context, n int) (Command, error) {
	if s.Runner == nil {
		s.Runner = OS{}
	}
	if err := s.Config.validate(n); err != nil {
		return Command{}, err
	}
	srun := words(s.Config.Command, "srun")
	version, err := slurmVersion(ctx, s.Runner, srun[0])
	if err != nil {
		return Command{}, err
	}
	options := []string{"-n", strconv.Itoa(n), "--job-name=" + stepName(s.Command.Mark)}
	if version >= 20_11 { // which keeps the nodes from other steps otherwise, as from a program of the user's
		options = append(options, "--overlap")
	}
	if !s.Config.Single { // what is left of an MPI world when a rank dies waits for ever
		options = append(options, "--kill-on-bad-exit=1")
	}
	c := s.Command
	c.Args = slices.Concat(srun, options, c.Args)
	c.Env = slices.Concat(c.Env, labels, []string{"SLURM_EXPORT_ENV=ALL"}) // which some sites have as NONE
	if cpus := os.Getenv("SLURM_CPUS_PER_TASK"); cpus != "" {
		c.Env = append(c.Env, "SRUN_CPUS_PER_TASK="+cpus) // srun does not take it over by itself
	}
	c.Log = logFor(c.Log, "srun")
	return c, nil
}

var slurmVersionForm = regexp.MustCompile(`(?m)^slurm\D* (\d+)\.(\d+)`)

// slurmVersion is as 2205 for Slurm 22.05; 0 if srun does not say.
func slurmVersion(ctx context.Context, r Runner, srun string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := r.Output(ctx, Command{Args: []string{srun, "--version"}, Env: plainWords})
	if errors.Is(err, exec.ErrNotFound) {
		return 0, fmt.Errorf("launcher: %s is not there: load Slurm's module, or name the command in the profile (engines.srun.command): %w", srun, err)
	}
	if err != nil && ctx.Err() != nil {
		return 0, fmt.Errorf("launcher: ask %s for its version: %w", srun, err)
	}
	m := slurmVersionForm.FindStringSubmatch(out)
	if m == nil {
		return 0, nil
	}
	year, _ := strconv.Atoi(m[1])
	month, _ := strconv.Atoi(m[2])
	return year*100 + month, nil
}

// stepName is the name of the step of a job of ours, by which it is found again.
func stepName(mark string) string { return "muster-" + mark }

// askStep has Slurm send SIGTERM to the tasks of the step, and says whether there
// are any. Who asks may be in another shell, and on another node.
func (h Handle) askStep(ctx context.Context) bool {
	if _, err := strconv.Atoi(h.Step); err != nil || h.Mark == "" {
		return false
	}
	out, err := OS{}.Output(ctx, Command{Args: []string{"squeue", "--steps", "--noheader", "--format=%i %j", "--jobs=" + h.Step}, Env: plainWords})
	if err != nil {
		return false
	}
	for line := range strings.Lines(out) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == stepName(h.Mark) && strings.HasPrefix(id, h.Step+".") {
			_, err := OS{}.Output(ctx, Command{Args: []string{"scancel", "--signal=TERM", id}, Env: plainWords})
			return err == nil
		}
	}
	return false
}
