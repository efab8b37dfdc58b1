package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"muster/mpi"
	"muster/wire"
)

// TestMPI runs four engines as the ranks of one mpirun, under each MPI.
func TestMPI(t *testing.T) {
	if os.Getenv("MUSTER_MPI") == "none" {
		t.Skip("NOT RUN: MUSTER_MPI=none, engines were not tried under mpirun")
	}
	for _, flavour := range []string{"openmpi", "mpich"} {
		t.Run(flavour, func(t *testing.T) {
			shim, err := mpi.Build(t.Context(), "mpicc."+flavour, filepath.Join(t.TempDir(), "shim.so"))
			if err != nil {
				t.Fatalf("no %s here (Debian: openmpi-bin libopenmpi-dev mpich libmpich-dev; MUSTER_MPI=none leaves MPI untried): %v", flavour, err)
			}
			tryMPI(t, flavour, shim)
			tryDraining(t, flavour, shim)
		})
	}
}

func tryMPI(t *testing.T, flavour, shim string) {
	const n = 4
	c := newController(t, realNetwork(t))
	mpirun, log := startMPI(t, flavour, shim, n, "--mpi", "--file", c.file, "--timeout=60")
	ranks := make([]*engineRun, n)
	for range n {
		r := &engineRun{c: c, id: -1}
		c.accept(r)
		if r.id < 0 || r.id >= n || ranks[r.id] != nil {
			t.Fatalf("an engine asks for the id %d", r.id)
		}
		ranks[r.id] = r
	}
	for i, r := range ranks {
		if v := fmt.Sprint(r.value(r.apply("test.Rank"))); v != fmt.Sprintf("[%d %d]", i, n) {
			t.Errorf("engine %d is rank and size %s", i, v)
		}
	}
	ids := make([]wire.MsgID, n)
	for i, r := range ranks {
		ids[i] = r.apply("test.Allreduce", float64(i))
	}
	for i, r := range ranks {
		if v := r.value(ids[i]); v != 6.0 {
			t.Errorf("Allreduce on rank %d is %v", i, v)
		}
	}
	// A heart beats while its engine is blocked in MPI.
	id := ranks[0].apply("test.Recv", 1)
	c.find(func(ev event) bool {
		return ev.channel == "iopub" && ev.Header.MsgType == "stream" && ev.Parent.MsgID == id
	})
	for k := range 5 {
		ranks[0].beats(fmt.Sprint("blocked", k))
	}
	ranks[1].value(ranks[1].apply("test.Send", 0, 2.5))
	if v := ranks[0].value(id); v != 2.5 {
		t.Errorf("received %v", v)
	}
	// All shut down, the last one first, and the whole job ends well.
	for _, r := range slices.Backward(ranks) {
		r.reply(r.request("shutdown_request", nil))
	}
	if err := ends(mpirun); err != nil {
		t.Errorf("mpirun: %v\n%s", err, log)
	}
}

func startMPI(t *testing.T, flavour, shim string, n int, args ...string) (*exec.Cmd, *lockedBuffer) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"-n", fmt.Sprint(n)}
	if flavour == "openmpi" {
		words = append(words, "--oversubscribe", "--bind-to", "none")
	}
	log := new(lockedBuffer)
	cmd := exec.Command("mpirun."+flavour, slices.Concat(words, []string{program, Argument}, args)...)
	cmd.Env = append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", mpi.ShimEnv+"="+shim)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		if t.Failed() {
			t.Logf("mpirun:\n%s", log)
		}
	})
	return cmd, log
}

// ends waits for the end of a process.
func ends(cmd *exec.Cmd) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*limit)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return errors.New("does not end")
	}
}

// With --mpi and no usable MPI there is one clear error.
func TestNoMPI(t *testing.T) {
	cmd, log := command(t, []string{mpi.ShimEnv + "=" + t.TempDir() + "/none.so"}, "--mpi", "--file=f")
	if err := ends(cmd); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%v: %s", err, log)
	}
	wantError(t, errors.New(log.String()), "none.so", "ipengine:")
}

// tryDraining has the ranks of a job drain one after the other: that which is done
// has left the cluster while it waits for the others, and none ends with an error.
func tryDraining(t *testing.T, flavour, shim string) {
	const n = 3
	c := newController(t, realNetwork(t))
	mpirun, log := startMPI(t, flavour, shim, n, "--mpi", "--file", c.file, "--timeout=60")
	ranks, pids := make([]*engineRun, n), make([]int, n)
	for range n {
		r := &engineRun{c: c, id: -1}
		reg := c.accept(r)
		ranks[r.id], pids[r.id] = r, reg.PID
	}
	running := make([]wire.MsgID, n)
	for i, r := range ranks[1:] {
		running[1+i] = r.waiting()
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range ranks {
		if i > 0 {
			r.interrupt()
			r.interrupted(running[i])
		}
		ev := c.find(func(ev event) bool {
			return ev.channel == "registration" && ev.Header.MsgType == wire.UnregistrationRequest
		})
		if want := fmt.Sprintf(`{"id":%d,"cause":%q}`, i, NearlyOver); string(ev.Content) != want {
			t.Errorf("%s left, want %s", ev.Content, want)
		}
		syscall.Kill(pids[i], syscall.SIGUSR1) // means nothing any more
	}
	if err := ends(mpirun); err != nil {
		t.Errorf("mpirun: %v\n%s", err, log)
	}
}
