package test

import (
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"muster/client"
)

// profile writes a site's ipcluster.toml.
func (s *site) profile(toml string) {
	s.t.Helper()
	dir := filepath.Join(s.dir, "profile_default")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ipcluster.toml"), []byte(toml), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// underMPI runs a test once under each MPI library.
func underMPI(t *testing.T, f func(s *site, mpirun string)) {
	for _, flavour := range flavours {
		t.Run(flavour, func(t *testing.T) {
			without(t, "MUSTER_MPI")
			mpirun := "mpirun." + flavour
			if _, err := exec.LookPath(mpirun); err != nil {
				t.Fatalf("%v: make test installs it; MUSTER_MPI=none leaves it out", err)
			}
			f(newSite(t), mpirun)
		})
	}
}

// The main job, as make demo runs it: it checks its own numbers, prints the
// table, draws the picture, and leaves nothing.
func TestMainJob(t *testing.T) {
	underMPI(t, func(s *site, mpirun string) {
		s.profile("[engines.mpi]\ncommand = [\"" + mpirun + "\"]\n")
		out := s.run("pca")
		for _, want := range []string{"1   179.007    14.89 %     14.89 %", "8    44.015     3.66 %     67.39 %", "from a serial run by at most", "stop the cluster"} {
			if !strings.Contains(out, want) {
				s.t.Errorf("no %q in\n%s", want, out)
			}
		}
		f, err := os.Open(filepath.Join(s.dir, "digits-components.png"))
		if err != nil {
			s.t.Fatal(err)
		}
		defer f.Close()
		img, err := png.Decode(f)
		if err != nil {
			s.t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() < 8*64 || b.Dy() < 64 {
			s.t.Errorf("a picture of %v", b)
		}
	})
}

// Engines that the user starts: mpirun by hand, with ids that are ranks. When
// they are shut down mpirun ends with status 0.
func TestMpirunByHand(t *testing.T) {
	underMPI(t, func(s *site, mpirun string) {
		s.background("ipcontroller")
		args := []string{"-n", "4"}
		if mpirun == "mpirun.openmpi" {
			args = append(args, "--oversubscribe")
		}
		job := s.command(mpirun, append(args, filepath.Join(bin, "ipengine"), "--mpi", "--wait=60")...)
		var out strings.Builder
		job.Stdout, job.Stderr = &out, &out
		if err := job.Start(); err != nil {
			s.t.Fatal(err)
		}
		c := s.connect(4)
		all := c.Direct(client.All)
		ranks, err := client.Call[int](s.ctx(), all, client.Ref("mpi.World().Rank"))
		if err != nil {
			s.t.Fatal(err)
		}
		for i, id := range c.IDs() {
			if int(id) != i || ranks[i] != i {
				s.t.Errorf("engine %d has rank %d", id, ranks[i])
			}
		}
		// A collective from interpreted code, of every kind of buffer.
		if _, err := all.Execute(s.ctx(), `
			world := mpi.World()
			x := []int32{int32(world.Rank()), 1}
			if err := world.Allreduce(mpi.InPlace, x, mpi.Sum); err != nil { panic(err) }
			part := []float64{float64(world.Rank())}
			whole := mat.NewVecDense(world.Size(), nil)
			if err := world.Allgather(part, whole); err != nil { panic(err) }
			if x[0] != 6 || x[1] != 4 || whole.AtVec(3) != 3 { panic(fmt.Sprint(x, whole)) }`); err != nil {
			s.t.Error(err)
		}
		// An error of MPI is one of Go, with MPI's text, and the engine lives on.
		_, err = c.Direct(client.Engines(0)).Execute(s.ctx(), `panic(mpi.World().Send([]int{1}, 99, 0))`)
		if err == nil || !strings.Contains(err.Error(), "rank") {
			s.t.Errorf("sending to rank 99: %v", err)
		}
		if err := c.Shutdown(s.ctx(), client.All); err != nil {
			s.t.Error(err)
		}
		if err := job.Wait(); err != nil {
			s.t.Errorf("%s: %v\n%s", mpirun, err, &out)
		}
	})
}
