package launcher

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What mpirun prints of a rank that dies, as it was seen, and what is made of it.
func TestBlame(t *testing.T) {
	const primary = "--------------------------------------------------------------------------\nPrimary job  terminated normally, but 1 process returned\na non-zero exit code. Per user-direction, the job has been aborted.\n--------------------------------------------------------------------------\n"
	for _, tt := range []struct {
		name, output string
		want         End
	}{
		{"Open MPI, a signal", primary + "--------------------------------------------------------------------------\nmpirun.openmpi noticed that process rank 2 with PID 0 on node vm exited on signal 11 (Segmentation fault).\n--------------------------------------------------------------------------\n",
			End{Copy: All, Rank: 2, Cause: "killed by signal 11 (SIGSEGV)"}},
		{"Open MPI, an exit", "[1,1]<stderr>:ipengine: wrong key\n" + primary + "mpirun detected that one or more processes exited with non-zero status, thus causing\nthe job to be terminated. The first process to do so was:\n\n  Process name: [[33463,1],1]\n  Exit code:    3\n",
			End{Copy: All, Rank: 1, Cause: "exit status 3: ipengine: wrong key"}},
		{"Open MPI, an exit that only the rank tells of", "[1,0]<stderr>:up\n[1,3]<stderr>:panic: boom\n[1,3]<stderr>:\n" + primary,
			End{Copy: All, Rank: 3, Cause: "exit status 3: panic: boom"}},
		{"MPICH, a signal", "[2] up\n\n===\n=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES\n=   PID 19038 RUNNING AT vm\n=   EXIT CODE: 15\n=   CLEANING UP REMAINING PROCESSES\n===\nYOUR APPLICATION TERMINATED WITH THE EXIT STRING: Terminated (signal 15)\nThis typically refers to a problem with your application.\n",
			End{Copy: All, Rank: Unknown, Cause: "killed by signal 15 (SIGTERM)"}},
		{"MPICH, an exit", "[0] hi\n[1] ipengine: wrong key\n\n===\n=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES\n=   PID 7 RUNNING AT vm\n=   EXIT CODE: 3\n===\n",
			End{Copy: All, Rank: Unknown, Cause: "exit status 3: ipengine: wrong key"}},
		{"an exit of which no rank is known", "[1,0]<stderr>:up\n[1,3]<stderr>:wrong key\n" + primary, End{Copy: All, Rank: Unknown, Cause: "exit status 3: wrong key"}},
		{"without a word", "", End{Copy: All, Rank: Unknown, Cause: "exit status 3"}},
	} {
		log := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(log, []byte(tt.output), 0o600); err != nil {
			t.Fatal(err)
		}
		got := End{Copy: All, Rank: Unknown}
		got.blame(newExitError("mpirun", exec.Command("/bin/sh", "-c", "exit 3").Run(), log))
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// However much a program says, its cause is a line of a bounded length.
func TestCauseIsBounded(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte(strings.Repeat("é", 3000)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var e End
	e.blame(newExitError("x", exec.Command("/bin/sh", "-c", "exit 3").Run(), log))
	if len(e.Cause) > maxCause+3 || strings.ContainsRune(e.Cause, '�') {
		t.Errorf("%d bytes: %q", len(e.Cause), e.Cause)
	}
}

// One count of the kernel's is the end of one process.
func TestKillsAreClaimedOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "memory.events")
	count := func(s string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("low 0\noom 7\noom_kill "+s+"\noom_group_kill 0\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := &countedError{exec.Command("/bin/sh", "-c", "kill -9 $$").Run(), file}
	claims := func(want ...string) {
		t.Helper()
		for _, w := range want {
			if got, want := status(err), "killed by signal 9 (SIGKILL)"+w; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
	count("4")
	beginCount(file)
	claims("")
	count("6")
	beginCount(file)
	claims(", probably out of memory", ", probably out of memory", "")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	claims(", perhaps out of memory")
}
