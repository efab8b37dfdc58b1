package launcher

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"muster/jobscripts"
)

// Slurm starts copies as one job of Slurm: by sbatch, asked about by squeue,
// ended by scancel. They are the tasks of one srun, or what other words launch
// them.
type Slurm struct {
	Command Command // Log is needed, and its folder is seen by compute nodes
	Config  SlurmConfig
	Runner  Runner       // nil is OS
	Log     *slog.Logger // nil is silence
}

// SlurmConfig says how a job of engines is submitted to Slurm: section
// [engines.slurm] of a profile. What is empty is left to the site.
type SlurmConfig struct {
	Partition string `toml:"partition"`
	Account   string `toml:"account"`
	// Nodes and PerNode shape the job. With PerNode, the engines on each node,
	// there are as many nodes as these need, or Nodes of them; with both, and no
	// other number of engines, there are Nodes times PerNode.
	Nodes   int `toml:"nodes"`
	PerNode int `toml:"per_node"`
	BatchConfig
}

func (c SlurmConfig) validate() error {
	if c.Nodes < 0 || c.PerNode < 0 {
		return fmt.Errorf("launcher: engines.slurm has %d nodes of %d engines: these must not be negative", c.Nodes, c.PerNode)
	}
	return c.BatchConfig.validate("engines.slurm")
}

// nodes is how many to ask for, 0 if that is left to Slurm.
func (c SlurmConfig) nodes(n int) (int, error) {
	switch {
	case c.PerNode == 0:
		return c.Nodes, nil
	case c.Nodes == 0:
		return (n + c.PerNode - 1) / c.PerNode, nil
	case n > c.Nodes*c.PerNode:
		return 0, fmt.Errorf("launcher: %d engines do not fit on %d nodes of %d (engines.slurm.nodes, per_node)", n, c.Nodes, c.PerNode)
	}
	return c.Nodes, nil
}

func (s Slurm) batch(n int) (batch, error) {
	nodes, err := s.Config.nodes(n)
	return batch{
		system: slurm{}, config: s.Config.BatchConfig, command: s.Command, runner: s.Runner, log: s.Log,
		engines: jobscripts.Engines{
			Nodes: nodes, PerNode: s.Config.PerNode, Account: s.Config.Account, Partition: s.Config.Partition,
			Launch: words(s.Config.Launch, "srun"),
		},
	}, err
}

// Start implements [Launcher]. The job may have to wait for its turn.
func (s Slurm) Start(ctx context.Context, n int) (Job, error) {
	b, err := s.batch(n)
	if err != nil {
		return nil, err
	}
	return b.Start(ctx, n)
}

// Script returns the script that a start of n copies submits.
func (s Slurm) Script(n int) (string, error) {
	b, err := s.batch(n)
	if err != nil {
		return "", err
	}
	return b.Script(n)
}

// words returns a command, or else the one by default.
func words(given []string, command string) []string {
	if len(given) == 0 {
		return []string{command}
	}
	return given
}

// slurm is Slurm's commands. Answers are as of Slurm 17 to 24.
type slurm struct{}

func (slurm) name() string { return "slurm" }

func (slurm) submit(file, _ string) Command {
	return Command{Args: []string{"sbatch", "--parsable", file}}
}

// slurmID is what sbatch --parsable prints: an id, and the cluster where there
// are several. Sites print their own words above it.
var slurmID = regexp.MustCompile(`(?m)^(\d+)(?:;\S+)?\s*$`)

func (slurm) id(printed string) string {
	if m := slurmID.FindStringSubmatch(printed); m != nil {
		return m[1]
	}
	return ""
}

func (slurm) query(ids []string) []string {
	return []string{"squeue", "--noheader", "--states=all", "--format=%i|%T|%r|%S", "--jobs=" + strings.Join(ids, ",")}
}

