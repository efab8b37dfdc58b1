package launcher

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// lsf is LSF's commands. Answers are as of LSF 9.1 to 10.1.
type lsf struct{}

func (lsf) name() string { return "lsf" }

// submit hands the script to bsub's input: only there all versions read its
// directives.
func (lsf) submit(_, script string) Command { return Command{Args: []string{"bsub"}, Input: script} }

var lsfID = regexp.MustCompile(`(?m)^Job <(\d+)> is submitted to `)

func (lsf) id(printed string) string {
	if m := lsfID.FindStringSubmatch(printed); m != nil {
		return m[1]
	}
	return ""
}

// lsfFields are what is asked about a job. The last one is wordy.
const lsfFields = "jobid stat exit_reason pend_reason delimiter='|'"

func (lsf) query(ids []string) []string {
	return append([]string{"bjobs", "-a", "-noheader", "-o", lsfFields}, ids...)
}

var lsfUnknown = regexp.MustCompile(`(?m)^Job <(\d+)> is not found`)

// states reads lines such as "764220165|PEND|-|Job dependency condition not satisfied;".
// Those that have ended long ago are said not to be found.
func (lsf) states(ids []string, printed string, err error) (map[string]jobState, error) {
	states := make(map[string]jobState)
	for line := range strings.Lines(printed) {
		if m := lsfUnknown.FindStringSubmatch(line); m != nil {
			if slices.Contains(ids, m[1]) {
				states[m[1]] = jobState{stage: gone}
			}
		} else if f := strings.SplitN(strings.TrimSpace(line), "|", 4); len(f) == 4 && slices.Contains(ids, f[0]) {
			states[f[0]] = lsfState(f[1], f[2], f[3])
		}
	}
	if len(states) == 0 && err != nil {
		return nil, newRefusal("bjobs", printed, err)
	}
	return states, nil
}

// lsfEnds words termination reasons (bacct(1)); others are LSF's own words.
var lsfEnds = map[string]string{
	"TERM_ADMIN": "cancelled by an administrator", "TERM_CPULIMIT": "its CPU time was over", "TERM_DEADLINE": "its deadline passed",
	"TERM_FORCE_ADMIN": "cancelled by an administrator", "TERM_FORCE_OWNER": "cancelled", "TERM_MEMLIMIT": "out of memory", "TERM_OWNER": "cancelled",
	"TERM_PREEMPT": "preempted", "TERM_RUNLIMIT": "its time was over", "TERM_SWAP": "out of memory", "TERM_WINDOW": "the hours of its queue were over",
}

var lsfTerm = regexp.MustCompile(`TERM_[A-Z_]+`)

// lsfEnd words why a job has ended; "" if LSF has not ended it.
func lsfEnd(reason string) string {
	term := lsfTerm.FindString(reason)
	if end := lsfEnds[term]; end != "" {
		return end + " (" + term + ")"
	}
	return term
}

// lsfNever is in reasons of waiting that do not pass by themselves.
var lsfNever = regexp.MustCompile(`(?i)job's (?:resource requirements?|requirements? for (?:exclusive|reserving)).* not (?:satisfied|available in any)|not specified in job submission|no hosts? (?:is |are )?(?:eligible|usable)|not enough hosts`)

func lsfState(stat, reason, pending string) jobState {
	switch stat {
	case "PEND", "WAIT", "PROV":
		why := strings.TrimRight(strings.TrimSpace(pending), ";")
		if why == "-" {
			why = ""
		}
		return jobState{stage: queued, why: why, never: lsfNever.MatchString(why)}
	case "PSUSP":
		return jobState{stage: queued, why: "it is held", never: true}
	case "DONE":
		return jobState{stage: over}
	case "EXIT":
		return jobState{stage: over, why: cmp.Or(lsfEnd(reason), "failed")}
	case "ZOMBI":
		return jobState{stage: over, why: "its node does not answer (ZOMBI)"}
	}
	return jobState{stage: running} // also UNKWN, and those that are suspended
}

func (lsf) verdict(id string) []string { return []string{"bhist", "-l", id} }

// lsfFold is where bhist -l breaks lines, in the middle of words.
var lsfFold = regexp.MustCompile(`\n {21}`)

func (lsf) cause(printed string) string { return lsfEnd(lsfFold.ReplaceAllString(printed, "")) }

func (lsf) cancel(id string) []string { return []string{"bkill", id} }

// cancelled reads "Job <7> is being terminated" and, of one that has ended, "Job
// <7>: Job has already finished".
func (lsf) cancelled(printed string, err error) (bool, error) {
	if err != nil && !strings.Contains(printed, "already finished") && !strings.Contains(printed, "No matching job found") {
		return false, newRefusal("bkill", printed, err)
	}
	return false, nil
}

func (lsf) signal(id, name string) ([]string, error) { return []string{"bkill", "-s", name, id}, nil }
