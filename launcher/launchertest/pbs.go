package launchertest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// The commands of PBS Pro and of Torque. What they print is as in the jobs that
// sites show their users (docs.metacentrum.cz, job tracking; Open OnDemand's
// ood_core, torque and pbspro adapters) and as AiiDA and MOOSE read it. Grid Engine's
// commands have the same names: it is told by -terse and by -j.

func (s standIn) qsub(args []string) int {
	if slices.Contains(args, "-terse") {
		return s.submit(readScript(args), "#$ -q nowhere", sgeRefusal, "%s")
	}
	return s.submit(readScript(args), "#PBS -q nowhere", "qsub: Unknown queue\n", "%s.standin")
}

// torque reports whether the job was submitted in Torque's dialect.
func (j standInJob) torque() bool { return strings.Contains(j.get("script"), "\n#PBS -l nodes=") }

// pbsJob is the job of an id such as "7.standin".
func (s standIn) pbsJob(id string) (standInJob, bool) {
	number, ok := strings.CutSuffix(id, ".standin")
	j := s.job(number)
	return j, ok && j.get("state") != ""
}

func (s standIn) qstat(args []string) int {
	if args[0] == "-j" {
		return s.sgeQstat(args)
	}
	status := 0
	history := args[0] == "-x"
	for _, id := range args[1:] {
		if id == "-f" {
			continue
		}
		j, known := s.pbsJob(id)
		state := j.get("state")
		over := known && !j.lives()
		switch {
		case !known:
			fmt.Fprintf(os.Stderr, "qstat: Unknown Job Id %s\n", id)
			status = 153
			continue
		case over && !history && !j.torque():
			fmt.Fprintf(os.Stderr, "qstat: %s Job has finished, use -x or -H to obtain historical job information\n", id)
			status = 35
			continue
		}
		fmt.Printf("Job Id: %s\n    Job_Name = ipengine\n    Job_Owner = root@login\n", id)
		switch {
		case over:
			letter, name, exit := "F", "Exit_status", map[string]string{"TIMEOUT": "-29", "OUT_OF_MEMORY": "-27", "NODE_FAIL": "-4"}
			if j.torque() {
				letter, name, exit = "C", "exit_status", map[string]string{"TIMEOUT": "-11", "OUT_OF_MEMORY": "-10", "NODE_FAIL": "-4"}
			}
			fmt.Printf("    job_state = %s\n    queue = workq\n    %s = %s\n", letter, name, cmpOr(exit[state], "271"))
		case state == "PENDING":
			letter := "Q"
			if strings.Contains(j.get("reason"), "held") {
				letter = "H"
			}
			if after := j.get("after"); after != "" {
				fmt.Printf("    depend = afterany:%s.standin@standin\n    Hold_Types = s\n", after)
				letter = "H"
			}
			// Lines are folded after a comma, as long ones are.
			fmt.Printf("    job_state = %s\n    queue = workq\n    comment = %s\n    Variable_List = PBS_O_HOME=/root,\n\tPBS_O_LANG=C\n", letter, j.get("reason"))
		default:
			fmt.Print("    job_state = R\n    queue = workq\n    comment = Job run at Sat Nov 21 at 04:51 on (n1:ncpus=2)\n")
		}
		fmt.Println()
	}
	return status
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (s standIn) qdel(args []string) int {
	j, known := s.pbsJob(args[0])
	switch {
	case !strings.Contains(args[0], "."):
		return s.sgeQdel(args)
	case !known:
		fmt.Fprintln(os.Stderr, "qdel: Unknown Job Id", args[0])
		return 153
	case !j.cancel(syscall.SIGTERM):
		fmt.Fprintln(os.Stderr, "qdel: Job has finished", args[0])
		return 35
	}
	return 0
}

func (s standIn) qsig(args []string) int {
	j, known := s.pbsJob(args[2])
	if !known || !j.lives() {
		fmt.Fprintln(os.Stderr, "qsig: Unknown Job Id", args[2])
		return 153
	}
	if sig := signalOf(args[1]); sig == syscall.SIGKILL {
		j.kill(sig)
	} else {
		syscall.Kill(j.pid(), sig)
	}
	return 0
}
