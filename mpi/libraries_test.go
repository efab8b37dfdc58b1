package mpi_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/mpi"
)

// site is one MPI library of this machine.
type site struct {
	flavour, shim, mpicc, mpirun string
}

// library finds the MPI of a flavour and builds the shim with it. That it is
// not there is a failure, unless the machine's owner has said so.
func library(t *testing.T, flavour string) site {
	t.Helper()
	packages := map[string]string{"openmpi": "libopenmpi-dev openmpi-bin", "mpich": "libmpich-dev mpich"}
	if os.Getenv("MUSTER_MPI") == "none" {
		t.Skipf("MUSTER_MPI=none: nothing was tried under %s", flavour)
	}
	for _, suffix := range []string{"." + flavour, ""} { // as Debian names them; as everybody does
		mpicc, err := exec.LookPath("mpicc" + suffix)
		if err != nil {
			continue
		}
		mpirun, err := exec.LookPath("mpirun" + suffix)
		if err != nil {
			continue
		}
		shim, err := mpi.Build(t.Context(), mpicc, filepath.Join(t.TempDir(), "shim.so"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(shim)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := mpi.InspectMarker(text); err != nil {
			t.Fatal(err)
		} else if got == flavour {
			return site{flavour, shim, mpicc, mpirun}
		}
	}
	t.Fatalf("this machine has no %s: install it (Debian: %s), or set MUSTER_MPI=none to leave MPI untried", flavour, packages[flavour])
	return site{}
}

// run starts n ranks of this test binary and returns what they wrote. mpirun of
// Open MPI 4.1 does not always end when ranks fail while one of them is still
// connecting to it; it says so, and then has another try.
func (s site) run(t *testing.T, n int, env []string, args ...string) (string, error) {
	t.Helper()
	out, err := s.runOnce(t, n, env, args...)
	if err != nil && strings.Contains(out, "PMIX ERROR: UNREACHABLE") {
		t.Logf("mpirun lost a rank that was connecting; again after:\n%s", out)
		out, err = s.runOnce(t, n, env, args...)
	}
	return out, err
}

func (s site) runOnce(t *testing.T, n int, env []string, args ...string) (string, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := []string{"-n", fmt.Sprint(n)}
	if s.flavour == "openmpi" {
		command = append(command, "--oversubscribe", "--bind-to", "none")
	}
	command = append(command, self)
	command = append(command, args...)
	cmd := exec.CommandContext(ctx, s.mpirun, command...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // mpirun then ends its ranks
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "MUSTER_TEST_FLAVOUR="+s.flavour)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// brief is the output of ranks without what went well.
func brief(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		if !strings.Contains(line, "=== RUN") && !strings.Contains(line, "--- PASS") {
			b.WriteString(line)
		}
	}
	return b.String()
}

var flavours = []string{"openmpi", "mpich"}

// TestLibraries runs the tests named TestWorld... under the real libraries.
func TestLibraries(t *testing.T) {
	for _, flavour := range flavours {
		t.Run(flavour, func(t *testing.T) {
			s := library(t, flavour)
			for _, tt := range []struct {
				name string
				n    int
				env  string
				run  string
			}{
				{"one rank", 1, "", "^TestWorld"},
				{"two ranks", 2, "", "^TestWorld"},
				{"three ranks", 3, "", "^TestWorld"},
				{"four ranks", 4, "", "^TestWorld"},
				{"funneled", 3, fmt.Sprintf("MUSTER_TEST_THREADS=%d", mpi.ThreadFunneled), "^TestWorld"},
				// As if each node had fewer cores than ranks, where the shim sees to that itself.
				{"crowded", 2, "MUSTER_TEST_LOCAL=1000000", "^TestWorld"},
				// Calls are cut into pieces of so many elements: most buffers, then the long ones.
				{"pieces of 3", 3, "MUSTER_TEST_MAX_COUNT=3", "^TestWorld$/^[^l]"},
				{"pieces of 1000", 3, "MUSTER_TEST_MAX_COUNT=1000", "^TestWorld$"},
			} {
				t.Run(tt.name, func(t *testing.T) {
					out, err := s.run(t, tt.n, []string{tt.env, mpi.ShimEnv + "=" + s.shim}, "-test.run="+tt.run, "-test.v")
					if err != nil {
						t.Fatalf("%v\n%s", err, brief(out))
					}
					if got := strings.Count(out, "--- PASS: TestWorld "); got != tt.n {
						t.Errorf("%d of %d ranks passed\n%s", got, tt.n, brief(out))
					}
				})
			}
		})
	}
}

// TestBadEnds tells the stories of jobs that cannot go on: each says why, and ends.
func TestBadEnds(t *testing.T) {
	for _, flavour := range flavours {
		t.Run(flavour, func(t *testing.T) {
			s := library(t, flavour)
			for story, want := range map[string]struct {
				code int // of mpirun
				says string
			}{
				"late":    {3, "still waiting for the other processes: context deadline exceeded"},
				"blocked": {3, "1 calls are still blocked in MPI: context canceled"},
				"abort":   {7, ""},
			} {
				t.Run(story, func(t *testing.T) {
					file := filepath.Join(t.TempDir(), "file")
					out, err := s.run(t, 2, []string{mpi.ShimEnv + "=" + s.shim, "MUSTER_TEST_STORY=" + story, "MUSTER_TEST_FILE=" + file})
					exit := new(exec.ExitError)
					// MPICH's may be the code of the rank that it ended, not of the one that failed.
					code := errors.As(err, &exit) && (exit.ExitCode() == want.code || flavour == "mpich" && exit.ExitCode() > 0)
					if !code || !strings.Contains(out, want.says) {
						t.Errorf("%v, want exit code %d and %q\n%s", err, want.code, want.says, out)
					}
				})
			}
			t.Run("describe", func(t *testing.T) {
				out, _ := s.run(t, 1, []string{mpi.ShimEnv + "=" + s.shim, "MUSTER_TEST_STORY=describe"})
				if !strings.Contains(out, "described "+flavour) || strings.Contains(out, "incomplete") {
					t.Errorf("got\n%s", out)
				}
			})
		})
	}
}

// Under the wrong MPI each process would be rank 0 of 1; none may believe it.
func TestWrongLibrary(t *testing.T) {
	for i, flavour := range flavours {
		t.Run(flavour, func(t *testing.T) {
			s, other := library(t, flavour), library(t, flavours[1-i])
			out, err := s.run(t, 2, []string{mpi.ShimEnv + "=" + other.shim}, "-test.run=^TestWorld$")
			if err == nil || !strings.Contains(out, "is not a shim for the launcher's MPI") {
				t.Errorf("%v, want that the shim is wrong\n%s", err, out)
			}
		})
	}
}

// Four ranks that find no shim build one, once, with the mpicc of their launcher.
func TestBuiltOnTheFly(t *testing.T) {
	for _, flavour := range flavours {
		t.Run(flavour, func(t *testing.T) {
			s := library(t, flavour)
			cache := t.TempDir()
			out, err := s.run(t, 4, []string{"XDG_CACHE_HOME=" + cache, mpi.ShimEnv + "="}, "-test.run=^TestWorldInfo$", "-test.v")
			if err != nil {
				t.Fatalf("%v\n%s", err, brief(out))
			}
			found, err := filepath.Glob(filepath.Join(cache, "muster", "mpi-*", "*"+flavour+"*.so"))
			if err != nil || len(found) != 1 {
				t.Errorf("in the cache: %v, %v; want one shim", found, err)
			}
		})
	}
}

// Without any launcher the library makes a world of one.
func TestAlone(t *testing.T) {
	for _, flavour := range flavours {
		t.Run(flavour, func(t *testing.T) {
			s := library(t, flavour)
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestWorld", "-test.v")
			cmd.Env = append(os.Environ(), mpi.ShimEnv+"="+s.shim, "MUSTER_TEST_ALONE=1", "MUSTER_TEST_FLAVOUR="+flavour)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS: TestWorldInfo") {
				t.Errorf("%v\n%s", err, brief(string(out)))
			}
		})
	}
}
