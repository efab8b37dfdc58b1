package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"muster/configs"
	"muster/launcher"
	"muster/launcher/site"
	"muster/wire"
)

// Config says what cluster is meant, as [muster/cluster.Config] does.
type Config struct {
	Profile wire.Profile
	N       int          // engines; 0 is what the profile says
	Engines string       // their launcher; "" is what the profile says
	Job     site.Request // what is asked of the site

	// Nodes says whether a job is started to look at nodes.
	Nodes Nodes
	// Patience is how long the job may be queued; 0 is ten minutes.
	Patience time.Duration
	// Node is the command that a node runs; nil is this program with [NodeCommand].
	Node []string

	Progress func(string) // told what is waited for, one call at a time; nil is nobody
	Log      *slog.Logger // nil is silence
}

// Nodes says whether nodes are looked at.
type Nodes int

const (
	IfElsewhere Nodes = iota // if the engines run on other machines
	Always
	Never
)

// An examination is one run of the checks, and what they know of the cluster.
type examination struct {
	Config
	profile configs.Config // all layers, and what the Config says on top; what of it is wrong is for check profile
	invalid error          // what is wrong
	engine  string         // the path of ipengine; "" if check programs has found none that can be used
	tell    func(Finding)
	failed  bool
}

// A check looks at one thing. One that has nothing to say of this cluster
// says nothing.
type check struct {
	name string
	look func(context.Context, *examination) []Finding
}

var checks = []check{
	{"programs", programs}, {"libzmq", libzmq}, {"profile", profile}, {"directory", directory}, {"filesystem", filesystem}, {"space", space},
	{"limits", limits}, {"network", network}, {"scheduler", scheduler}, {"mpi", mpiLibrary}, {"mpirun", mpirun}, {"clusters", clusters},
}

// ErrFailure is that a finding was one.
var ErrFailure = errors.New("doctor: not all is well")

// Examine makes all checks, and tells each finding as it comes. The error is
// [ErrFailure] if one of them is a Failure, or what has kept it from looking. When ctx
// ends, the job on the nodes is cancelled.
func Examine(ctx context.Context, config Config, tell func(Finding)) error {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Progress == nil {
		config.Progress = func(string) {}
	}
	config.Patience = cmp.Or(config.Patience, 10*time.Minute)
	x := &examination{Config: config, tell: tell}
	if len(x.Node) == 0 {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("doctor: %w", err)
		}
		x.Node = []string{self, NodeCommand}
	}
	if err := x.open(); err != nil {
		return err
	}
	undo, err := x.makeDirectory()
	if err != nil {
		x.say("directory", failure("%v", err).because("controller and engines find each other by files in it").remedy("give another directory: --profile-dir, or IPYTHONDIR"))
		return ErrFailure
	}
	defer undo()
	for _, c := range checks {
		x.Progress(c.name)
		x.say(c.name, c.look(ctx, x)...)
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
	}
	if x.Config.Nodes == Always || x.Config.Nodes == IfElsewhere && x.profile.Engines.Elsewhere() {
		x.nodes(ctx)
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if x.failed {
		return ErrFailure
	}
	return nil
}

// say tells the findings of a check.
func (x *examination) say(check string, findings ...Finding) {
	for _, f := range findings {
		f.Check = check
		x.failed = x.failed || f.State == Failure
		x.tell(f)
	}
}

// open finds the profile and reads it.
func (x *examination) open() (err error) {
	if x.Profile.Dir == "" {
		if x.Profile, err = new(configs.Selection).Profile(); err != nil {
			return err
		}
	}
	if x.Profile.Dir, err = filepath.Abs(x.Profile.Dir); err != nil {
		return fmt.Errorf("doctor: profile directory: %w", err)
	}
	x.invalid = x.load()
	return nil
}

// makeDirectory makes the profile's directory if it is not there, as a start would. The
// undoing removes what was made.
func (x *examination) makeDirectory() (undo func(), err error) {
	var made []string
	for dir := x.Profile.Dir; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, dir)
	}
	return func() {
		for _, dir := range made {
			os.Remove(dir) // unless something came to be in it
		}
	}, os.MkdirAll(x.Profile.Dir, 0o700)
}

// load reads the profile and has the site plan the job.
func (x *examination) load() error {
	p := &x.profile
	if err := configs.Load(x.Profile, p); err != nil {
		return err
	}
	p.Engines.N = cmp.Or(x.N, p.Engines.N)
	p.Engines.Launcher = cmp.Or(x.Engines, p.Engines.Launcher)
	job := x.Job
	job.Run, job.Outside = x.Profile.Dir, !launcher.Allocated()
	if err := p.Place(job, x.N); err != nil {
		return err
	}
	return p.Engines.Validate()
}

// engines is how many engines there are going to be, one at least.
func (x *examination) engines() int { return max(1, x.profile.Engines.Count()) }

// launcher names how they are started.
func (x *examination) launcher() string { return cmp.Or(x.profile.Engines.Launcher, "local") }

// ranks reports whether the engines are the ranks of an MPI world.
func (x *examination) ranks() bool {
	e := &x.profile.Engines
	if b := e.Batch(); b != nil {
		return !b.Single
	}
	return e.Launcher == "mpi" || e.Launcher == "srun" && !e.Srun.Single
}

// run runs a command to its end, for a minute at most.
func run(ctx context.Context, env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("no answer within a minute"))
	defer cancel()
	return launcher.OS{}.Output(ctx, launcher.Command{Args: args, Env: env})
}
