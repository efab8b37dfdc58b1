package launcher

import (
	"bytes"
	"fmt"
	"os"
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
// in its environment.
func marked(mark string) []Process {
	want := []byte(markName + "=" + mark)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err != nil { // another user's, or gone
			continue
		}
		for v := range bytes.SplitSeq(env, []byte{0}) {
			if !bytes.Equal(v, want) {
				continue
			}
			if p, err := Identify(pid); err == nil {
				found = append(found, p)
			}
			break
		}
	}
	return found
}
