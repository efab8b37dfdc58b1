package launcher

import (
	"context"
	"fmt"
	"log/slog"

	"muster/jobscripts"
)

// A Submitter starts copies as one job of a batch system that gives nodes: PBS
// Pro and OpenPBS, Torque, LSF, Flux, Fujitsu's PJM or HTCondor.
type Submitter struct {
	System  string  // one of Submitted
	Command Command // Log is needed, and its folder is seen by compute nodes
	Config  SubmitConfig
	Runner  Runner       // nil is OS
	Log     *slog.Logger // nil is silence
}

// SubmitConfig says how a job of engines is submitted to such a system: sections
// [engines.pbs], [engines.torque], [engines.lsf], [engines.flux], [engines.pjm] and
// [engines.htcondor] of a profile. What is empty is left to the site.
type SubmitConfig struct {
	Queue   string `toml:"queue"`   // of PJM: the resource group
	Account string `toml:"account"` // of LSF: the project; of Flux: the bank; of PJM and HTCondor: the group
	// Nodes and PerNode shape the job, as those of Slurm do. With neither, all
	// engines are on one node; LSF places them as it likes. HTCondor has one node only.
	Nodes   int `toml:"nodes"`
	PerNode int `toml:"per_node"`
	BatchConfig
}

// Submitted lists the systems of a [Submitter].
var Submitted = []string{"pbs", "torque", "lsf", "flux", "pjm", "htcondor"}

// launchWords start a program on all the slots of a job, for each of Submitted.
var launchWords = map[string][]string{
	"pbs": {"mpirun"}, "torque": {"mpirun"}, "lsf": {"mpirun"}, "flux": {"flux", "run"}, "pjm": {"mpiexec"}, "htcondor": {"mpirun"},
}

func (c SubmitConfig) validate(system string, n int) error {
	if c.Nodes < 0 || c.PerNode < 0 {
		return fmt.Errorf("launcher: engines.%s has %d nodes of %d engines: these must not be negative", system, c.Nodes, c.PerNode)
	}
	if system == "htcondor" && c.Nodes > 1 {
		return fmt.Errorf("launcher: engines.htcondor.nodes is %d: a job of HTCondor is on one machine", c.Nodes)
	}
	if system == "htcondor" && c.Queue != "" {
		return fmt.Errorf("launcher: engines.htcondor.queue is %q: HTCondor has no queues", c.Queue)
	}
	if _, _, err := c.shape(system, n); err != nil {
		return err
	}
	return c.BatchConfig.validate("engines." + system)
}

// shape is how many nodes to ask for, and how many engines are on each.
func (c SubmitConfig) shape(system string, n int) (nodes, perNode int, err error) {
	nodes, perNode = c.Nodes, c.PerNode
	switch {
	case nodes == 0 && perNode == 0 && system == "lsf":
	case nodes == 0 && perNode == 0:
		nodes, perNode = 1, n
	case perNode == 0:
		perNode = (n + nodes - 1) / nodes
	case nodes == 0:
		nodes = (n + perNode - 1) / perNode
	case n > nodes*perNode:
		return 0, 0, fmt.Errorf("launcher: %d engines do not fit on %d nodes of %d (engines.%s.nodes, per_node)", n, nodes, perNode, system)
	}
	return nodes, perNode, nil
}

func (s Submitter) batch(n int) (batch, error) {
	system, ok := systems[s.System]
	if !ok || launchWords[s.System] == nil {
		return batch{}, fmt.Errorf("launcher: nothing is submitted to %q: known are %v", s.System, Submitted)
	}
	nodes, perNode, err := s.Config.shape(s.System, n)
	e := jobscripts.Engines{
		Nodes: nodes, PerNode: perNode, Account: s.Config.Account, Queue: s.Config.Queue, Launch: s.Config.Launch,
	}
	if len(e.Launch) == 0 {
		e.Launch = launchWords[s.System]
	}
	if s.System == "flux" && len(s.Config.Launch) == 0 { // it would fill the first node
		e.Launch = []string{"flux", "run", fmt.Sprintf("--nodes=%d", nodes), "--label-io"}
	}
	if s.System == "pbs" {
		e.Chunk = fmt.Sprintf("%d:ncpus=%d:mpiprocs=%d", nodes, perNode, perNode)
	}
	return batch{system: system, engines: e, config: s.Config.BatchConfig, command: s.Command, runner: s.Runner, log: s.Log}, err
}

// Start implements [Launcher]. The job may have to wait for its turn.
func (s Submitter) Start(ctx context.Context, n int) (Job, error) {
	b, err := s.batch(n)
	if err != nil {
		return nil, err
	}
	return b.Start(ctx, n)
}

// Script returns the script that a start of n copies submits.
func (s Submitter) Script(n int) (string, error) {
	b, err := s.batch(n)
	if err != nil {
		return "", err
	}
	return b.Script(n)
}
