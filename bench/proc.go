package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// residentMB is the resident memory of a process in megabytes (proc(5)).
func residentMB(pid int) (float64, error) { return statusMB(pid, "VmRSS") }

// watchPeak notes the resident memory of a process. What it returns tells by how
// much the peak since then exceeds that, in megabytes.
func watchPeak(pid int) (growth func() (float64, error), err error) {
	// 5 makes what is resident now the peak.
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return nil, fmt.Errorf("bench: reset peak memory of process %d: %w", pid, err)
	}
	before, err := residentMB(pid)
	return func() (float64, error) {
		peak, err := statusMB(pid, "VmHWM")
		return peak - before, err
	}, err
}

// statusMB reads a line of /proc/PID/status, which is in KiB.
func statusMB(pid int, key string) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("bench: memory of process %d: %w", pid, err)
	}
	_, rest, _ := strings.Cut(string(b), "\n"+key+":")
	var kib float64
	if _, err := fmt.Sscanf(rest, "%f kB", &kib); err != nil {
		return 0, fmt.Errorf("bench: memory of process %d: no %s in its status: %w", pid, key, err)
	}
	return kib * 1024 / 1e6, nil
}

// loadAverage is how many processes ran or wanted to, on average of the last
// minute; 0 where the system does not tell.
func loadAverage() (load float64) {
	b, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		fmt.Sscan(string(b), &load)
	}
	return load
}

// spent is the processor time, in seconds, that client, controllers and engines
// have taken so far; those of the bare router count as its like do here.
func (m measurement) spent() (c Cost, err error) {
	for _, of := range []struct {
		seconds *float64
		pids    []int
	}{
		{&c.Client, []int{os.Getpid()}},
		{&c.Controller, []int{m.controller, m.bare.pids()[0]}},
		{&c.Engines, append(m.bare.pids()[1:], m.engines...)},
	} {
		if *of.seconds, err = cpuSeconds(of.pids); err != nil {
			return c, err
		}
	}
	return c, nil
}

// cpuTime is the processor time that this process has taken, more finely than
// cpuSeconds tells it.
func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("bench: processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
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
