package launcher

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"
)

// Config says how a set of engines is started: section [engines] of a profile.
type Config struct {
	// N is the number of engines; 0 is one for each core of this machine.
	N int `toml:"n"`
	// Launcher is "local" for processes of this machine or "mpi" for the ranks
	// of one mpirun; "" is "local".
	Launcher string `toml:"launcher"`
	// Timeout bounds the start of a cluster, until all engines are registered.
	// 0 is a minute: it is the engines on busy machines that take long.
	Timeout time.Duration `toml:"timeout"`
	// MPI is read by the mpi launcher.
	MPI MPIConfig `toml:"mpi"`
}

// MPIConfig says how mpirun is called: section [engines.mpi] of a profile.
type MPIConfig struct {
	// Command is mpirun and words for it, as in ["mpirun.mpich", "-bind-to",
	// "core"]; empty is mpirun alone.
	Command []string `toml:"command"`
}

// Names lists the launchers that a Config can name.
var Names = []string{"local", "mpi"}

// Count is N with its default filled in.
func (c Config) Count() int {
	if c.N == 0 {
		return runtime.NumCPU()
	}
	return c.N
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
	if c.Launcher == "mpi" {
		command.Args = append(command.Args[:len(command.Args):len(command.Args)], "--mpi")
		return MPI{Command: command, Mpirun: c.MPI.Command, Log: log}, nil
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
	case c.Launcher != "" && c.Launcher != "local" && c.Launcher != "mpi":
		return fmt.Errorf("launcher: engines.launcher is %q: known are %s", c.Launcher, strings.Join(Names, ", "))
	}
	return nil
}
