package launcher

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
)

// A countedError is the end of a process, and where the kernel counts what it
// killed of that process's kind.
type countedError struct {
	error
	counter string // see killCounter
}

func (e *countedError) Unwrap() error { return e.error }

// oomKills are the counts of processes that the kernel has killed for want of
// memory, by the file in which it counts them. Each is taken for the end of one
// process of ours: what a count has grown by since is the others'.
var oomKills = struct {
	sync.Mutex
	seen map[string]int
}{seen: make(map[string]int)}

// beginCount notes the count of a file before the first process ends that it counts.
func beginCount(file string) {
	oomKills.Lock()
	defer oomKills.Unlock()
	if _, known := oomKills.seen[file]; !known {
		oomKills.seen[file], _ = readKills(file)
	}
}

// claimKill says whether an end by SIGKILL was for want of memory: it takes one
// killing that nobody has taken. What it returns follows the words for the
// signal. Without a count to go by nothing is known.
func claimKill(err error) string {
	var e *countedError
	if !errors.As(err, &e) {
		return ""
	}
	now, ok := readKills(e.counter)
	if !ok {
		return ", perhaps out of memory"
	}
	oomKills.Lock()
	defer oomKills.Unlock()
	if now <= oomKills.seen[e.counter] {
		return ""
	}
	oomKills.seen[e.counter]++
	return ", probably out of memory"
}

// readKills reads the line "oom_kill 3" that memory.events of cgroup v2,
// memory.oom_control of cgroup v1 and /proc/vmstat have in common.
func readKills(file string) (n int, ok bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(b)) {
		if value, found := strings.CutPrefix(line, "oom_kill "); found {
			n, err = strconv.Atoi(strings.TrimSpace(value))
			return n, err == nil
		}
	}
	return 0, false
}
