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
	// Restart says what is done when an engine dies: "never" is nothing, and the
	// cluster goes on without it; "engine" starts it again under its id; "world"
	// ends the rest of the set and starts all of it again, as an MPI world has to
	// be: a batch system is given the job again. "" is never: an engine that comes
	// back has lost what users put there, and code that fails for want of it is
	// harder to understand than an engine that is gone.
	Restart string `toml:"restart"`
	// Startup is a file of Go that each engine runs before it takes requests, in
	// the profile's directory unless its path is absolute. It is what an engine
	// that is started again knows.
	Startup string `toml:"startup"`
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

// What is done when an engine dies.
const (
	RestartNever  = "never"
	RestartEngine = "engine"
	RestartWorld  = "world"
)

// Restarts lists what Config.Restart can say.
var Restarts = []string{RestartNever, RestartEngine, RestartWorld}

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
	// So a log and the engine that writes it have the same number. In this
	// spelling Python's engines understand it as well.
	return Local{Command: command, Number: "--IPEngine.id="}, nil
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
	case c.Restart != "" && !slices.Contains(Restarts, c.Restart):
		return fmt.Errorf("launcher: engines.restart is %q: known are %s", c.Restart, strings.Join(Restarts, ", "))
	case c.Restart == RestartEngine && c.Launcher != "" && c.Launcher != "local":
		return fmt.Errorf("launcher: engines.restart is %q, but engines of launcher %q are one job, in which no single one can be started again: want %s or %s", c.Restart, c.Launcher, RestartNever, RestartWorld)
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
