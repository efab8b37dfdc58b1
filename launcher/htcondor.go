package launcher

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// htcondor is HTCondor's commands. Answers are as of HTCondor 8.6 to 24.
type htcondor struct{}

func (htcondor) name() string { return "htcondor" }

// condorPrefix marks the lines of a script that are its submit description.
const condorPrefix = "#CONDOR "

// submit hands the description to condor_submit's input.
func (htcondor) submit(file, script string) Command {
	var description strings.Builder
	fmt.Fprintf(&description, "executable = %s\n", file)
	for line := range strings.Lines(script) {
		if d, ok := strings.CutPrefix(line, condorPrefix); ok {
			description.WriteString(d)
		}
	}
	return Command{Args: []string{"condor_submit", "-terse"}, Input: description.String()}
}

// condorID is what condor_submit -terse prints, as in "17.0 - 17.0".
var condorID = regexp.MustCompile(`(?m)^(\d+)\.\d+ - \d+\.\d+\s*$`)

func (htcondor) id(printed string) string {
	if m := condorID.FindStringSubmatch(printed); m != nil {
		return m[1]
	}
	return ""
}

func (htcondor) query(ids []string) []string {
	return append(append([]string{"condor_q"}, ids...), "-af:V", "ClusterId", "JobStatus", "HoldReasonCode", "HoldReason")
}

// condorLine is as in `17 2 undefined undefined` and `18 5 1 "via condor_hold (by user root)"`.
var condorLine = regexp.MustCompile(`^(\d+) (\d+) (\S+) (.*?)\s*$`)

func (htcondor) states(ids []string, printed string, err error) (map[string]jobState, error) {
	if err != nil {
		return nil, newRefusal("condor_q", printed, err)
	}
	states := make(map[string]jobState)
	for _, id := range ids {
		states[id] = jobState{stage: gone}
	}
	for line := range strings.Lines(printed) {
		m := condorLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if _, asked := states[m[1]]; asked {
			states[m[1]] = condorState(m[2], m[3], condorText(m[4]))
		}
	}
	return states, nil
}

// condorText reads a value as -af:V prints it.
func condorText(s string) string {
	if s == "undefined" {
		return ""
	}
	if text, err := strconv.Unquote(s); err == nil {
		return text
	}
	return strings.Trim(s, `"`)
}

// condorState reads the job ClassAd attributes JobStatus, HoldReasonCode and HoldReason.
func condorState(status, code, reason string) jobState {
	switch status {
	case "1": // idle
		return jobState{stage: queued}
	case "5": // held: by the user (code 1), or because something went wrong
		return jobState{stage: queued, why: cmp.Or(reason, "it is held"), never: true, failed: code != "1"}
	case "4":
		return jobState{stage: gone} // completed, and about to leave the queue
	}
	return jobState{stage: running} // also 3, removed, 6, transferring output, and 7, suspended
}

func (htcondor) verdict(id string) []string {
	return []string{"condor_history", id, "-limit", "1", "-af:V", "ClusterId", "JobStatus", "ExitSignal", "RemoveReason"}
}

// cause reads lines such as `17 4 undefined undefined` and `18 3 undefined "via condor_rm (by user root)"`.
func (htcondor) cause(printed string) string {
	for line := range strings.Lines(printed) {
		m := condorLine.FindStringSubmatch(line)
		switch {
		case m == nil:
		case m[2] == "3" && strings.Contains(m[4], "PeriodicRemove"):
			return "its time was over (PeriodicRemove)"
		case m[2] == "3":
			return "cancelled: " + cmp.Or(condorText(m[4]), "removed")
		case m[3] != "undefined" && m[3] != "0":
			return "killed by signal " + m[3]
		}
	}
	return ""
}

func (htcondor) cancel(id string) []string { return []string{"condor_rm", id} }

var condorGone = regexp.MustCompile(`(?i)couldn't find/remove|not found|already marked for removal`)

func (htcondor) cancelled(printed string, err error) (bool, error) {
	if err != nil && !condorGone.MatchString(printed) {
		return false, newRefusal("condor_rm", printed, err)
	}
	return false, nil
}

func (htcondor) signal(id, name string) ([]string, error) {
	switch name {
	case "STOP":
		return []string{"condor_suspend", id}, nil
	case "CONT":
		return []string{"condor_continue", id}, nil
	case "TERM", "INT", "HUP", "QUIT":
		return []string{"condor_rm", id}, nil
	case "KILL":
		return []string{"condor_rm", "-forcex", id}, nil
	}
	return nil, fmt.Errorf("launcher: HTCondor has no command that sends SIG%s to job %s", name, id)
}
