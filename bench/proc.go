package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// residentMB is the resident memory of a process in megabytes (proc(5)).
func residentMB(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("bench: memory of process %d: %w", pid, err)
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0, fmt.Errorf("bench: memory of process %d: %q", pid, b)
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	return pages * float64(os.Getpagesize()) / 1e6, err
}

// cpuSeconds is the processor time that processes have taken together, from
// /proc/PID/stat in ticks of a hundredth of a second (proc(5), sysconf(3)).
func cpuSeconds(pids []int) (float64, error) {
	ticks := 0
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, fmt.Errorf("bench: processor time of process %d: %w", pid, err)
		}
		// The name, in parentheses, may hold anything.
		_, rest, _ := strings.Cut(string(b)[strings.LastIndexByte(string(b), ')'):], " ")
		fields := strings.Fields(rest)
		if len(fields) < 13 {
			return 0, fmt.Errorf("bench: processor time of process %d: %q", pid, b)
		}
		for _, f := range fields[11:13] { // utime and stime
			n, err := strconv.Atoi(f)
			if err != nil {
				return 0, fmt.Errorf("bench: processor time of process %d: %w", pid, err)
			}
			ticks += n
		}
	}
	return float64(ticks) / 100, nil
}
