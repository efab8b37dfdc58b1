package test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSpeed has bounds on what a user waits for, with programs as users have them. A quiet machine takes a tenth to
// half of them; as others may use it, the best of several tries counts.
func TestSpeed(t *testing.T) {
	s := newSite(t)
	within := func(limit time.Duration, args ...string) {
		t.Helper()
		var best time.Duration
		for try := 0; try < 10 && (try == 0 || best >= limit); try++ {
			begun := time.Now()
			s.run(filepath.Join(plain, "ipcluster"), args...)
			if took := time.Since(begun); try == 0 || took < best {
				best = took
			}
			if args[0] == "start" && best >= limit {
				s.run("ipcluster", "stop")
			}
		}
		t.Logf("%v: ipcluster %s", best.Round(time.Millisecond), strings.Join(args, " "))
		if best >= limit {
			t.Errorf("ipcluster %s takes %v, want less than %v", strings.Join(args, " "), best, limit)
		}
	}
	within(5*time.Second, "start", "-n", "64", "--daemonize")
	const unnoticed = 50 * time.Millisecond
	within(unnoticed, "list")
	within(unnoticed, "status")
	s.run("ipcluster", "stop")
	within(unnoticed, "script", "slurm", "--nodes", "2", "--per-node", "4")
	within(unnoticed, "script", "--profile", "perlmutter", "--account", "m1234", "--nodes", "2", "--time", "30m")
	within(unnoticed, "profile", "list")
}
