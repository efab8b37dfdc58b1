package launcher

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// bootID tells this run of the system from all others: start times are counted
// from the boot.
var bootID = sync.OnceValue(func() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "boot"
	}
	id, _, _ := strings.Cut(strings.TrimSpace(string(b)), "-")
	return id
})

// startTime reads field 22 of /proc/PID/stat (proc(5)), in ticks since boot. A
// process in state Z or X has ended.
func startTime(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The second field is the name in parentheses and may hold anything.
	i := bytes.LastIndexByte(b, ')')
	fields := strings.Fields(string(b[i+1:]))
	if i < 0 || len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: %q is not what proc(5) says", pid, b)
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return "", os.ErrProcessDone
	}
	return bootID() + "-" + fields[19], nil
}

// marked returns every process, but this one, that was started with the mark
// in its environment, and that environment.
func marked(mark string) iter.Seq2[Process, []string] {
	want := markName + "=" + mark
	return func(yield func(Process, []string) bool) {
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return
		}
		for _, e := range entries {
			pid, err := strconv.Atoi(e.Name())
			if err != nil || pid == os.Getpid() {
				continue
			}
			b, err := os.ReadFile("/proc/" + e.Name() + "/environ")
			if err != nil { // another user's, or gone
				continue
			}
			env := strings.Split(string(b), "\x00")
			if !slices.Contains(env, want) {
				continue
			}
			if p, err := Identify(pid); err == nil && !yield(p, env) {
				return
			}
		}
	}
}

// killCounter is the file in which the kernel counts the processes that it has
// killed for want of memory: of the process's cgroup, or of the machine.
func killCounter(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	for line := range strings.Lines(string(b)) { // as in "4:cpu,memory:/user" and, of version 2, "0::/user"
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 {
			continue
		}
		file := ""
		switch {
		case f[1] == "":
			file = filepath.Join("/sys/fs/cgroup", f[2], version2)
		case slices.Contains(strings.Split(f[1], ","), "memory"):
			file = filepath.Join("/sys/fs/cgroup/memory", f[2], "memory.oom_control")
		}
		if _, ok := readKills(file); ok {
			return file
		}
	}
	return "/proc/vmstat"
}

// version2 is the file of cgroup v2.
const version2 = "memory.events"

// lastCounter is killCounter of a process that has ended: it waits for the end,
// and leaves the rest to Wait. The process may have been moved since it began,
// which version 2 still tells; version 1 shows it at the root.
func lastCounter(pid int, began string) string {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		if now := killCounter(pid); err == nil && filepath.Base(now) == version2 {
			return now
		}
		return began
	}
}
