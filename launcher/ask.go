package launcher

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// An Answer is what a batch system says when it is asked whether it is there.
type Answer struct {
	Commands []string      // those that jobs are submitted, asked about and ended by
	Version  string        // the first line of what it says of it; "" if it does not tell
	Took     time.Duration // to answer a question about a job
}

// versions are the commands by which batch systems tell their version.
var versions = map[string][]string{
	"slurm": {"sbatch", "--version"}, "sge": {"qstat", "-help"}, "pbs": {"qstat", "--version"}, "torque": {"qstat", "--version"},
	"lsf": {"lsid"}, "flux": {"flux", "--version"}, "pjm": {"pjsub", "--version"}, "htcondor": {"condor_version"},
}

// Ask finds out whether the batch system that the launcher submits to can be
// reached from here: its commands are there, and a question about a job, of which
// it need not know, is answered.
func (c Config) Ask(ctx context.Context) (Answer, error) {
	system, ok := systems[c.Launcher]
	if !ok {
		return Answer{}, fmt.Errorf("launcher: engines of launcher %q are submitted to no batch system", c.Launcher)
	}
	const id = "1"
	a := Answer{Commands: []string{system.submit("", "").Args[0], system.query([]string{id})[0], system.cancel(id)[0]}}
	a.Commands = slices.Compact(a.Commands)
	for _, command := range a.Commands {
		if _, err := exec.LookPath(command); err != nil {
			return a, fmt.Errorf("launcher: %s is not there: this host does not submit to %s: %w", command, system.name(), err)
		}
	}
	run := func(args []string) (string, error) {
		return OS{}.Output(ctx, Command{Args: args, Env: plainWords})
	}
	if printed, err := run(versions[c.Launcher]); err == nil || !errors.Is(err, exec.ErrNotFound) && ctx.Err() == nil {
		a.Version, _, _ = strings.Cut(strings.TrimSpace(printed), "\n")
	}
	begun := time.Now()
	query := system.query([]string{id})
	printed, err := run(query)
	if ctx.Err() != nil {
		return a, fmt.Errorf("launcher: %s: no answer: %w", strings.Join(query, " "), context.Cause(ctx))
	}
	if _, err = system.states([]string{id}, printed, err); err != nil {
		return a, fmt.Errorf("launcher: %s does not answer: %w", system.name(), err)
	}
	a.Took = time.Since(begun)
	return a, nil
}
