package engine

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"muster/wire"
)

const usage = `ipengine runs one engine: it joins the cluster of a controller, and runs Go for
its clients.

  ipengine                              join the default profile's cluster
  ipengine --profile=mpi                that of another profile
  ipengine --file=ipcontroller-engine.json
                                        that of a connection file copied from elsewhere
  mpirun -n 4 ipengine --mpi            four engines in one MPI world, ids are ranks
  mpirun -n 4 ipengine --mpi --ids=4-7  four more, a world of their own
  ipengine mpi build                    compile the shim for this site's MPI
  ipengine mpi info                     tell which MPI would be used
  ipengine version

The engine ends with status 0 when a client shuts it down, or at SIGTERM. SIGINT
interrupts the code that runs, if any, and ends the engine otherwise. At SIGUSR1 it
drains: it takes nothing more, ends what it runs, runs the checkpoint, and ends.

Flags (also as --flag value; ipyparallel's --IPEngine.trait=value are understood):
`

// flags are what the command line and the environment say.
type flags struct {
	set *pflag.FlagSet

	profile, profileDir, ipythonDir, clusterID, file string
	timeout, wait                                    float64
	mpi, logToFile                                   bool
	id                                               int
	ids                                              idList
	logLevel, workDir, startup, checkpoint           string
}

func newFlags() *flags {
	f := &flags{set: pflag.NewFlagSet("ipengine", pflag.ContinueOnError)}
	s := f.set
	s.SortFlags = false
	s.StringVar(&f.profile, "profile", "default", "name of the profile")
	s.StringVar(&f.profileDir, "profile-dir", os.Getenv("IPP_PROFILE_DIR"), "directory of the profile, instead of its name (IPP_PROFILE_DIR)")
	s.StringVar(&f.ipythonDir, "ipython-dir", "", "where profiles are (IPYTHONDIR, default ~/.ipython)")
	s.StringVar(&f.clusterID, "cluster-id", os.Getenv("IPP_CLUSTER_ID"), "id of the cluster, if the profile has several (IPP_CLUSTER_ID)")
	s.StringVar(&f.file, "file", "", "connection file of the controller for engines, instead of a profile; without any of\nthese, IPP_CONNECTION_INFO may hold the content of one")
	s.StringVar(&f.file, "url-file", "", "")
	s.Float64Var(&f.wait, "wait", 10, "seconds to wait for the connection file to appear")
	s.Float64Var(&f.timeout, "timeout", 5, "seconds to wait for the controller's answer")
	s.BoolVar(&f.mpi, "mpi", false, "initialise MPI; the rank becomes the engine's id")
	s.IntVar(&f.id, "id", -1, "id to ask the controller for, which gives the next free one if it is taken")
	s.Lookup("id").DefValue = "the next"
	s.Var(&f.ids, "ids", "ids to ask for, as in 4-7,9: each engine of the job takes that of its rank")
	s.StringVarP(&f.startup, "startup", "s", "", "file of Go to run before the engine takes requests")
	s.StringVar(&f.checkpoint, "checkpoint", "", "file of Go to run when the job's time is nearly over (SIGUSR1), before the\nengine ends")
	s.StringVar(&f.workDir, "work-dir", "", "directory to run in")
	s.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn, error, or Python's 10 to 40")
	s.BoolVar(&f.logToFile, "log-to-file", false, "log to ipengine-<pid>.log in the profile's log directory")
	s.Bool("debug", false, "")
	s.MarkHidden("url-file")
	s.MarkHidden("debug")
	for _, name := range ignored {
		s.String(name, "", "")
		s.Lookup(name).NoOptDefVal = "true"
		s.MarkHidden(name)
	}
	s.Usage = func() { fmt.Fprint(os.Stdout, usage, s.FlagUsages()) }
	return f
}

// ignored are flags of ipyparallel's engines that mean nothing here.
var ignored = []string{"ident", "user", "keyfile", "location", "config", "clean-logs", "log-url"}

// traits are ipyparallel's long names for what has a flag here.
var traits = map[string]string{
	"url_file": "file", "wait_for_url_file": "wait", "timeout": "timeout", "use_mpi": "mpi",
	"startup_script": "startup", "id": "id", "ids": "ids", "work_dir": "work-dir", "log_level": "log-level", "log_to_file": "log-to-file", "cluster_id": "cluster-id",
	"profile": "profile", "ipython_dir": "ipython-dir", "location": "profile-dir",
}

