package launcher_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/launcher"
)

// endsOf returns the ends of all copies, by their numbers.
func endsOf(t *testing.T, job launcher.Job) map[int]launcher.End {
	t.Helper()
	ends := make(map[int]launcher.End)
	limit := time.After(time.Minute)
	for {
		select {
		case e, more := <-job.Ends():
			if !more {
				return ends
			}
			ends[e.Copy] = e
		case <-limit:
			t.Fatalf("no end after %v", ends)
		}
	}
}

// Each copy ends in its own way, and the launcher tells how.
func TestEndsOfProcesses(t *testing.T) {
	job := start(t, launcher.Local{Command: shell(t, "echo up; exec sleep 100")}, 4)
	waitFor(t, "start", func() bool { return strings.Count(job.Output(), "up") == 4 })
	processes := job.Handle().Processes
	for i, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGSEGV, syscall.SIGUSR1} {
		if err := processes[i].Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	ends := endsOf(t, job)
	for i, want := range []string{"killed by signal 9 (SIGKILL)", "killed by signal 15 (SIGTERM)", "killed by signal 11 (SIGSEGV)", "killed by signal 10 (SIGUSR1)"} {
		e := ends[i]
		if cause, _, _ := strings.Cut(e.Cause, ", core dumped"); cause != want || e.PID != processes[i].PID {
			t.Errorf("copy %d: %+v, want %s", i, e, want)
		}
	}
	for script, want := range map[string]string{
		"exit 0":                         "",
		"echo wrong key >&2; exit 3":     "exit status 3: wrong key",
		"echo starting; kill -9 $$":      "killed by signal 9 (SIGKILL)",
		"echo panic: boom >&2; exit 2":   "exit status 2: panic: boom",
		"echo level=INFO msg=up; exit 4": "exit status 4",
	} {
		if got := endsOf(t, start(t, launcher.Local{Command: shell(t, script)}, 1))[0].Cause; got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
}

// mpirun tells which rank died, and of what.
func TestEndsOfRanks(t *testing.T) {
	if os.Getenv("MUSTER_MPI") == "none" {
		t.Skip("MUSTER_MPI=none: NOT tried with any mpirun")
	}
	const script = `echo rank ${PMI_RANK:-$OMPI_COMM_WORLD_RANK} is $$; exec sleep 100`
	for _, mpirun := range []string{"mpirun.openmpi", "mpirun.mpich"} {
		t.Run(mpirun, func(t *testing.T) {
			job := start(t, launcher.MPI{Command: shell(t, script), Mpirun: []string{mpirun}}, 3)
			waitFor(t, "start", func() bool { return strings.Count(job.Output(), " is ") == 3 })
			_, s, _ := strings.Cut(job.Output(), "rank 1 is ")
			s, _, _ = strings.Cut(s, "\n")
			pid := atoi(t, s)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			want := launcher.End{Copy: launcher.All, Rank: launcher.Unknown, Cause: "killed by signal 9 (SIGKILL)"}
			if mpirun == "mpirun.openmpi" {
				want.Rank = 1
			}
			if e := endsOf(t, job)[launcher.All]; e != want {
				t.Errorf("%+v, want %+v\n%s", e, want, job.Output())
			}
		})
	}
}

// A process that the kernel kills for want of memory is told from one that
// somebody kills. Its launcher and it share a cgroup that is too small, as in a
// batch job.
func TestOutOfMemory(t *testing.T) {
	cgroup := smallCgroup(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), hogVar+"="+cgroup)
	out, err := c.CombinedOutput()
	if want := "killed by signal 9 (SIGKILL), probably out of memory\nkilled by signal 9 (SIGKILL)\n"; err != nil || string(out) != want {
		t.Errorf("%v, printed\n%swant\n%s", err, out, want)
	}
}

// smallCgroup makes a cgroup with 128 MiB of memory.
func smallCgroup(t *testing.T) string {
	for _, v := range []struct{ root, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max"},
	} {
		dir := filepath.Join(v.root, fmt.Sprintf("muster-test-%d", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { os.Remove(dir) })
		if os.WriteFile(filepath.Join(dir, v.limit), []byte(fmt.Sprint(128<<20)), 0o644) == nil {
			return dir
		}
		os.Remove(dir)
	}
	t.Skip("no cgroup with a limit of memory can be made here: NOT tried: out of memory")
	return ""
}

// hogVar names the cgroup in which this binary starts a program that uses too
// much memory.
const hogVar = "MUSTER_TEST_HOG"

// hog runs in a small cgroup, and prints the ends of a program that wants more
// memory and of one that kills itself.
func hog(cgroup string) {
	err := os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), []byte(fmt.Sprint(os.Getpid())), 0o644)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, script := range []string{`v=x; while :; do v=$v$v; done`, "kill -9 $$"} {
		job, err := launcher.Local{Command: launcher.Command{Args: []string{"/bin/sh", "-c", script}}}.Start(context.Background(), 1)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println((<-job.Ends()).Cause)
	}
}
