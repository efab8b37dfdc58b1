package launcher

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Config says how a set of engines is started: section [engines] of a profile.
type Config struct {
	// N is the number of engines; 0 is one for each core of this machine, or what
	// fills the nodes that Slurm is asked for.
	N int `toml:"n"`
	// Launcher is "local" for processes of this machine, "mpi" for the ranks of
	// one mpirun, "slurm" or "sge" for a job of that batch system; "" is "local".
	Launcher string `toml:"launcher"`
	// Timeout bounds the start of a cluster, until all engines are registered,
	// but for the time that a job is queued. 0 is a minute: it is the engines on
	// busy machines that take long.
	Timeout time.Duration `toml:"timeout"`
	// MPI, Slurm and SGE are each read by the launcher of that name.
	MPI   MPIConfig   `toml:"mpi"`
	Slurm SlurmConfig `toml:"slurm"`
	SGE   SGEConfig   `toml:"sge"`
}

// MPIConfig says how mpirun is called: section [engines.mpi] of a profile.
type MPIConfig struct {
	// Command is mpirun and words for it, as in ["mpirun.mpich", "-bind-to",
	// "core"]; empty is mpirun alone.
	Command []string `toml:"command"`
}

// Names lists the launchers that a Config can name.
var Names = []string{"local", "mpi", "slurm", "sge"}

// Batch reports whether the launcher is that of a batch system, whose engines
// run on other machines.
func (c Config) Batch() bool { return c.Launcher == "slurm" || c.Launcher == "sge" }

// Count is N with its default filled in. It is 0 if a batch system is used and
// nothing says how many.
func (c Config) Count() int {
	switch {
	case c.N > 0:
		return c.N
	case c.Launcher == "slurm":
		return c.Slurm.Nodes * c.Slurm.PerNode
	case c.Batch():
		return 0
	}
	return runtime.NumCPU()
}

// Limit is Timeout with its default filled in.
func (c Config) Limit() time.Duration {
	if c.Timeout == 0 {
		return time.Minute
	}
	return c.Timeout
}

// New returns the launcher that the Config names, for the given command. A nil
// log is silence.
func (c Config) New(command Command, log *slog.Logger) (Launcher, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	withMPI := command
	withMPI.Args = append(command.Args[:len(command.Args):len(command.Args)], "--mpi")
	switch c.Launcher {
	case "mpi":
		return MPI{Command: withMPI, Mpirun: c.MPI.Command, Log: log}, nil
	case "slurm":
		if !c.Slurm.Single {
			command = withMPI
		}
		return Slurm{Command: command, Config: c.Slurm, Log: log}, nil
	case "sge":
		if !c.SGE.Single {
			command = withMPI
		}
		return SGE{Command: command, Config: c.SGE, Log: log}, nil
	}
	return Local{Command: command}, nil
}

// Validate refuses what no launcher can do.
func (c Config) Validate() error {
	switch {
	case c.N < 0:
		return fmt.Errorf("launcher: engines.n is %d: it must not be negative", c.N)
	case c.Timeout < 0:
		return fmt.Errorf("launcher: engines.timeout is %v: it must not be negative", c.Timeout)
	case c.Launcher != "" && !slices.Contains(Names, c.Launcher):
		return fmt.Errorf("launcher: engines.launcher is %q: known are %s", c.Launcher, strings.Join(Names, ", "))
	}
	switch c.Launcher {
	case "slurm":
		if err := c.Slurm.validate(); err != nil {
			return err
		}
		if _, err := c.Slurm.nodes(c.Count()); err != nil {
			return err
		}
	case "sge":
		if err := c.SGE.validate("engines.sge"); err != nil {
			return err
		}
	}
	if c.Batch() && c.Count() == 0 {
		return fmt.Errorf("launcher: how many engines is %s to start? Nodes are not counted by the cores of this machine: give -n, or engines.n in the profile", c.Launcher)
	}
	return nil
}
