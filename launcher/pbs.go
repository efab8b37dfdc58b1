package launcher

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// pbs is the commands of PBS Pro and OpenPBS, and with torque those of Torque.
// Answers are as of PBS Pro 13 to OpenPBS 23 and Torque 4 to 6.
type pbs struct{ torque bool }

func (p pbs) name() string {
	if p.torque {
		return "torque"
	}
	return "pbs"
}

func (pbs) submit(file, _ string) Command { return Command{Args: []string{"qsub", file}} }

// pbsID is what qsub prints, as in "1453338.pbs02".
var pbsID = regexp.MustCompile(`(?m)^(\d+\.[\w.-]+|\d+)\s*$`)

func (pbs) id(printed string) string {
	if m := pbsID.FindStringSubmatch(printed); m != nil {
		return m[1]
	}
	return ""
}

func (pbs) query(ids []string) []string { return append([]string{"qstat", "-f"}, ids...) }

// pbsGone is said of jobs that have ended, or that nobody remembers.
var pbsGone = regexp.MustCompile(`(?m)^qstat: (?:Unknown Job I[dD](?: Error)? \S+|\S+ Job has finished\b.*|Job has finished \S+).*$`)

// states reads the paragraphs of qstat -f. The status of qstat is not 0 if one of
// the jobs has ended: what counts is that it says nothing else.
func (pbs) states(ids []string, printed string, err error) (map[string]jobState, error) {
	jobs := pbsJobs(printed)
	if err != nil && len(jobs) == 0 && !pbsGone.MatchString(printed) {
		return nil, newRefusal("qstat", printed, err)
	}
	states := make(map[string]jobState)
	for _, id := range ids {
		states[id] = jobState{stage: gone}
		if job, ok := jobs[pbsNumber(id)]; ok {
			states[id] = pbsState(job)
		} else if err != nil && !pbsSaysGone(printed, id) {
			delete(states, id) // its server did not answer
		}
	}
	return states, nil
}

// pbsSaysGone reports whether qstat says that a job has ended.
func pbsSaysGone(printed, id string) bool {
	for _, line := range pbsGone.FindAllString(printed, -1) {
		for _, word := range strings.Fields(line) {
			if pbsNumber(word) == pbsNumber(id) {
				return true
			}
		}
	}
	return false
}

// pbsNumber is an id without its server, of which there are longer and shorter names.
func pbsNumber(id string) string {
	number, _, _ := strings.Cut(id, ".")
	return number
}

// pbsJobs reads what qstat -f prints: the attributes of each job, by its number.
// A line that is too long goes on in the next one, after a tab.
func pbsJobs(printed string) map[string]map[string]string {
	jobs := make(map[string]map[string]string)
	var job map[string]string
	last := ""
	for line := range strings.Lines(printed) {
		line = strings.TrimRight(line, "\r\n")
		if id, ok := strings.CutPrefix(line, "Job Id: "); ok {
			job, last = make(map[string]string), ""
			jobs[pbsNumber(strings.TrimSpace(id))] = job
			continue
		}
		if job == nil {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "\t"); ok && last != "" {
			job[last] += rest
		} else if name, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok && strings.HasPrefix(line, "    ") {
			job[name], last = value, name
		}
	}
	return jobs
}

func pbsState(job map[string]string) jobState {
	switch job["job_state"] {
	case "Q", "H", "W", "T", "M":
		s := jobState{stage: queued, why: strings.TrimSpace(strings.TrimPrefix(job["comment"], "Not Running: "))}
		if job["job_state"] == "H" {
			s.why, s.never = cmp.Or(s.why, "it is held"), job["depend"] == "" // which the server releases
			// The server holds a job itself when it could not be started too often.
			s.failed = strings.Contains(s.why, "too many failed attempts")
		}
		if strings.HasPrefix(s.why, "Can Never Run") {
			s.never = true
		}
		// Where the server estimates the start of jobs.
		if t, err := time.ParseInLocation(time.ANSIC, job["estimated.start_time"], time.Local); err == nil && !s.never {
			s.start = t
		}
		return s
	case "F", "C", "X":
		return jobState{stage: gone} // cause tells how
	}
	return jobState{stage: running} // also E, exiting, and S, suspended
}

// verdict asks for the history: PBS Pro's is asked for by -x, which for Torque
// means XML; Torque shows for some minutes what has ended.
func (p pbs) verdict(id string) []string {
	if p.torque {
		return []string{"qstat", "-f", id}
	}
	return []string{"qstat", "-x", "-f", id}
}

// pbsEnds words the exit status of jobs that PBS has ended itself: OpenPBS's
// src/include/job.h, Torque's src/include/job.h.
var pbsEnds = map[bool]map[int]string{
	false: {
		-1: "it could not be started, before files were there", -2: "it could not be started, after files were there", -3: "it could not be started, and was to be tried again",
		-4: "its node was started anew", -5: "its node was started anew", -6: "its node was started anew",
		-10: "there is no such user on the node", -24: "it used more CPUs than it asked for", -25: "it used more CPUs than it asked for",
		-26: "out of virtual memory", -27: "out of memory", -28: "its CPU time was over", -29: "its time was over",
	},
	true: {
		-1: "it could not be started, before files were there", -2: "it could not be started, after files were there", -3: "it could not be started, and was to be tried again",
		-4: "its node was started anew", -5: "its node was started anew", -6: "its node was started anew", -9: "its standard output could not be opened",
		-10: "its memory was over", -11: "its time was over",
	},
}

// cause reads the exit status of a job: 256 and a signal if one has ended it, and
// below zero if PBS has, or has not started it.
func (p pbs) cause(printed string) string {
	for _, job := range pbsJobs(printed) {
		text := cmp.Or(job["Exit_status"], job["exit_status"])
		status, err := strconv.Atoi(text)
		switch {
		case text == "" && strings.Contains(job["comment"], "and terminated"):
			return job["comment"]
		case err != nil:
		case status < 0:
			return cmp.Or(pbsEnds[p.torque][status], "ended by PBS") + " (Exit_status " + text + ")"
		case status > 256 && status != 256+15:
			return "killed by signal " + strconv.Itoa(status-256)
		}
	}
	return ""
}

func (pbs) cancel(id string) []string { return []string{"qdel", id} }

func (pbs) cancelled(printed string, err error) (bool, error) {
	for _, over := range []string{"Unknown Job I", "Job has finished", "invalid state for job"} {
		if strings.Contains(printed, over) {
			return false, nil // the next question finds out
		}
	}
	if err != nil {
		return false, newRefusal("qdel", printed, err)
	}
	return false, nil
}

func (pbs) signal(id, name string) ([]string, error) {
	return []string{"qsig", "-s", "SIG" + name, id}, nil
}
