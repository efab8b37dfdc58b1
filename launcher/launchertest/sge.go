package launchertest

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// sgeRefusal is what Grid Engine's qsub says of a queue that it does not have.
const sgeRefusal = "Unable to run job: Job was rejected because job requests unknown queue \"nowhere\"\nExiting.\n"

func (s standIn) sgeQstat(args []string) int {
	var missing []string
	for _, id := range strings.Split(args[1], ",") {
		j := s.job(id)
		state := j.get("state")
		if !j.lives() {
			missing = append(missing, id)
			continue
		}
		fmt.Printf("==============================================================\njob_number:                 %s\nowner:                      root\n", id)
		if state != "PENDING" {
			fmt.Println("usage         1:            cpu=00:00:00, mem=0.00000 GB s, io=0.00000 GB, vmem=N/A, maxvmem=N/A")
		} else if why, ok := strings.CutPrefix(j.get("reason"), "error: "); ok {
			fmt.Println("error reason          1:      11/21/2026 04:51:12 [0:8790]: error: " + why + "\nscheduling info:            Job is in error state")
		} else if after := j.get("after"); after != "" {
			fmt.Println("jid_predecessor_list (req):  " + after + "\njid_predecessor_list:       " + after + "\nscheduling info:            Job is in hold state")
		} else {
			fmt.Println("scheduling info:            " + j.get("reason"))
		}
	}
	if strings.Count(args[1], ",")+1 == len(missing) {
		fmt.Fprintln(os.Stderr, "Following jobs do not exist: \n"+strings.Join(missing, ", "))
		return 1
	}
	return 0
}

func (s standIn) sgeQdel(args []string) int {
	j := s.job(args[0])
	switch j.get("state") {
	case "PENDING":
		j.set("state", "CANCELLED")
		fmt.Println("root has deleted job " + j.id)
		return 0
	case "RUNNING":
		j.set("state", "COMPLETING")
		j.kill(syscall.SIGUSR2)
		fmt.Println("root has registered the job " + j.id + " for deletion")
		return 0
	}
	fmt.Printf("denied: job %q does not exist\n", j.id)
	return 1
}

func (s standIn) qacct(args []string) int {
	failed := "0"
	switch s.job(args[1]).get("state") {
	case "TIMEOUT":
		failed = "37  : qmaster enforced h_rt, h_cpu, or h_vmem limit"
	case "OUT_OF_MEMORY":
		failed = "100 : assumedly after job"
	case "NODE_FAIL":
		failed = "21  : in recognizing job"
	}
	fmt.Printf("jobnumber    %s\nfailed       %s\nexit_status  0\n", args[1], failed)
	return 0
}
