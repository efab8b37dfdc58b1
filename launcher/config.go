package launcher

import (
	"cmp"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"muster/jobscripts"
)

// Config says how a set of engines is started: section [engines] of a profile.
type Config struct {
	// N is the number of engines; 0 is one for each core of this machine, what
	// fills the nodes that a batch system is asked for, all that ssh has counts for, or
	// the tasks of the Slurm job that this process is in.
	N int `toml:"n"`
	// Launcher is "local" for processes of this machine, "mpi" for the ranks of
	// one mpirun, "ssh" for processes of other machines, "srun" for a step of the
	// Slurm job that this process is in, "slurm", "sge" or one of Submitted for a job
	// of that batch system; "" is "local".
	Launcher string `toml:"launcher"`
	// MinEngines is how many engines a cluster begins with, while the others are on
	// their way; 0 is all.
	MinEngines int `toml:"min_engines"`
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
	// Checkpoint is such a file, too: each engine runs it when the time of its job is
	// nearly over, before it ends. What it keeps, Startup can bring back in the next job.
	Checkpoint string `toml:"checkpoint"`
	// Connection says how engines learn where their controller is: "file" is by the
	// connection file, which they have to see, and "environment" by a variable that
	// holds what is in it. "" is file, and for ssh always environment.
	Connection string `toml:"connection"`
	// Elastic has further sets of engines come and go with the load.
	Elastic ElasticConfig `toml:"elastic"`
	// Each is read by the launcher of that name.
	MPI      MPIConfig    `toml:"mpi"`
	SSH      SSHConfig    `toml:"ssh"`
	Srun     SrunConfig   `toml:"srun"`
	Slurm    SlurmConfig  `toml:"slurm"`
	SGE      SGEConfig    `toml:"sge"`
	PBS      SubmitConfig `toml:"pbs"`
	Torque   SubmitConfig `toml:"torque"`
	LSF      SubmitConfig `toml:"lsf"`
	Flux     SubmitConfig `toml:"flux"`
	PJM      SubmitConfig `toml:"pjm"`
	HTCondor SubmitConfig `toml:"htcondor"`
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
var Names = slices.Concat([]string{"local", "mpi", "ssh", "srun", "slurm", "sge"}, Submitted)

// Connections lists what Config.Connection can say.
var Connections = []string{"file", byEnvironment}

const byEnvironment = "environment"

// ByEnvironment reports whether engines learn from their environment where their
// controller is.
func (c Config) ByEnvironment() bool {
	return c.Connection == byEnvironment || c.Launcher == "ssh"
}

// Batch returns what the profile says of the batch system that the launcher
// submits to; nil if it submits to none.
func (c *Config) Batch() *BatchConfig {
	switch c.Launcher {
	case "slurm":
		return &c.Slurm.BatchConfig
	case "sge":
		return &c.SGE.BatchConfig
	}
	if s := c.Submit(); s != nil {
		return &s.BatchConfig
	}
	return nil
}

// Submit returns what the profile says of the system that the launcher submits
// to, if it is one of [Submitted]; nil if not.
func (c *Config) Submit() *SubmitConfig {
	return map[string]*SubmitConfig{
		"pbs": &c.PBS, "torque": &c.Torque, "lsf": &c.LSF, "flux": &c.Flux, "pjm": &c.PJM, "htcondor": &c.HTCondor,
	}[c.Launcher]
}

// Elsewhere reports whether the engines run on other machines.
func (c Config) Elsewhere() bool {
	return c.Launcher == "ssh" || c.Launcher == "srun" || c.Batch() != nil
}

// Name is Launcher with its default filled in.
func (c Config) Name() string { return cmp.Or(c.Launcher, "local") }

// World reports whether the engines are the ranks of one MPI world.
func (c Config) World() bool {
	switch b := c.Batch(); {
	case b != nil:
		return !b.Single
	case c.Launcher == "srun":
		return !c.Srun.Single
	}
	return c.Launcher == "mpi"
}

// Apart reports whether each engine is a process that its launcher tells from the
// others, and may end alone.
func (c Config) Apart() bool { return c.Name() == "local" || c.Name() == "ssh" }

// Count is N with its default filled in. It is 0 if a batch system is used and
// nothing says how many.
func (c Config) Count() int {
	switch {
	case c.N > 0:
		return c.N
	case c.Launcher == "slurm":
		return c.Slurm.Nodes * c.Slurm.PerNode
	case c.Launcher == "ssh":
		return c.SSH.count()
	case c.Launcher == "srun":
		return slurmTasks()
	case c.Submit() != nil:
		return c.Submit().Nodes * c.Submit().PerNode
	case c.Batch() != nil:
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
	if c.World() {
		command.Args = append(command.Args[:len(command.Args):len(command.Args)], "--mpi")
	}
	switch c.Launcher {
	case "mpi":
		return MPI{Command: command, Mpirun: c.MPI.Command, Log: log}, nil
	case "ssh":
		return SSH{Command: command, Config: c.SSH, Number: engineNumber, Log: log}, nil
	case "srun":
		return Srun{Command: command, Config: c.Srun, Log: log}, nil
	case "slurm":
		return Slurm{Command: command, Config: c.Slurm, Log: log}, nil
	case "sge":
		return SGE{Command: command, Config: c.SGE, Log: log}, nil
	}
	if s := c.Submit(); s != nil {
		return Submitter{System: c.Launcher, Command: command, Config: *s, Log: log}, nil
	}
	return Local{Command: command, Number: engineNumber}, nil
}

// Single returns the launcher of one process that is no engine, such as a
// controller. Under a batch system it is a job of its own; of ssh's hosts it is on the
// first.
func (c Config) Single(command Command, log *slog.Logger) (Launcher, error) {
	c.N, c.MinEngines, c.Restart = 1, 0, ""
	switch b := c.Batch(); {
	case c.Name() == "local":
		return Local{Command: command}, nil
	case c.Launcher == "ssh":
		if c.SSH.Program != "" {
			c.SSH.Program = filepath.Join(filepath.Dir(c.SSH.Program), filepath.Base(command.Args[0]))
		}
		return SSH{Command: command, Config: c.SSH, Log: log}, c.SSH.validate(1)
	case c.Launcher == "srun":
		c.Srun.Single = true
	case b != nil:
		b.Single, b.alone = true, true
	default:
		return nil, fmt.Errorf("launcher: %q starts no single process: known are local, ssh, srun and the batch systems", c.Launcher)
	}
	return c.New(command, log)
}

// engineNumber goes before the number of an engine, so that it and its log have the
// same one. In this spelling Python's engines understand it as well.
const engineNumber = "--IPEngine.id="

// Validate refuses what no launcher can do.
func (c Config) Validate() error {
	if err := c.Elastic.validate(); err != nil {
		return err
	}
	switch {
	case c.N < 0:
		return fmt.Errorf("launcher: engines.n is %d: it must not be negative", c.N)
	case c.Timeout < 0:
		return fmt.Errorf("launcher: engines.timeout is %v: it must not be negative", c.Timeout)
	case c.Launcher != "" && !slices.Contains(Names, c.Launcher):
		return fmt.Errorf("launcher: engines.launcher is %q: known are %s", c.Launcher, strings.Join(Names, ", "))
	case c.Connection != "" && !slices.Contains(Connections, c.Connection):
		return fmt.Errorf("launcher: engines.connection is %q: known are %s", c.Connection, strings.Join(Connections, ", "))
	case c.Connection == "file" && c.Launcher == "ssh":
		return fmt.Errorf("launcher: engines.connection is %q, but hosts that ssh goes to may not see the file: want %s", c.Connection, byEnvironment)
	case c.Restart != "" && !slices.Contains(Restarts, c.Restart):
		return fmt.Errorf("launcher: engines.restart is %q: known are %s", c.Restart, strings.Join(Restarts, ", "))
	case c.Restart == RestartEngine && c.Launcher != "" && c.Launcher != "local":
		return fmt.Errorf("launcher: engines.restart is %q, but engines of launcher %q are one job, in which no single one can be started again: want %s or %s", c.Restart, c.Launcher, RestartNever, RestartWorld)
	}
	if n := c.Count(); c.MinEngines < 0 || n > 0 && c.MinEngines > n {
		return fmt.Errorf("launcher: engines.min_engines is %d: want a number from 1 to %d, or 0 for all", c.MinEngines, n)
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
	case "ssh":
		return c.SSH.validate(c.Count())
	case "srun":
		return c.Srun.validate(c.Count())
	}
	if s := c.Submit(); s != nil {
		if err := s.validate(c.Launcher, c.Count()); err != nil {
			return err
		}
	}
	if b := c.Batch(); b != nil && b.Chain > 0 {
		if err := jobscripts.Chains(scripts(c.Launcher)); err != nil {
			return fmt.Errorf("launcher: %d more jobs after the first: %w: leave job.chain out", b.Chain, err)
		}
	}
	if c.Batch() != nil && c.Count() == 0 {
		return fmt.Errorf("launcher: how many engines is %s to start? Nodes are not counted by the cores of this machine: give -n, or engines.n in the profile", c.Launcher)
	}
	return nil
}
