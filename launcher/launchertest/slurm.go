package launchertest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func (s standIn) sbatch(args []string) int {
	return s.submit(readScript(args), "#SBATCH --partition=nowhere",
		"sbatch: error: invalid partition specified: nowhere\nsbatch: error: Batch job submission failed: Invalid partition name specified\n", "%s")
}

func (s standIn) squeue(args []string) int {
	ids, known := strings.Split(option(args, "--jobs="), ","), 0
	for _, id := range ids {
		if state := s.job(id).get("state"); state != "" {
			known++
			start := "N/A"
			if expected, err := os.ReadFile(filepath.Join(s.dir, "expected")); err == nil {
				start = string(expected)
			}
			fmt.Printf("%s|%s|%s|%s\n", id, state, s.job(id).get("reason"), start)
		}
	}
	if known == 0 && len(ids) == 1 {
		fmt.Fprintln(os.Stderr, "slurm_load_jobs error: Invalid job id specified")
		return 1
	}
	return 0
}

func (s standIn) scancel(args []string) int {
	j := s.job(args[len(args)-1])
	sig := map[string]syscall.Signal{"USR1": syscall.SIGUSR1, "KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM}[option(args, "--signal=")]
	switch {
	case j.get("state") == "":
		fmt.Fprintf(os.Stderr, "scancel: error: Kill job error on job id %s: Invalid job id specified\n", j.id)
		return 1
	case !j.lives():
	case slices.Contains(args, "--batch"):
		syscall.Kill(j.pid(), sig)
	case sig != 0:
		j.kill(sig)
	case j.get("state") == "PENDING":
		j.set("state", "CANCELLED")
	default:
		j.set("state", "COMPLETING")
		j.kill(syscall.SIGTERM)
	}
	return 0
}
