package launchertest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// The commands of Fujitsu's job manager. What they print is as in the tests of
// R-CCS's API for Fugaku (hpcrestapi) and as Autosubmit reads it (--choose
// jid,st,ermsg).

func (s standIn) pjsub(args []string) int {
	return s.submit(readScript(args), "#PJM -L rscgrp=nowhere", "[ERR.] PJM 0007 pjsub Resource group nowhere does not exist.\n", "[INFO] PJM 0000 pjsub Job %s submitted.")
}

func (s standIn) pjstat(args []string) int {
	fmt.Println("JOB_ID     ST  REASON")
	history := slices.Contains(args, "-H")
	for _, id := range strings.Split(strings.TrimPrefix(args[len(args)-1], "jid="), "+") {
		j := s.job(id)
		state, reason := j.get("state"), j.get("reason")
		trouble, failed := strings.CutPrefix(reason, "error: ")
		if state == "" || j.lives() == history {
			continue
		}
		switch {
		case state == "PENDING" && failed:
			state, reason = "ERR", trouble
		case state == "PENDING" && strings.Contains(reason, "held"):
			state = "HLD"
		case state == "PENDING":
			state = "QUE"
		case j.lives():
			state, reason = "RUN", "-"
		case state == "CANCELLED":
			state, reason = "CCL", "-"
		default:
			reason = map[string]string{"TIMEOUT": "ELAPSE LIMIT EXCEEDED", "OUT_OF_MEMORY": "MEMORY LIMIT EXCEEDED", "NODE_FAIL": "NODE DOWN"}[state]
			state, reason = "EXT", cmpOr(reason, "COMPLETED")
		}
		fmt.Printf("%-10s %s %s\n", id, state, reason)
	}
	return 0
}

func (s standIn) pjdel(args []string) int {
	j := s.job(args[0])
	if !j.cancel(syscall.SIGTERM) {
		fmt.Fprintf(os.Stderr, "[ERR.] PJM 0112 pjdel Job %s does not exist.\n", j.id)
		return 1
	}
	fmt.Printf("[INFO] PJM 0100 pjdel Accepted job %s.\n", j.id)
	return 0
}

func (s standIn) pjsig(args []string) int {
	j := s.job(args[2])
	if !j.lives() {
		fmt.Fprintf(os.Stderr, "[ERR.] PJM 0112 pjsig Job %s does not exist.\n", j.id)
		return 1
	}
	if sig := signalOf(args[1]); sig == syscall.SIGKILL {
		j.kill(sig)
	} else {
		syscall.Kill(j.pid(), sig)
	}
	return 0
}
