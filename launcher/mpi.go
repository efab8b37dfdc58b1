package launcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MPI starts copies as the ranks of one mpirun. They share one log, in which
// each line is tagged with its rank where mpirun can do that.
type MPI struct {
	Command Command
	Mpirun  []string      // the command and words for it; nil is mpirun
	Runner  Runner        // nil is OS
	Grace   time.Duration // between SIGTERM and SIGKILL; 0 is DefaultGrace
	Log     *slog.Logger  // nil is silence
}

// Start implements [Launcher].
func (m MPI) Start(ctx context.Context, n int) (Job, error) {
	if m.Runner == nil {
		m.Runner = OS{}
	}
	if m.Log == nil {
		m.Log = slog.New(slog.DiscardHandler)
	}
	mpirun := m.Mpirun
	if len(mpirun) == 0 {
		mpirun = []string{"mpirun"}
	}
	d, err := askDialect(ctx, m.Runner, mpirun[0])
	if err != nil {
		return nil, err
	}
	host := host{cores: runtime.NumCPU(), allocated: Allocated(), root: os.Geteuid() == 0}
	words, env := d.words(n, host)
	if d == openMPI { // the others take everything along to other hosts
		for _, name := range m.Command.sends() {
			words = append(words, "-x", name)
		}
	}
	if d == openMPI && host.root {
		m.Log.Info("running mpirun as root, which Open MPI must be told to allow", "env", strings.Join(rootEnv, " "))
	}
	c := m.Command
	c.Args = slices.Concat(mpirun, []string{"-n", strconv.Itoa(n)}, words, m.Command.Args)
	c.Env = slices.Concat(m.Command.Env, env)
	c.Log = logFor(m.Command.Log, "mpi")
	m.Log.Info("starting", "command", strings.Join(c.Args, " "))
	return startProcesses(ctx, m.Runner, m.Grace, []Command{c}, mpiruns)
}

// A dialect is the way one family of mpirun wants to be spoken to.
type dialect string

const (
	openMPI dialect = "Open MPI"
	hydra   dialect = "MPICH (Hydra)" // also MVAPICH and Intel MPI
	other   dialect = "other"         // only what the MPI standard says of mpiexec
)

// host is what a dialect needs to know of this machine.
type host struct {
	cores     int
	allocated bool // a batch system says where ranks may run
	root      bool
}

// words returns what goes between "-n n" and the program, and what is added to
// the environment.
func (d dialect) words(n int, h host) (words, env []string) {
	switch d {
	case openMPI:
		words = []string{"--tag-output"}
		if !h.allocated {
			// Slots are cores unless somebody says otherwise, and mpirun refuses
			// more ranks than slots. Engines wait most of the time; let them share.
			words = append(words, "--oversubscribe")
			if n > h.cores {
				words = append(words, "--bind-to", "none")
			}
		}
		env = []string{quickEnd}
		if h.root {
			env = append(env, rootEnv...)
		}
	case hydra:
		words = []string{"-prepend-rank"}
	}
	return words, env
}

// quickEnd has Open MPI kill the other ranks as soon as one has died, and not two
// seconds after it has told them to end: then it says at once which one that was,
// and why, while those who wait for its answers can still be told. A job that is
// stopped is asked to end by its Handle first.
const quickEnd = "OMPI_MCA_odls_base_sigkill_timeout=0"

// rootEnv is what Open MPI must be told before it runs as root, as in
// containers.
var rootEnv = []string{"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"}

// askDialect finds out which mpirun this is from what it says of its version.
func askDialect(ctx context.Context, r Runner, mpirun string) (dialect, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := r.Output(ctx, Command{Args: []string{mpirun, "--version"}})
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("launcher: %s is not there: install Open MPI or MPICH (Debian: openmpi-bin), load the MPI module of this site, name the command in the profile (engines.mpi.command), or start the engines without MPI (--engines local): %w", mpirun, err)
	}
	if err != nil && ctx.Err() != nil {
		return "", fmt.Errorf("launcher: ask %s for its version: %w", filepath.Base(mpirun), err)
	}
	// Some print their version and exit badly all the same: what they say counts.
	switch {
	case strings.Contains(out, "Open MPI"), strings.Contains(out, "OpenRTE"), strings.Contains(out, "PRRTE"):
		return openMPI, nil
	case strings.Contains(out, "HYDRA"), strings.Contains(out, "Intel(R) MPI"):
		return hydra, nil
	}
	return other, nil
}

// Allocated reports whether this process is in a job of a batch system, which tells
// mpirun which nodes and slots to use.
func Allocated() bool {
	for _, name := range []string{"SLURM_JOB_ID", "PBS_NODEFILE", "PE_HOSTFILE", "LSB_DJOB_HOSTFILE", "FLUX_JOB_ID"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}
