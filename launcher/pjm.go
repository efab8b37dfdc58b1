package launcher

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// pjm is the commands of Fujitsu's Technical Computing Suite, as on Fugaku.
type pjm struct{}

func (pjm) name() string { return "pjm" }

func (pjm) submit(file, _ string) Command { return Command{Args: []string{"pjsub", file}} }

var pjmID = regexp.MustCompile(`(?m)^\[INFO\] PJM 0000 pjsub Job (\d+) submitted\.`)

func (pjm) id(printed string) string {
	if m := pjmID.FindStringSubmatch(printed); m != nil {
		return m[1]
	}
	return ""
}

func (pjm) query(ids []string) []string {
	return []string{"pjstat", "-v", "--choose", "jid,st,ermsg", "--filter", "jid=" + strings.Join(ids, "+")}
}

// pjmLine is as in "167661     QUE -" and "167662     EXT ELAPSE LIMIT EXCEEDED".
var pjmLine = regexp.MustCompile(`^\s*(\d+)\s+([A-Z]{3})\b\s*(.*?)\s*$`)

// states reads the lines of jobs that have not ended; there are none of others.
func (pjm) states(ids []string, printed string, err error) (map[string]jobState, error) {
	if err != nil {
		return nil, newRefusal("pjstat", printed, err)
	}
	states := make(map[string]jobState)
	for _, id := range ids {
		states[id] = jobState{stage: gone}
	}
	for line := range strings.Lines(printed) {
		if m := pjmLine.FindStringSubmatch(line); m != nil && slices.Contains(ids, m[1]) {
			states[m[1]] = pjmState(m[2], strings.Trim(m[3], "-"))
		}
	}
	return states, nil
}

func pjmState(state, reason string) jobState {
	switch state {
	case "ACC", "QUE", "STI", "RDY", "RNP": // accepted, queued, files brought, ready, prologue
		return jobState{stage: queued, why: reason}
	case "HLD":
		return jobState{stage: queued, why: cmp.Or(reason, "it is held"), never: true}
	case "ERR": // held for an error until somebody acts
		return jobState{stage: queued, why: cmp.Or(reason, "it is in the state ERR"), never: true, failed: true}
	case "EXT", "CCL", "RJT":
		return jobState{stage: gone} // cause tells how
	}
	return jobState{stage: running} // RNA, RUN, RNE, RNO, STO, SPP, SPD, RSM
}

func (pjm) verdict(id string) []string {
	return []string{"pjstat", "-H", "-v", "--choose", "jid,st,ermsg", "--filter", "jid=" + id}
}

func (pjm) cause(printed string) string {
	for line := range strings.Lines(printed) {
		m := pjmLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		switch reason := strings.Trim(m[3], "-"); {
		case m[2] == "CCL":
			return "cancelled"
		case m[2] == "RJT":
			return "rejected: " + cmp.Or(reason, "no reason is given")
		case reason == "ELAPSE LIMIT EXCEEDED":
			return "its time was over (" + reason + ")"
		case reason != "COMPLETED":
			return reason
		}
	}
	return ""
}

func (pjm) cancel(id string) []string { return []string{"pjdel", id} }

var pjmOver = regexp.MustCompile(`(?i)not exist|not found|already`)

func (pjm) cancelled(printed string, err error) (bool, error) {
	if err != nil && !pjmOver.MatchString(printed) {
		return false, newRefusal("pjdel", printed, err)
	}
	return false, nil
}

func (pjm) signal(id, name string) ([]string, error) {
	return []string{"pjsig", "-s", "SIG" + name, id}, nil
}
