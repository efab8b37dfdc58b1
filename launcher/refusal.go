package launcher

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// shown are the commands of a batch system that show users what they may ask for;
// "" is none.
type shown struct{ queues, accounts, limits, jobs string }

var shows = map[string]shown{
	"slurm":    {"sinfo --summarize", "sacctmgr show associations user=$USER", `sinfo --format="%P %l %D"`, "squeue --me"},
	"sge":      {"qconf -sql", "qconf -sprjl", "qconf -sq QUEUE", "qstat"},
	"pbs":      {"qstat -q", "", "qstat -Qf", "qstat -u $USER"},
	"torque":   {"qstat -q", "", "qstat -Qf", "qstat -u $USER"},
	"lsf":      {"bqueues", "", "bqueues -l", "bjobs"},
	"flux":     {"flux queue list", "", "flux queue list", "flux jobs"},
	"pjm":      {"pjacl", "pjacl", "pjacl", "pjstat"},
	"htcondor": {"", "", "", "condor_q"},
}

// remedies are what can be done about what batch systems say, in the order in which
// they are looked for: a partition may be wrong for an account.
var remedies = []struct {
	said *regexp.Regexp
	do   string
	see  func(shown) string
}{
	{regexp.MustCompile(`(?i)could not establish a configuration source`), "no Slurm is set up on this machine: start on a login node of the cluster, or the engines here (--engines local or mpi)", nil},
	{regexp.MustCompile(`(?i)unable to contact|cannot connect|can't connect|could not connect|connect failure|failed to connect|unable to connect|connection refused|timed out|commlib error|is down\b|communication with|can't find address|failed to fetch ads`),
		"it does not answer now: try again later", nil},
	{regexp.MustCompile(`(?i)invalid account|account .*(?:not allowed|not known|not permitted|invalid|not exist|unknown)|unknown project|project .*(?:not exist|invalid|unknown)|no such project|bank .*(?:invalid|not|unknown)|unknown bank|AccountNotAllowed|group .*(?:invalid|not allowed)|accounting group`),
		"give an account that may run there (--account", func(s shown) string { return s.accounts }},
	{regexp.MustCompile(`(?i)requested time limit|time limit .*(?:invalid|exceed)|PartitionTimeLimit|walltime|h_rt|runlimit|run limit|duration exceeds|elapse`),
		"ask for less time (--time", func(s shown) string { return s.limits }},
	{regexp.MustCompile(`(?i)qos\b.*(?:invalid|not|unknown)|invalid qos|InvalidQOS|QOSNotAllowed`),
		"give another quality of service (--directive=--qos=NAME", func(s shown) string { return s.accounts }},
	{regexp.MustCompile(`(?i)invalid partition|(?:unknown|invalid|no such) queue|(?:queue|partition|resource group)\b.*(?:not exist|unknown|invalid|not found)`),
		"give another one (--queue", func(s shown) string { return s.queues }},
	{regexp.MustCompile(`(?i)parallel environment`), "give the parallel environment of this site (engines.sge.pe; qconf -spl lists them)", nil},
	{regexp.MustCompile(`(?i)node count|node configuration|more processors|too many|exceeds .*(?:limit|available)|violates|insufficient|unsatisfiable|not enough`),
		"ask for less (-n, --nodes, --time", func(s shown) string { return s.limits }},
}

// remedy is what a user can do about what a batch system says; "" if that is not known.
func remedy(system, said string) string {
	for _, r := range remedies {
		if !r.said.MatchString(said) {
			continue
		}
		if !strings.Contains(r.do, "(") || strings.HasSuffix(r.do, ")") {
			return r.do
		}
		if see := r.see(shows[system]); see != "" {
			return r.do + "; " + see + " shows what there is)"
		}
		return r.do + ")"
	}
	return ""
}

// newRefusal is the error of a batch command: what it said, on one line.
func newRefusal(command, printed string, err error) *ExitError {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = exit // without the command line, which the message would repeat
	}
	return &ExitError{Program: command, Reason: strings.TrimPrefix(reason(printed), command+": "), Status: err.Error(), Output: printed, Err: err}
}

// refused is the error of a submission that failed.
func refused(system, command, printed string, err error, limit time.Duration) error {
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("launcher: %s is not there: this host does not submit to %s: start on a login node of the cluster, "+
			"or the engines on this machine (--engines local or mpi): %w", command, system, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("launcher: %s has not answered within %v, and may have taken the job or not: look for it (%s) and end it, and try again later: %w",
			command, limit, shows[system].jobs, err)
	}
	failure := newRefusal(command, printed, err)
	failure.Remedy = remedy(system, printed)
	return fmt.Errorf("launcher: submit: %w", failure)
}
