package launcher

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"muster/jobscripts"
)

// SGE starts copies as one job of Grid Engine (Sun's, Son's, Univa's, Open): by
// qsub, asked about by qstat, ended by qdel. They are started by one mpirun, or
// what other words launch them, on the slots of a parallel environment.
type SGE struct {
	Command Command // Log is needed, and its folder is seen by compute nodes
	Config  SGEConfig
	Runner  Runner       // nil is OS
	Log     *slog.Logger // nil is silence
}

// SGEConfig says how a job of engines is submitted to Grid Engine: section
// [engines.sge] of a profile. What is empty is left to the site.
type SGEConfig struct {
	Queue   string `toml:"queue"`
	Project string `toml:"project"` // that is charged
	// PE is the parallel environment, which "qconf -spl" lists. Empty is mpi, as
	// Grid Engine's own examples call theirs.
	PE string `toml:"pe"`
	BatchConfig
}

func (s SGE) batch() batch {
	return batch{
		system: sge{}, config: s.Config.BatchConfig, command: s.Command, runner: s.Runner, log: s.Log,
		engines: jobscripts.Engines{
			Queue: s.Config.Queue, Account: s.Config.Project, PE: cmp.Or(s.Config.PE, "mpi"),
			Launch: words(s.Config.Launch, "mpirun"),
		},
	}
}

// Start implements [Launcher]. The job may have to wait for its turn.
func (s SGE) Start(ctx context.Context, n int) (Job, error) { return s.batch().Start(ctx, n) }

// Script returns the script that a start of n copies submits.
func (s SGE) Script(n int) (string, error) { return s.batch().Script(n) }

// sge is Grid Engine's commands. Answers are as of SGE 6.2 to 8.1.
type sge struct{}

func (sge) name() string { return "sge" }

func (sge) submit(file, _ string) Command { return Command{Args: []string{"qsub", "-terse", file}} }

var sgeID = regexp.MustCompile(`(?m)^(\d+)\s*$`)

func (sge) id(printed string) string {
	if m := sgeID.FindStringSubmatch(printed); m != nil {
		return m[1]
	}
	return ""
}

func (sge) query(ids []string) []string { return []string{"qstat", "-j", strings.Join(ids, ",")} }

var (
	sgeJob = regexp.MustCompile(`(?m)^job_number:\s+(\d+)\s*$`)
	// sgeUsage is there for a job that has begun; later Grid Engines print its
	// state as well.
	sgeUsage   = regexp.MustCompile(`(?m)^usage\s+1:|^job_state\s+1:\s+[rt]`)
	sgeAfter   = regexp.MustCompile(`(?m)^jid_predecessor_list`) // waits for another job
	sgeTrouble = regexp.MustCompile(`(?m)^error reason\s+\d+:\s+(.*)$`)
	sgeStamp   = regexp.MustCompile(`^[\d/]+ [\d:]+ (?:\[[\d:]+\]: )?(?:error: )?`)
	sgeWhy     = regexp.MustCompile(`(?m)^scheduling info:\s+(.*)$`)
)

// states reads the paragraphs of qstat -j, one for each job that there is.
func (sge) states(ids []string, printed string, err error) (map[string]jobState, error) {
	if err != nil && !strings.Contains(printed, "do not exist") { // said where none of the ids is known
		return nil, newRefusal("qstat", printed, err)
	}
	states := make(map[string]jobState)
	for _, id := range ids {
		states[id] = jobState{stage: gone}
	}
	for paragraph := range strings.SplitSeq(printed, "\n====") {
		m := sgeJob.FindStringSubmatch(paragraph)
		if m == nil {
			continue
		}
		if _, asked := states[m[1]]; asked {
			states[m[1]] = sgeState(paragraph)
		}
	}
	return states, nil
}

func sgeState(paragraph string) jobState {
	if m := sgeTrouble.FindStringSubmatch(paragraph); m != nil {
		return jobState{stage: queued, why: sgeStamp.ReplaceAllString(m[1], ""), never: true, failed: true}
	}
	if sgeUsage.MatchString(paragraph) {
		return jobState{stage: running}
	}
	s := jobState{stage: queued}
	if m := sgeWhy.FindStringSubmatch(paragraph); m != nil { // where the site lets the scheduler tell
		s.why = strings.TrimSpace(m[1])
		s.never = strings.Contains(s.why, "because it only offers") || strings.Contains(s.why, "in hold state") && !sgeAfter.MatchString(paragraph)
	}
	return s
}

func (sge) verdict(id string) []string { return []string{"qacct", "-j", id} }

var sgeFailed = regexp.MustCompile(`(?m)^failed\s+(\d+)\s*(?::\s*(.*?))?\s*$`)

// cause reads the accounting record of a job; see sge_status(5). Its exit
// status is not to be trusted: that of a script that was told to end by SIGUSR2 is 0.
func (sge) cause(printed string) string {
	m := sgeFailed.FindStringSubmatch(printed)
	switch {
	case m == nil || m[1] == "0":
		return ""
	case m[1] == "37":
		return "its time or memory was over: " + m[2]
	case m[1] == "100":
		return "killed" // by qdel, or for its time: "assumedly after job"
	}
	return m[2]
}

func (sge) cancel(id string) []string { return []string{"qdel", id} }

// cancelled reads "root has deleted job 2", or "root has registered the job 2
// for deletion" if it runs.
func (sge) cancelled(printed string, err error) (bool, error) {
	if strings.Contains(printed, "does not exist") || strings.Contains(printed, "has deleted job") {
		return true, nil
	}
	if err != nil && !strings.Contains(printed, "already in deletion") {
		return false, newRefusal("qdel", printed, err)
	}
	return false, nil
}

func (sge) signal(id, name string) ([]string, error) {
	switch name {
	case "STOP":
		return []string{"qmod", "-sj", id}, nil
	case "CONT":
		return []string{"qmod", "-usj", id}, nil
	case "TERM", "INT", "HUP", "QUIT", "KILL":
		return []string{"qdel", id}, nil
	}
	return nil, fmt.Errorf("launcher: Grid Engine has no command that sends SIG%s to job %s", name, id)
}
