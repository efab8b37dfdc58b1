package launcher

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What real programs print when they fail, and the line that tells.
func TestReason(t *testing.T) {
	for _, tt := range []struct{ name, output, want string }{
		{"nothing", "", ""},
		{"one line", "ipcontroller: listen tcp 127.0.0.1:80: permission denied\n", "ipcontroller: listen tcp 127.0.0.1:80: permission denied"},
		{"indented detail after it", "ipengine: no connection file\n  looked in a\n  looked in b\n\n", "ipengine: no connection file"},
		{"a Go panic", "listening\npanic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:8 +0x1d\nexit status 2\n",
			"panic: runtime error: index out of range [3] with length 3"},
		{"a Go program that is told to abort", "listening\nSIGABRT: abort\nPC=0x47 m=0 sigcode=0\n\ngoroutine 1 [select]:\nmain.main()\n\nrax    0x0\nr15    0xc000\ngs     0x0\n", "SIGABRT: abort"},
		{"a Python traceback", "Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\n    1/0\nZeroDivisionError: division by zero\n",
			"ZeroDivisionError: division by zero"},
		{"Open MPI, a rank that speaks", "[1,0]<stderr>:ipengine: wrong key\n[1,1]<stderr>:ipengine: wrong key\n--------------------------------------------------------------------------\nPrimary job  terminated normally, but 1 process returned\na non-zero exit code. Per user-direction, the job has been aborted.\n--------------------------------------------------------------------------\n",
			"ipengine: wrong key"},
		{"Open MPI, a rank that panics", "[1,2]<stderr>:panic: boom\n[1,2]<stderr>:\n[1,2]<stderr>:goroutine 1 [running]:\n[1,2]<stderr>:main.main()\n", "panic: boom"},
		{"Open MPI without tags, a rank that speaks", "up\nipengine: wrong key\n--------------------------------------------------------------------------\nPrimary job  terminated normally, but 1 process returned\na non-zero exit code. Per user-direction, the job has been aborted.\n--------------------------------------------------------------------------\n--------------------------------------------------------------------------\nmpirun detected that one or more processes exited with non-zero status, thus causing\nthe job to be terminated. The first process to do so was:\n\n  Process name: [[33463,1],0]\n  Exit code:    3\n--------------------------------------------------------------------------\n",
			"ipengine: wrong key"},
		{"srun, a task that speaks", "ipengine: wrong key\nsrun: error: n1: tasks 0-1: Exited with exit code 1\nsrun: Terminating StepId=3.0\nslurmstepd: error: *** STEP 3.0 ON n1 CANCELLED AT 2026-11-21T06:40:45 ***\n", "ipengine: wrong key"},
		{"srun, a task without memory", "slurmstepd: error: Detected 1 oom_kill event in StepId=3.0. Some of the step tasks have been OOM Killed.\nsrun: error: n1: task 1: Out Of Memory\n", "slurmstepd: error: Detected 1 oom_kill event in StepId=3.0. Some of the step tasks have been OOM Killed."},
		{"Open MPI, no program", "--------------------------------------------------------------------------\nmpirun.openmpi was unable to launch the specified application as it could not access\nor execute an executable:\n\nExecutable: /nonexist\nNode: vm\n\nwhile attempting to start process rank 0.\n--------------------------------------------------------------------------\n",
			"mpirun.openmpi was unable to launch the specified application as it could not access or execute an executable:"},
		{"Open MPI, a signal", "[1,1]<stderr>:up\n--------------------------------------------------------------------------\nmpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed).\n--------------------------------------------------------------------------\n",
			"mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed)."},
		{"nothing but information", "[1,0]<stderr>:time=x level=INFO msg=registered engine=3\n", ""},
		{"an error among information", "level=INFO msg=up\nlevel=ERROR msg=\"wrong key\"\nlevel=INFO msg=ended\n", "level=ERROR msg=\"wrong key\""},
		{"MPICH, a rank that speaks", "[0] hi\n[1] ipengine: wrong key\n\n===================================================================================\n=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES\n=   EXIT CODE: 3\n===================================================================================\n",
			"ipengine: wrong key"},
		{"MPICH, a signal", "[0] up\n===================================================================================\n=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES\n=   PID 14591 RUNNING AT vm\n=   EXIT CODE: 9\n===================================================================================\nYOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)\nThis typically refers to a problem with your application.\nPlease see the FAQ page for debugging suggestions\n2 total processes failed to start",
			"YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)"},
		{"MPICH, no program", "[proxy:0:0@vm] HYDU_create_process (utils/launch/launch.c:73): execvp error on file /nonexist (No such file or directory)\n",
			"[proxy:0:0@vm] HYDU_create_process (utils/launch/launch.c:73): execvp error on file /nonexist (No such file or directory)"},
	} {
		if got := reason(tt.output); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

// The error as the user reads it: reason and status, log, output.
func TestExitErrorText(t *testing.T) {
	log := filepath.Join(t.TempDir(), "ipengine-0.log")
	if err := os.WriteFile(log, []byte("starting\nipengine: wrong key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ended := func(script string) error { return exec.Command("/bin/sh", "-c", script).Run() }
	for _, tt := range []struct {
		script, log, want string
	}{
		{"exit 3", log, "ipengine: wrong key (exit status 3)\nlog: LOG\n  | starting\n  | ipengine: wrong key"},
		{"kill -9 $$", "", "ipengine: killed by signal 9 (SIGKILL), without a word"},
		{"kill -SEGV $$", "", "ipengine: killed by signal 11 (SIGSEGV), without a word"},
	} {
		got := newExitError("ipengine", ended(tt.script), tt.log).Error()
		if got = strings.ReplaceAll(got, log, "LOG"); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.script, got, tt.want)
		}
	}
}

// However much a program prints, an error keeps the end of it.
func TestTailIsBounded(t *testing.T) {
	log := filepath.Join(t.TempDir(), "flood.log")
	if err := os.WriteFile(log, []byte(strings.Repeat("a line of the flood\n", 1<<16)+"the last\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := tail(log)
	if len(got) > tailSize || !strings.HasPrefix(got, "a line") || !strings.HasSuffix(got, "flood\nthe last\n") {
		t.Errorf("%d bytes, %q ... %q", len(got), got[:20], got[len(got)-20:])
	}
}

func FuzzReason(f *testing.F) {
	f.Add("[1,0]<stderr>:x\n----------\nmpirun\n\n")
	f.Add("panic: \n\ngoroutine 1")
	f.Add("[1,3]<stderr>:panic: boom\n")
	f.Add("process rank 2 with PID 0 on node vm exited on signal 9 (Killed).")
	f.Add("YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)")
	f.Fuzz(func(t *testing.T, output string) {
		r := reason(output)
		if strings.Contains(r, "\n") {
			t.Errorf("reason of more than one line: %q", r)
		}
		if d := firstDead(output, r); d.rank < Unknown {
			t.Errorf("rank %d", d.rank)
		}
	})
}
