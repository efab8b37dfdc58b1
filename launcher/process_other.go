//go:build unix && !linux

package launcher

import (
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// startTime asks ps, which every Unix has.
func startTime(pid int) (string, error) {
	b, err := exec.Command("ps", "-o", "stat=,lstart=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return "", fmt.Errorf("ps: %w", err)
	}
	stat, start, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	if stat == "" || strings.HasPrefix(stat, "Z") {
		return "", os.ErrProcessDone
	}
	return strings.Join(strings.Fields(start), " "), nil
}

// marked finds nothing: only Linux shows one process the environment of
// another. What was started is found by its number alone.
func marked(string) iter.Seq2[Process, []string] {
	return func(func(Process, []string) bool) {}
}

// killCounter and lastCounter name no file: only Linux tells.
func killCounter(int) string         { return "" }
func lastCounter(int, string) string { return "" }