// idList is the value of --ids.
type idList []wire.EngineID

func (l *idList) Set(text string) (err error) {
	*l, err = wire.ParseIDs(text)
	return err
}

func (l *idList) String() string { return wire.FormatIDs(*l) }
func (l *idList) Type() string   { return "ids" }

// parse reads the arguments, in ipyparallel's spelling too. unknown are traits
// that mean nothing to this engine.
func (f *flags) parse(args []string) (unknown []string, err error) {
	var own []string
	for _, a := range args {
		name, value, assigned := strings.Cut(a, "=")
		class, trait, dotted := strings.Cut(strings.TrimPrefix(name, "--"), ".")
		if !dotted || !assigned || !strings.HasPrefix(name, "--") {
			own = append(own, a)
			continue
		}
		flag, known := traits[trait]
		switch {
		case known && (class == "IPEngine" || class == "IPEngineApp" || class == "EngineFactory") && trait != "location",
			known && class == "BaseParallelApplication", known && class == "BaseIPythonApplication", known && class == "Application",
			class == "ProfileDir" && trait == "location":
			own = append(own, "--"+flag+"="+value)
		default:
			unknown = append(unknown, a)
		}
	}
	if err := f.set.Parse(own); err != nil {
		return nil, err
	}
	if f.set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: ipengine --help lists what is understood", f.set.Arg(0))
	}
	for _, name := range ignored {
		if f.set.Changed(name) {
			unknown = append(unknown, "--"+name)
		}
	}
	if debug, _ := f.set.GetBool("debug"); debug {
		f.logLevel = "debug"
	}
	return unknown, nil
}

// where returns the profile.
func (f *flags) where() (wire.Profile, error) {
	if f.profileDir != "" {
		return wire.Profile{Dir: f.profileDir}, nil
	}
	if f.ipythonDir != "" {
		return wire.Profile{Dir: filepath.Join(f.ipythonDir, "profile_"+cmp.Or(f.profile, "default"))}, nil
	}
	return wire.NamedProfile(f.profile)
}

// config is what the flags say of an engine.
func (f *flags) config() (Config, error) {
	cfg := Config{
		Timeout:     time.Duration(f.timeout * float64(time.Second)),
		FileTimeout: time.Duration(f.wait * float64(time.Second)),
	}
	if f.timeout <= 0 || f.wait <= 0 {
		return cfg, fmt.Errorf("--timeout and --wait are seconds, and positive")
	}
	if f.set.Changed("id") {
		id := wire.EngineID(f.id)
		cfg.ID = &id
	}
	if f.file == "" && !f.set.Changed("profile") && !f.set.Changed("profile-dir") && !f.set.Changed("cluster-id") {
		cfg.ConnectionInfo = os.Getenv("IPP_CONNECTION_INFO")
	}
	cfg.ConnectionFile = f.file
	if f.file == "" && cfg.ConnectionInfo == "" {
		p, err := f.where()
		if err != nil {
			return cfg, err
		}
		cfg.ConnectionFile = p.EngineFile(f.clusterID)
	}
	cfg.Startup, cfg.Checkpoint = f.startup, f.checkpoint
	if f.workDir != "" { // names of files are meant as seen from here
		return cfg, errors.Join(absolute(&cfg.ConnectionFile), absolute(&cfg.Startup), absolute(&cfg.Checkpoint))
	}
	return cfg, nil
}

// absolute makes a path so, if there is one.
func absolute(path *string) (err error) {
	if *path != "" {
		*path, err = filepath.Abs(*path)
	}
	return err
}

// logger logs to standard error or to a file in the profile.
func (f *flags) logger() (*slog.Logger, error) {
	var level slog.Level
	if n, err := strconv.Atoi(f.logLevel); err == nil {
		level = slog.Level((n - 20) / 10 * 4) // Python's 10, 20, 30, 40 are slog's -4, 0, 4, 8
	} else if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level: %q is none of debug, info, warn, error", f.logLevel)
	}
	out := os.Stderr
	if f.logToFile {
		p, err := f.where()
		if err != nil {
			return nil, err
		}
		if err := p.Create(); err != nil {
			return nil, err
		}
		name := filepath.Join(p.LogDir(), fmt.Sprintf("ipengine-%d.log", os.Getpid()))
		if out, err = os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
			return nil, fmt.Errorf("--log-to-file: %w", err)
		}
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level})), nil
}