// states reads lines such as "17|PENDING|Resources|2024-11-21T04:51:02".
func (slurm) states(ids []string, printed string, err error) (map[string]jobState, error) {
	if err != nil && !strings.Contains(printed, "Invalid job id specified") { // said where the only id is not known
		return nil, newRefusal("squeue", printed, err)
	}
	states := make(map[string]jobState)
	for _, id := range ids {
		states[id] = jobState{stage: gone}
	}
	for line := range strings.Lines(printed) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 4 {
			continue
		}
		if _, asked := states[f[0]]; asked {
			states[f[0]] = slurmState(f[1], f[2], f[3])
		}
	}
	return states, nil
}

// slurmEnds words the states in which a job has ended badly (squeue(1), job
// state codes).
var slurmEnds = map[string]string{
	"BOOT_FAIL": "a node failed to boot", "CANCELLED": "cancelled", "DEADLINE": "its deadline passed",
	"NODE_FAIL": "a node failed", "OUT_OF_MEMORY": "out of memory", "PREEMPTED": "preempted", "REVOKED": "revoked",
	"TIMEOUT": "its time was over",
}

// slurmNever are reasons of waiting that do not pass by themselves (squeue(1),
// job reason codes).
var slurmNever = map[string]string{
	"AccountNotAllowed": "the partition is not for this account", "BadConstraints": "no nodes have what is asked for",
	"InvalidAccount": "the account does not exist", "InvalidQOS": "the quality of service does not exist",
	"JobHeldAdmin": "an administrator holds it", "JobHeldUser": "it is held", "PartitionConfig": "the partition does not have what is asked for",
	"PartitionNodeLimit": "the partition does not give so many nodes", "PartitionTimeLimit": "the partition does not give so much time",
	"QOSNotAllowed": "the quality of service is not allowed here",
}

// slurmRefused are those of them that Slurm could have said at the submission, and
// says there where a site wants it (slurm.conf(5), EnforcePartLimits). Others may
// pass: nodes that are away come back, and who holds a job releases it.
var slurmRefused = []string{"AccountNotAllowed", "InvalidAccount", "InvalidQOS", "PartitionTimeLimit", "QOSNotAllowed"}

func slurmState(state, reason, start string) jobState {
	switch state {
	case "PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT":
		s := jobState{stage: queued, why: cmp.Or(reason, state)}
		if inner, ok := strings.CutPrefix(s.why, "("); ok {
			s.why = strings.TrimSuffix(inner, ")")
		}
		meaning, never := slurmNever[s.why]
		s.failed = slices.Contains(slurmRefused, s.why)
		if strings.Contains(s.why, "use this partition") { // an account or a QOS may not, in a sentence
			return jobState{stage: queued, why: s.why, never: true, failed: true}
		}
		if s.never = never; never {
			s.why += ": " + meaning
		}
		if s.why == "None" { // the scheduler has not looked at it yet
			s.why = ""
		}
		if t, err := time.ParseInLocation("2006-01-02T15:04:05", start, time.Local); err == nil && !never {
			s.start = t
		}
		return s
	case "COMPLETED":
		return jobState{stage: over}
	}
	if state == "FAILED" { // no more than the job itself says
		return jobState{stage: over, why: "failed"}
	}
	if end, ok := slurmEnds[state]; ok {
		return jobState{stage: over, why: end + " (" + state + ")"}
	}
	return jobState{stage: running} // also COMPLETING, SUSPENDED, and what a later Slurm may say
}

func (slurm) verdict(string) []string { return nil } // states has told
func (slurm) cause(string) string     { return "" }

func (slurm) cancel(id string) []string { return []string{"scancel", id} }

func (slurm) cancelled(printed string, err error) (bool, error) {
	if err != nil && !strings.Contains(printed, "Invalid job id") && !strings.Contains(printed, "already completing or completed") {
		return false, newRefusal("scancel", printed, err)
	}
	return false, nil
}

// signal signals the script, which passes these on to what it has launched;
// others, and their effect, go to every process.
func (slurm) signal(id, name string) ([]string, error) {
	switch name {
	case "INT", "HUP", "USR1", "USR2":
		return []string{"scancel", "--batch", "--signal=" + name, id}, nil
	}
	return []string{"scancel", "--full", "--signal=" + name, id}, nil
}
