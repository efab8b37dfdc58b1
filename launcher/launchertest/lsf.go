package launchertest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// The commands of LSF. What they print is as in AiiDA's tests of its plugin for
// LSF (tests/schedulers/test_lsf.py) and in the manual (bjobs(1), bhist(1)).

func (s standIn) bsub(args []string) int {
	return s.submit(readScript(args), "#BSUB -q nowhere", "nowhere: No such queue. Job not submitted.\n", "Job <%s> is submitted to default queue <normal>.")
}

// lsfReasons are what LSF says of ends.
var lsfReasons = map[string]string{
	"TIMEOUT":       "TERM_RUNLIMIT: job killed after reaching LSF run time limit",
	"OUT_OF_MEMORY": "TERM_MEMLIMIT: job killed after reaching LSF memory usage limit",
	"CANCELLED":     "TERM_OWNER: job killed by owner",
	"NODE_FAIL":     "TERM_UNKNOWN: unknown reason",
}

func (s standIn) bjobs(args []string) int {
	status := 0
	for _, id := range args[slices.Index(args, "-o")+2:] {
		j := s.job(id)
		switch state := j.get("state"); {
		case state == "" || j.get("forgotten") != "":
			fmt.Fprintf(os.Stderr, "Job <%s> is not found\n", id)
			status = 255
		case state == "PENDING" && strings.Contains(j.get("reason"), "held"):
			fmt.Printf("%s|PSUSP|-|The job was suspended by the user while pending;\n", id)
		case state == "PENDING":
			fmt.Printf("%s|PEND|-|%s;\n", id, j.get("reason"))
		case j.lives():
			fmt.Printf("%s|RUN|-|-\n", id)
		case state == "COMPLETED":
			fmt.Printf("%s|DONE|-|-\n", id)
		case lsfReasons[state] != "":
			fmt.Printf("%s|EXIT|%s|-\n", id, lsfReasons[state])
		default:
			fmt.Printf("%s|EXIT|-|-\n", id)
		}
	}
	return status
}

// bhist breaks its lines after 80 letters, and indents the rest.
func (s standIn) bhist(args []string) int {
	text := "Sat Nov 21 04:51:12: Completed <exit>; " + lsfReasons[s.job(args[1]).get("state")] + ";"
	for len(text) > 80 {
		fmt.Printf("%s\n%21s", text[:80], "")
		text = text[80:]
	}
	fmt.Println(text)
	return 0
}

func (s standIn) bkill(args []string) int {
	j := s.job(args[len(args)-1])
	switch {
	case j.get("state") == "":
		fmt.Fprintf(os.Stderr, "Job <%s>: No matching job found\n", j.id)
		return 255
	case args[0] == "-s" && j.lives():
		if sig := signalOf(args[1]); sig == syscall.SIGKILL {
			j.kill(sig)
		} else {
			syscall.Kill(j.pid(), sig)
		}
		fmt.Printf("Job <%s> is being signaled\n", j.id)
	case !j.cancel(syscall.SIGTERM):
		fmt.Fprintf(os.Stderr, "Job <%s>: Job has already finished\n", j.id)
		return 255
	default:
		fmt.Printf("Job <%s> is being terminated\n", j.id)
	}
	return 0
}
