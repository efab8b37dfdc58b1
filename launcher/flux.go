package launcher

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// flux is the commands of Flux. Answers are as of flux-core 0.49 to 0.70.
type flux struct{}

func (flux) name() string { return "flux" }

func (flux) submit(file, _ string) Command { return Command{Args: []string{"flux", "batch", file}} }

// fluxID is what flux batch prints, as in "ƒ2WHXfaM5" or, where the terminal has
// no ƒ, "f2WHXfaM5".
var fluxID = regexp.MustCompile(`(?m)^(?:ƒ|f)([1-9A-HJ-NP-Za-km-z]+)\s*$`)

func (flux) id(printed string) string {
	if m := fluxID.FindStringSubmatch(printed); m != nil {
		return "f" + m[1]
	}
	return ""
}

const fluxFields = "{id.f58}|{state}|{result}|{exception.occurred}|{exception.type}|{exception.note}|{contextual_info}|{annotations.sched.t_estimate}|{annotations.sched.jobs_ahead}"

func (flux) query(ids []string) []string {
	return append([]string{"flux", "jobs", "--no-header", "--format=" + fluxFields}, ids...)
}

var fluxUnknown = regexp.MustCompile(`(?i)\bunknown\b`)

// states reads lines such as "f2WHXfaM5|INACTIVE|TIMEOUT|True|timeout|resource allocation expired|||"
// and, of a job that waits, "f2WHXfaM5|SCHED||False||||1795269901.4|2".
// Flux forgets jobs only when its administrators have it do so.
func (flux) states(ids []string, printed string, err error) (map[string]jobState, error) {
	if err != nil && !fluxUnknown.MatchString(printed) { // said where none of the ids is known
		return nil, newRefusal("flux", printed, err)
	}
	states := make(map[string]jobState)
	for _, id := range ids {
		states[id] = jobState{stage: gone}
	}
	for line := range strings.Lines(printed) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) < 9 {
			continue
		}
		// A note may hold the separator.
		last := len(f) - 3
		note, info := strings.Join(f[5:last], "|"), f[last]
		if id := strings.Replace(f[0], "ƒ", "f", 1); slices.Contains(ids, id) {
			s := fluxState(f[1], f[2], f[4], note, info)
			if s.stage == queued {
				s.start, s.place = fluxEstimate(f[last+1], f[last+2])
			}
			states[id] = s
		}
	}
	return states, nil
}

func fluxState(state, result, exception, note, info string) jobState {
	switch state {
	case "DEPEND", "PRIORITY", "SCHED":
		if strings.HasPrefix(info, "eta:") { // which fluxEstimate says
			info = ""
		}
		return jobState{stage: queued, why: info, never: info == "held"}
	case "INACTIVE":
	default:
		return jobState{stage: running} // RUN, CLEANUP
	}
	note = strings.TrimSpace(note)
	switch {
	case result == "COMPLETED":
		return jobState{stage: over}
	case result == "TIMEOUT":
		return jobState{stage: over, why: "its time was over (TIMEOUT)"}
	case result == "CANCELED":
		return jobState{stage: over, why: "cancelled (CANCELED)"}
	case exception != "" && exception != "exec": // as "alloc", of one that cannot be satisfied
		return jobState{stage: over, why: cmp.Or(note, "no reason is given") + " (exception " + exception + ")"}
	case exception == "exec" && note != "":
		return jobState{stage: over, why: note}
	}
	return jobState{stage: over, why: "failed"}
}

// fluxEstimate reads what schedulers annotate jobs with (Flux RFC 27): Fluxion when
// one is to start, in seconds since 1970, and the simple one how many are before it.
func fluxEstimate(seconds, ahead string) (start time.Time, place int) {
	if s, err := strconv.ParseFloat(seconds, 64); err == nil && s > 0 && s < 1<<40 {
		start = time.Unix(int64(s), 0)
	}
	if n, err := strconv.Atoi(ahead); err == nil && n >= 0 && n < 1<<31 {
		place = n + 1
	}
	return start, place
}

func (flux) verdict(string) []string { return nil } // states has told
func (flux) cause(string) string     { return "" }

func (flux) cancel(id string) []string { return []string{"flux", "cancel", id} }

// cancelled reads, of a job that has ended, "job is inactive".
func (flux) cancelled(printed string, err error) (bool, error) {
	if err != nil && !strings.Contains(printed, "inactive") && !fluxUnknown.MatchString(printed) {
		return false, newRefusal("flux", printed, err)
	}
	return false, nil
}

// signal signals the job's broker, which ends by those that it does not take for
// the script.
func (flux) signal(id, name string) ([]string, error) {
	switch name {
	case "TERM", "INT", "HUP", "QUIT", "KILL":
		return []string{"flux", "job", "kill", "--signal=SIG" + name, id}, nil
	}
	return nil, fmt.Errorf("launcher: a batch job of Flux passes no SIG%s on: job %s would end by it", name, id)
}
