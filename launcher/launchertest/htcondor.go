package launchertest

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// The commands of HTCondor. What they print is as its manual says (condor_submit(1),
// condor_q(1), job ClassAd attributes) and as DIRAC reads it.

// condorSubmit reads a submit description: the script is its executable.
func (s standIn) condorSubmit([]string) int {
	for line := range strings.Lines(readScript(nil)) {
		if file, ok := strings.CutPrefix(strings.TrimSpace(line), "executable = "); ok {
			return s.submit(readScript([]string{file}), "#CONDOR accounting_group = nowhere", "ERROR: accounting_group nowhere is not allowed\nERROR: Failed to create job\n", "%[1]s.0 - %[1]s.0")
		}
	}
	fmt.Fprintln(os.Stderr, "ERROR: No 'executable' parameter was provided")
	return 1
}

func (s standIn) condorQ(args []string) int {
	for _, id := range args {
		if id == "-af:V" {
			break
		}
		j := s.job(id)
		reason := j.get("reason")
		trouble, failed := strings.CutPrefix(reason, "error: ")
		switch state := j.get("state"); {
		case state == "PENDING" && failed:
			fmt.Printf("%s 5 13 %q\n", id, trouble)
		case state == "PENDING" && strings.Contains(reason, "held"):
			fmt.Printf("%s 5 1 %q\n", id, "via condor_hold (by user root)")
		case state == "PENDING":
			fmt.Printf("%s 1 undefined undefined\n", id)
		case j.lives():
			fmt.Printf("%s 2 undefined undefined\n", id)
		}
	}
	return 0
}

func (s standIn) condorHistory(args []string) int {
	switch id := args[0]; s.job(id).get("state") {
	case "TIMEOUT":
		fmt.Printf("%s 3 undefined %q\n", id, "The job attribute PeriodicRemove expression 'JobStatus == 2 && time() - EnteredCurrentStatus > 3600' evaluated to TRUE")
	case "CANCELLED":
		fmt.Printf("%s 3 undefined %q\n", id, "via condor_rm (by user root)")
	case "OUT_OF_MEMORY", "NODE_FAIL":
		fmt.Printf("%s 4 9 undefined\n", id)
	case "":
	default:
		fmt.Printf("%s 4 undefined undefined\n", id)
	}
	return 0
}

func (s standIn) condorRm(args []string) int {
	j := s.job(args[len(args)-1])
	sig := syscall.SIGTERM
	if args[0] == "-forcex" {
		sig = syscall.SIGKILL
	}
	if !j.cancel(sig) {
		fmt.Fprintf(os.Stderr, "Couldn't find/remove all jobs in cluster %s\n", j.id)
		return 1
	}
	fmt.Printf("All jobs in cluster %s have been marked for removal\n", j.id)
	return 0
}
