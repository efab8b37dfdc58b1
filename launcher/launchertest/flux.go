package launchertest

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// The commands of Flux. What they print is as its own tests expect it (flux-core,
// t/t2800-jobs-cmd.t, t/t2201-job-cmd.t). Ids are f1, f2 and so on.

func (s standIn) flux(args []string) int {
	switch args[0] {
	case "batch":
		return s.submit(readScript(args), "#flux: --queue=nowhere", "flux-batch: ERROR: [Errno 22] Invalid queue 'nowhere' specified\n", "ƒ%s")
	case "run":
		return launch(s, args[1:])
	case "jobs":
		return s.fluxJobs(args[3:])
	case "cancel":
		return s.fluxCancel(args[1])
	}
	j := s.job(strings.TrimPrefix(args[3], "f")) // flux job kill --signal=SIGKILL f1
	if !j.lives() {
		fmt.Fprintf(os.Stderr, "flux-job: kill %s: job is inactive\n", args[3])
		return 1
	}
	if sig := signalOf(strings.TrimPrefix(args[2], "--signal=")); sig == syscall.SIGKILL {
		j.kill(sig)
	} else {
		syscall.Kill(j.pid(), sig)
	}
	return 0
}

func (s standIn) fluxJobs(ids []string) int {
	known := 0
	for _, id := range ids {
		j := s.job(strings.TrimPrefix(id, "f"))
		state := j.get("state")
		if state != "" {
			known++
		}
		switch {
		case state == "":
			fmt.Fprintf(os.Stderr, "flux-jobs: ERROR: JobID %s unknown\n", id)
		case strings.HasPrefix(j.get("reason"), "error: ") && state == "PENDING":
			fmt.Printf("%s|INACTIVE|FAILED|True|alloc|%s|||\n", id, strings.TrimPrefix(j.get("reason"), "error: "))
			j.set("state", "FAILED")
		case state == "PENDING":
			fmt.Printf("%s|SCHED||False|||%s||\n", id, j.get("reason"))
		case j.lives():
			fmt.Printf("%s|RUN||False|||n1||\n", id)
		case state == "COMPLETED":
			fmt.Printf("%s|INACTIVE|COMPLETED|False|||n1||\n", id)
		case state == "TIMEOUT":
			fmt.Printf("%s|INACTIVE|TIMEOUT|True|timeout|resource allocation expired|n1||\n", id)
		case state == "CANCELLED":
			fmt.Printf("%s|INACTIVE|CANCELED|True|cancel||||\n", id)
		case state == "NODE_FAIL":
			fmt.Printf("%s|INACTIVE|FAILED|True|node-failure|lost contact with n1|n1||\n", id)
		case state == "OUT_OF_MEMORY":
			fmt.Printf("%s|INACTIVE|FAILED|False|||killed||\n", id)
		default:
			fmt.Printf("%s|INACTIVE|FAILED|False|||exit code 1||\n", id)
		}
	}
	if known == 0 {
		return 1
	}
	return 0
}

func (s standIn) fluxCancel(id string) int {
	j := s.job(strings.TrimPrefix(id, "f"))
	switch {
	case j.get("state") == "":
		fmt.Fprintf(os.Stderr, "flux-cancel: %s: unknown job id\n", id)
		return 1
	case !j.cancel(syscall.SIGTERM):
		fmt.Fprintf(os.Stderr, "flux-cancel: %s: job is inactive\n", id)
		return 1
	}
	return 0
}
