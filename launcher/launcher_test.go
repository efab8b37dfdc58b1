package launcher_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/launcher"
	"muster/launcher/launchertest"
)

func TestMain(m *testing.M) {
	launchertest.Main()
	if cgroup := os.Getenv(hogVar); cgroup != "" {
		hog(cgroup)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func command(t *testing.T, p launchertest.Program) launcher.Command {
	args, env := launchertest.Command(t, p)
	return launcher.Command{Args: args, Env: env, Log: filepath.Join(t.TempDir(), "program-*.log")}
}

func shell(t *testing.T, script string) launcher.Command {
	return launcher.Command{Args: []string{"/bin/sh", "-c", script}, Log: filepath.Join(t.TempDir(), "sh-*.log")}
}

func TestLocal(t *testing.T) {
	launchertest.Suite(t, func(t *testing.T, p launchertest.Program) launcher.Launcher {
		return launcher.Local{Command: command(t, p)}
	})
}

func TestInProcess(t *testing.T) {
	launchertest.Suite(t, func(t *testing.T, p launchertest.Program) launcher.Launcher {
		return launcher.InProcess{Run: func(ctx context.Context, _ int, out io.Writer) error {
			return launchertest.Run(ctx, p, out)
		}}
	})
}

// With real mpiruns, each of which this machine must have: what cannot be
// tried is not passed over in silence. MUSTER_MPI=none is for sites without MPI.
func TestMPI(t *testing.T) {
	if os.Getenv("MUSTER_MPI") == "none" {
		t.Skip("MUSTER_MPI=none: NOT tried with any mpirun")
	}
	for _, mpirun := range []string{"mpirun.openmpi", "mpirun.mpich"} {
		t.Run(mpirun, func(t *testing.T) {
			launchertest.Suite(t, func(t *testing.T, p launchertest.Program) launcher.Launcher {
				return launcher.MPI{Command: command(t, p), Mpirun: []string{mpirun}}
			})
		})
	}
}

func start(t *testing.T, l launcher.Launcher, n int) launcher.Job {
	t.Helper()
	job, err := l.Start(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { job.Stop(context.Background()) })
	return job
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func TestLogsArePrivate(t *testing.T) {
	c := command(t, launchertest.Finish)
	old := strings.Replace(c.Log, "*", "1", 1)
	if err := os.WriteFile(old, []byte("of an earlier run"), 0o644); err != nil {
		t.Fatal(err)
	}
	job := start(t, launcher.Local{Command: c}, 2)
	<-job.Wait(launcher.Ended)
	for _, k := range []string{"0", "1"} {
		path := strings.Replace(c.Log, "*", k, 1)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(path); info.Mode().Perm() != 0o600 || string(b) != "done\n" {
			t.Errorf("%s: mode %v, %q", path, info.Mode(), b)
		}
	}
}

func TestDeafProgramIsKilledAfterTheGrace(t *testing.T) {
	job := start(t, launcher.Local{
		Command: shell(t, `trap '' TERM; echo up; while :; do sleep 1; done`), Grace: 50 * time.Millisecond,
	}, 2)
	waitFor(t, "start", func() bool { return strings.Count(job.Output(), "up\n") == 2 })
	if err := job.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if alive := job.Handle().Alive(); len(alive) > 0 {
		t.Errorf("alive: %v", alive)
	}
}

func TestStopWhoseContextEndsKillsAtOnce(t *testing.T) {
	job := start(t, launcher.Local{
		Command: shell(t, `trap '' TERM; echo up; while :; do sleep 1; done`), Grace: time.Hour,
	}, 1)
	waitFor(t, "start", func() bool { return strings.Contains(job.Output(), "up") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := job.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	<-job.Wait(launcher.Ended)
}

// A descendant that has left its group and its session is found by the mark.
func TestStopFindsRunawayDescendants(t *testing.T) {
	job := start(t, launcher.Local{
		Command: shell(t, `setsid sh -c 'echo $$; trap "" TERM; while :; do sleep 1; done' & wait`), Grace: 100 * time.Millisecond,
	}, 1)
	waitFor(t, "start", func() bool { return strings.HasSuffix(job.Output(), "\n") })
	pid := atoi(t, strings.TrimSpace(job.Output()))
	runaway, err := launcher.Identify(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := job.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if runaway.Alive() {
		t.Error("the runaway is alive")
	}
}

// An mpirun that gets SIGTERM kills its ranks within two seconds, which is no
// time to finalize MPI; so ranks are asked first.
func TestRanksHaveTheGraceToEnd(t *testing.T) {
	if os.Getenv("MUSTER_MPI") == "none" {
		t.Skip("MUSTER_MPI=none: NOT tried with any mpirun")
	}
	for _, mpirun := range []string{"mpirun.openmpi", "mpirun.mpich"} {
		t.Run(mpirun, func(t *testing.T) {
			c := shell(t, `trap 'sleep 2.5; echo finalized; exit 0' TERM; echo rank; while :; do sleep 0.05; done`)
			job := start(t, launcher.MPI{Command: c, Mpirun: []string{mpirun}, Grace: 2 * time.Minute}, 2)
			waitFor(t, "start", func() bool { return strings.Count(job.Output(), "rank") == 2 })
			if err := job.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(job.Output(), "finalized"); got != 2 {
				t.Errorf("%d of 2 ranks finalized:\n%s", got, job.Output())
			}
		})
	}
}

// The mpirun that is killed cannot end its ranks; Stop does.
func TestStopAfterMpirunWasKilled(t *testing.T) {
	if os.Getenv("MUSTER_MPI") == "none" {
		t.Skip("MUSTER_MPI=none: NOT tried with any mpirun")
	}
	for _, mpirun := range []string{"mpirun.openmpi", "mpirun.mpich"} {
		t.Run(mpirun, func(t *testing.T) {
			c := shell(t, `trap '' TERM HUP INT; echo rank $$; while :; do sleep 1; done`)
			job := start(t, launcher.MPI{Command: c, Mpirun: []string{mpirun}, Grace: 100 * time.Millisecond}, 3)
			waitFor(t, "start", func() bool { return strings.Count(job.Output(), "rank") == 3 })
			var ranks []launcher.Process
			for _, line := range strings.Split(strings.TrimSpace(job.Output()), "\n") {
				_, pid, _ := strings.Cut(line, "rank ")
				p, err := launcher.Identify(atoi(t, pid))
				if err != nil {
					t.Fatal(err)
				}
				ranks = append(ranks, p)
			}
			if err := job.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-job.Failed()
			if !strings.Contains(job.Err().Error(), "killed by signal 9 (SIGKILL)") {
				t.Errorf("error: %v", job.Err())
			}
			if err := job.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, p := range ranks {
				if p.Alive() {
					t.Errorf("rank %d is alive", p.PID)
				}
			}
		})
	}
}

func TestStartOfWhatIsNotThere(t *testing.T) {
	missing := launcher.Command{Args: []string{"muster-no-such-program"}}
	_, err := launcher.Local{Command: missing}.Start(t.Context(), 2)
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("local: %v", err)
	}
	_, err = launcher.MPI{Command: missing, Mpirun: []string{"muster-no-such-mpirun"}}.Start(t.Context(), 2)
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "install Open MPI or MPICH") {
		t.Errorf("mpi: %v", err)
	}
	_, err = launcher.Local{Command: launcher.Command{Args: []string{"true"}, Log: "/no/such/folder/x.log"}}.Start(t.Context(), 1)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("log: %v", err)
	}
}

// When the second of three cannot be started, the first does not stay.
func TestStartThatFailsHalfWayLeavesNothing(t *testing.T) {
	r := &halfway{}
	if _, err := (launcher.Local{Command: shell(t, "sleep 1000"), Runner: r}).Start(t.Context(), 3); err == nil {
		t.Fatal("no error")
	}
	if len(r.started) != 1 || r.started[0].Alive() {
		t.Errorf("started %v", r.started)
	}
}

type halfway struct {
	launcher.OS
	started []launcher.Process
}

func (r *halfway) Start(c launcher.Command) (launcher.Program, error) {
	if len(r.started) == 1 {
		return nil, errors.New("no more processes")
	}
	p, err := r.OS.Start(c)
	if err == nil {
		r.started = append(r.started, p.Process())
	}
	return p, err
}

// Numbers of processes are used again; a start time tells.
func TestStaleProcessIsNotSignalled(t *testing.T) {
	job := start(t, launcher.Local{Command: command(t, launchertest.Serve)}, 1)
	p := job.Handle().Processes[0]
	stale := launcher.Process{PID: p.PID, Start: p.Start + "0"}
	if stale.Alive() {
		t.Error("another process with this number is taken for it")
	}
	err := launcher.Handle{Processes: []launcher.Process{stale}}.Stop(t.Context(), time.Second)
	if err != nil {
		t.Error(err)
	}
	if err := stale.Stop(t.Context(), time.Second); err != nil {
		t.Error(err)
	}
	if !p.Alive() {
		t.Error("the process that has the number now was ended")
	}
}

// When the parent is killed, its children end by themselves.
func TestChildrenDieWithTheirParent(t *testing.T) {
	log := filepath.Join(t.TempDir(), "child-*.log")
	parent := exec.Command(os.Args[0], "-test.run=^TestHelperParent$", "-test.v")
	parent.Env = append(os.Environ(), "MUSTER_TEST_PARENT="+log)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { parent.Process.Kill(); parent.Wait() })
	var child launcher.Process
	waitFor(t, "child", func() bool {
		b, _ := os.ReadFile(strings.Replace(log, "*", "0", 1))
		if !strings.HasSuffix(string(b), "\n") {
			return false
		}
		var err error
		child, err = launcher.Identify(atoi(t, strings.TrimSpace(string(b))))
		return err == nil
	})
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "end of the child", func() bool { return !child.Alive() })
}

// TestHelperParent is the parent of TestChildrenDieWithTheirParent, killed while
// its child runs. It asks for the start on a thread that ends right after: the child must
// not take the end of that thread for its parent's.
func TestHelperParent(t *testing.T) {
	log := os.Getenv("MUSTER_TEST_PARENT")
	if log == "" {
		return // run as a test of its own it has nothing to do
	}
	asked := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		c := launcher.Command{Args: []string{"/bin/sh", "-c", "sleep 0.1; echo $$; exec sleep 1000"}, Log: log}
		_, err := launcher.Local{Command: c}.Start(context.Background(), 1)
		asked <- err
	}()
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	select {}
}

func TestSixtyFourStartTogether(t *testing.T) {
	begin := time.Now()
	job := start(t, launcher.Local{Command: shell(t, "exec sleep 1000")}, 64)
	if got := len(job.Handle().Alive()); got != 64 {
		t.Errorf("%d of 64 alive", got)
	}
	t.Logf("64 processes started in %v", time.Since(begin))
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			t.Fatalf("%q is no number", s)
		}
		n = 10*n + int(c-'0')
	}
	return n
}
