package mpi_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"muster/mpi"
)

// compiler writes an mpicc that makes shims of the flavour: a file with the
// marker, and one more line in the log for each time it ran.
func compiler(t *testing.T, dir, name, flavour string) (path, log string) {
	t.Helper()
	path, log = filepath.Join(dir, name), filepath.Join(dir, name+".log")
	script := fmt.Sprintf("#!/bin/sh\necho $@ >> %s\nwhile [ \"$1\" != -o ]; do shift; done\n"+
		"echo 'muster-mpi-shim abi=%d flavour=%s;' > $2\n", log, mpi.ABI, flavour)
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path, log
}

// The search, by what is there: where it looks, in which order, and what it
// says of each place. Shims are named by what follows libmuster-mpi-.
func TestCandidates(t *testing.T) {
	marker := fmt.Sprintf("muster-mpi-shim abi=%d flavour=", mpi.ABI)
	openMPI, either := []string{"openmpi"}, []string{"openmpi", "mpich", "other"}
	for _, tt := range []struct {
		name          string
		flavours      []string
		beside, cache []string          // shims that are there
		mpicc         map[string]string // commands on PATH, and their flavours
		want          []string          // the file names of candidates; * is what tells compilers apart
		says          string            // part of the error, if no candidate will do
	}{
		{name: "nothing", flavours: openMPI, says: "mpicc.openmpi and mpicc: not on PATH"},
		{name: "beside the program", flavours: openMPI, beside: []string{"openmpi", "mpich"}, want: []string{"openmpi.so"}},
		{name: "beside the program, any", flavours: either, beside: []string{"mpich", "openmpi"}, want: []string{"openmpi.so", "mpich.so"}},
		{name: "wrong one beside the program", flavours: openMPI, beside: []string{"mpich"}, says: "libmuster-mpi-openmpi.so: no such file"},
		{name: "in the cache", flavours: openMPI, cache: []string{"openmpi-1", "mpich-2"}, want: []string{"openmpi-1.so"}},
		{name: "built", flavours: openMPI, mpicc: map[string]string{"mpicc": "openmpi"}, want: []string{"openmpi-*.so"}},
		{name: "built with Debian's name", flavours: openMPI, mpicc: map[string]string{"mpicc": "mpich", "mpicc.openmpi": "openmpi"}, want: []string{"openmpi-*.so"}},
		{name: "mpicc of another", flavours: openMPI, mpicc: map[string]string{"mpicc": "mpich"}, says: "mpicc is that of mpich"},
		{name: "mpicc of a third", flavours: either, mpicc: map[string]string{"mpicc": "other"}, want: []string{"other-*.so"}},
		{name: "built before any in the cache", flavours: openMPI, cache: []string{"openmpi-1"}, mpicc: map[string]string{"mpicc": "openmpi"},
			want: []string{"openmpi-*.so", "openmpi-1.so"}},
		{name: "mpicc fails", flavours: openMPI, cache: []string{"openmpi-1"}, mpicc: map[string]string{"mpicc": ""},
			want: []string{"openmpi-1.so"}, says: "is not an MPI shim"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			beside, cache, bin := t.TempDir(), t.TempDir(), t.TempDir()
			for dir, names := range map[string][]string{beside: tt.beside, cache: tt.cache} {
				for _, name := range names {
					flavour, _, _ := strings.Cut(name, "-")
					if err := os.WriteFile(filepath.Join(dir, "libmuster-mpi-"+name+".so"), []byte(marker+flavour+";"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			for name, flavour := range tt.mpicc {
				compiler(t, bin, name, flavour)
			}
			lookPath := func(name string) (string, error) {
				if _, ok := tt.mpicc[name]; !ok {
					return "", exec.ErrNotFound
				}
				return filepath.Join(bin, name), nil
			}
			got, failure := mpi.Candidates(t, tt.flavours, beside, cache, lookPath)
			matches := func(path, pattern string) bool {
				ok, err := filepath.Match("libmuster-mpi-"+pattern, filepath.Base(path))
				return ok && err == nil
			}
			if !slices.EqualFunc(got, tt.want, matches) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if !strings.Contains(failure.Error(), tt.says) {
				t.Errorf("the error does not say %q: %v", tt.says, failure)
			}
		})
	}
}

// However many processes come at once, the shim is compiled once.
func TestBuiltOnce(t *testing.T) {
	dir := t.TempDir()
	mpicc, log := compiler(t, dir, "mpicc", "mpich")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := mpi.BuildCached(t.Context(), mpicc, dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if text, err := os.ReadFile(log); err != nil || bytes.Count(text, []byte("\n")) != 1 {
		t.Errorf("the compiler ran other than once: %v\n%s", err, text)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestBuildErrors(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho shim.c:1: fatal: no mpi.h\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	fine, _ := compiler(t, dir, "fine", "mpich")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name    string
		ctx     context.Context
		cc, dst string
		want    string
	}{
		{"no compiler", t.Context(), filepath.Join(dir, "none"), filepath.Join(dir, "x.so"), "install the MPI library's development files"},
		{"compiler fails", t.Context(), broken, filepath.Join(dir, "x.so"), "exit status 1\nshim.c:1: fatal: no mpi.h"},
		{"no directory", t.Context(), fine, filepath.Join(dir, "none", "x.so"), "no such file or directory"},
		{"destination is a directory", t.Context(), fine, dir, "file exists"},
		{"canceled", canceled, fine, filepath.Join(dir, "x.so"), "context canceled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mpi.Build(tt.ctx, tt.cc, tt.dst)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that says %q", err, tt.want)
			}
			left, err := filepath.Glob(filepath.Join(dir, ".lib*"))
			if err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestLaunched(t *testing.T) {
	env := func(pairs ...string) map[string]string {
		m := make(map[string]string)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	openMPI := env("OMPI_COMM_WORLD_RANK", "3", "OMPI_COMM_WORLD_SIZE", "4", "PMIX_RANK", "3")
	hydra := env("PMI_RANK", "1", "PMI_SIZE", "2", "MPI_LOCALNRANKS", "2")
	batch := env("SLURM_PROCID", "0", "SLURM_NTASKS", "8") // the script of a Slurm job, not a step of it
	with := func(a, b map[string]string) map[string]string {
		c := maps.Clone(a)
		maps.Copy(c, b)
		return c
	}
	for _, tt := range []struct {
		name              string
		env               map[string]string
		told              string
		rank, size, local int
		first             string
	}{
		{"nothing", nil, "", 0, 0, 0, "openmpi"},
		{"batch script", batch, "", 0, 0, 0, "openmpi"},
		{"Open MPI", openMPI, "OMPI_COMM_WORLD_RANK", 3, 4, 0, "openmpi"},
		{"Open MPI in Slurm", with(batch, openMPI), "OMPI_COMM_WORLD_RANK", 3, 4, 0, "openmpi"},
		{"Hydra", hydra, "PMI_RANK", 1, 2, 2, "mpich"},
		{"srun --mpi=pmi2", with(batch, env("PMI_RANK", "5", "PMI_SIZE", "8")), "PMI_RANK", 5, 8, 0, "mpich"},
		{"srun --mpi=pmix", with(batch, env("PMIX_RANK", "5", "SLURM_STEP_NUM_TASKS", "8")), "PMIX_RANK", 5, 8, 0, "openmpi"},
		{"srun without a PMI", with(batch, env("SLURM_PROCID", "5", "SLURM_STEP_NUM_TASKS", "8")), "SLURM_PROCID", 5, 8, 0, "openmpi"},
		{"prun", env("PMIX_RANK", "2"), "PMIX_RANK", 2, 0, 0, "openmpi"},
		{"nonsense", env("PMI_RANK", "one", "PMI_SIZE", "two"), "", 0, 0, 0, "openmpi"},
		{"nonsensical size", env("PMI_RANK", "1", "PMI_SIZE", "-2"), "PMI_RANK", 1, 0, 0, "mpich"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			job, ok := mpi.LaunchedIn(func(name string) (string, bool) { v, ok := tt.env[name]; return v, ok })
			if ok != (tt.told != "") || job.Told != tt.told || job.Rank != tt.rank || job.Size != tt.size || job.Local != tt.local || job.Flavours[0] != tt.first {
				t.Errorf("got %+v, %v", job, ok)
			}
		})
	}
}

func FuzzInspectMarker(f *testing.F) {
	f.Add([]byte("\x7fELF..muster-mpi-shim abi=1 flavour=openmpi;.."))
	f.Add([]byte("muster-mpi-shim abi=999999999 flavour=mpich;"))
	f.Add([]byte("muster-mpi-shim abi= flavour=;"))
	f.Fuzz(func(t *testing.T, text []byte) {
		flavour, err := mpi.InspectMarker(text)
		if err != nil {
			return
		}
		if want := fmt.Sprintf("muster-mpi-shim abi=%d flavour=%s;", mpi.ABI, flavour); !bytes.Contains(text, []byte(want)) {
			t.Errorf("%q has no %q", text, want)
		}
	})
}

// What is named and cannot be opened is an error that says what it is, and
// nothing else is tried.
func TestNamedShim(t *testing.T) {
	dir := t.TempDir()
	text, none := filepath.Join(dir, "text.so"), filepath.Join(dir, "none.so")
	old, hollow := filepath.Join(dir, "old.so"), filepath.Join(dir, "hollow.so")
	for path, content := range map[string]string{
		text: "text", old: "muster-mpi-shim abi=0 flavour=mpich;", hollow: fmt.Sprintf("muster-mpi-shim abi=%d flavour=mpich;", mpi.ABI),
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		text: "is not an MPI shim", none: "no such file", old: "has ABI 0", hollow: "file too short",
	} {
		t.Setenv(mpi.ShimEnv, path)
		_, err := mpi.Describe(t.Context())
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

// The flavour that is asked for comes first, if the launcher can serve it.
func TestPreferred(t *testing.T) {
	either := []string{"openmpi", "mpich", "other"}
	for _, tt := range []struct {
		flavours    []string
		first, want string
	}{
		{either, "mpich", "mpich openmpi other"}, {either, "", "openmpi mpich other"}, {either[:1], "mpich", "openmpi"},
	} {
		if got := strings.Join(mpi.Preferred(tt.flavours, tt.first), " "); got != tt.want {
			t.Errorf("of %q with %q first: %s, want %s", tt.flavours, tt.first, got, tt.want)
		}
	}
	if either[0] != "openmpi" {
		t.Errorf("the list itself was changed: %q", either)
	}
}
