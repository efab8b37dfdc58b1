package launcher

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
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
