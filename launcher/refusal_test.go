package launcher

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// What batch systems say, in the words of their manuals and of their users.
func TestRemedies(t *testing.T) {
	for _, tt := range []struct{ system, said, want string }{
		{"slurm", "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified", "give an account that may run there (--account; sacctmgr show"},
		{"slurm", "sbatch: error: Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)", "ask for less time (--time; sinfo"},
		{"slurm", "sbatch: error: Batch job submission failed: Node count specification invalid", "ask for less (-n, --nodes, --time; sinfo"},
		{"slurm", "sbatch: error: Batch job submission failed: Invalid qos specification", "give another quality of service (--directive=--qos=NAME; sacctmgr"},
		{"slurm", "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", "it does not answer now: try again later"},
		{"slurm", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", "it does not answer now"},
		{"slurm", "PartitionTimeLimit: the partition does not give so much time", "ask for less time (--time"},
		{"slurm", "Job's account not known, so it can't use this partition (closed allows club)", "give an account"},
		{"slurm", "Job's account not permitted to use this partition (closed allows club not nobody)", "give an account"},
		{"slurm", "Job's QOS not permitted to use this partition (closed allows high not normal)", "give another quality of service"},
		{"slurm", "InvalidAccount: the account does not exist", "give an account"},
		{"sge", `Unable to run job: job rejected: the requested parallel environment "nowhere" does not exist.`, "give the parallel environment of this site (engines.sge.pe; qconf -spl lists them)"},
		{"sge", `Unable to run job: unknown project "nothing".`, "give an account that may run there (--account; qconf -sprjl"},
		{"sge", "error: commlib error: got select error (Connection refused)", "it does not answer now"},
		{"pbs", "qsub: Job violates queue and/or server resource limits", "ask for less (-n, --nodes, --time; qstat -Qf"},
		{"pbs", "qsub: cannot connect to server pbs02 (errno=15010)", "it does not answer now"},
		{"lsf", "RUNLIMIT: Cannot exceed queue's hard limit(s). Job not submitted.", "ask for less time (--time; bqueues -l"},
		{"lsf", "LSF is down. Please wait ...", "it does not answer now"},
		{"flux", "flux-batch: ERROR: requested duration exceeds policy limit of 1h", "ask for less time (--time"},
		{"flux", "flux-batch: ERROR: Unable to connect to Flux: broker socket /run/flux/local was not found", "it does not answer now"},
		{"htcondor", "ERROR: Can't find address of local schedd", "it does not answer now"},
		{"slurm", "sbatch: fatal: Could not establish a configuration source", "no Slurm is set up on this machine"},
		{"slurm", "sbatch: error: the moon is full", ""},
	} {
		if got := remedy(tt.system, tt.said); !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %s\ngot  %s\nwant %s", tt.system, tt.said, got, tt.want)
		}
	}
}

// never is a batch system whose commands do not return.
type never struct{ Runner }

func (never) Output(ctx context.Context, _ Command) (string, error) {
	<-ctx.Done()
	return "", context.Cause(ctx)
}

func TestSubmissionWithoutAnAnswer(t *testing.T) {
	before := submitLimit
	defer func() { submitLimit = before }()
	submitLimit = 10 * time.Millisecond
	log := t.TempDir() + "/e-*.log"
	_, err := Slurm{Command: Command{Args: []string{"true"}, Log: log}, Runner: never{}, Log: slog.New(slog.DiscardHandler)}.Start(t.Context(), 1)
	if want := "launcher: sbatch has not answered within 10ms, and may have taken the job or not: look for it (squeue --me) and end it, and try again later: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
