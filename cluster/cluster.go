package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"muster/client"
	"muster/configs"
	"muster/controller/scheduler"
	"muster/launcher"
	"muster/launcher/site"
	"muster/transport"
	"muster/wire"
)

// Config says what cluster to start. The zero value is a controller and one
// engine for each core of this machine, in the default profile.
type Config struct {
	// Profile is where the cluster lives; it is created if missing. Without a
	// directory it is $IPP_PROFILE_DIR, or the default profile. Its
	// ipcluster.toml says what the fields N, Engines and Timeout leave open.
	Profile wire.Profile
	ID      string // cluster id; "" for the profile's only cluster
	N       int    // engines; 0 is what the profile says, or one for each core
	Engines string // their launcher, one of launcher.Names; "" is what the profile says, or local
	// MinEngines is how many engines Start waits for, the others join later; 0 is what
	// the profile says, or all.
	MinEngines int
	Timeout    time.Duration // until all engines are registered, but for the time in a queue; 0 is what the profile says, or a minute
	Job        site.Request  // what to ask of the site that the profile describes; what is empty is what the profile says

	// Engine is the command of one engine; nil is ipengine. A program that
	// calls engine.Main is one as well: []string{os.Args[0], engine.Argument}.
	// Under a batch system the program and the profile's directory must be where
	// compute nodes see them.
	Engine []string
	// ControllerArgs and EngineArgs are added to the command lines.
	ControllerArgs, EngineArgs []string

	// Elastic has sets of N engines come and go with the load; what it leaves open is
	// what the profile says.
	Elastic launcher.ElasticConfig
	// Restart says what is done about an engine that dies, one of
	// launcher.Restarts; "" is what the profile says, or never.
	Restart string
	// Restore has the controller keep its tasks in a database, and starts it
	// again with them when it dies; so does the profile's controller.restore.
	Restore bool

	Progress func(Progress) // told how far the start is, one call at a time; nil is nobody
	Log      *slog.Logger   // nil is silence

	firstWait time.Duration // from a first death to a start; 0 is a second
}

// A Cluster is one that this process has started, and supervises.
type Cluster struct {
	// Client is connected to the controller, and was when all engines were
	// registered. Stop closes it.
	Client *client.Client

	config     Config
	profile    configs.Config
	record     *Record
	controlled launcher.Config // by its launcher the controller is started
	controller launcher.Job    // the latest
	sets       []*engines      // guarded by recording
	named      int             // sets so far; likewise
	changes    changes         // of the sets
	adding     sync.Mutex      // one set at a time looks for ids

	recording sync.Mutex     // guards record
	following sync.WaitGroup // goroutines that record what becomes of queued jobs

	supervising sync.WaitGroup // goroutines that follow what runs; what they start is theirs
	dismiss     func()         // ends them
	requests    transport.Socket
	over        chan struct{} // closed when the controller has ended for good, for overErr
	overErr     error
}

var validID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Start starts a controller and engines and returns when all engines are
// registered. When anything fails it says why, with what the failing program
// printed, and leaves nothing running.
func Start(ctx context.Context, config Config) (*Cluster, error) {
	if config.ID != "" && !validID.MatchString(config.ID) {
		return nil, fmt.Errorf("cluster: id %q: only letters, digits, '.', '_' and '-', as it becomes part of file names", config.ID)
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	profile, controller, err := config.load()
	if err != nil {
		return nil, err
	}
	if err := config.Profile.Create(); err != nil {
		return nil, err
	}
	self, err := launcher.Identify(os.Getpid())
	if err != nil {
		return nil, err
	}
	c := &Cluster{config: config, profile: profile, controlled: controller, over: make(chan struct{}), record: &Record{
		ProfileDir: config.Profile.Dir, ClusterID: config.ID, Host: hostname(), Started: time.Now(), Supervisor: self,
		Controller: launcher.Handle{Mark: launcher.NewMark()}, // on record before the process is there
	}}
	if e := profile.Engines.Elastic; e.On() {
		c.record.Elastic = &Elastic{Min: e.Min, Max: e.Max}
	}
	for i := range profile.Engines.Elastic.Least() {
		c.newSet(profile.Engines, wire.EngineID(i*profile.Engines.Count()))
	}
	for {
		stale, err := c.record.claim()
		if err != nil {
			return nil, err
		}
		if stale == nil {
			break
		}
		config.Log.Warn("clearing what a crashed cluster left", "cluster", stale.Name())
		if err := stale.Stop(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Stop(context.WithoutCancel(ctx)))
	}
	return c, nil
}

// load finds the profile and reads it, and puts on top of it what the fields of
// the Config say. The controller's launcher is apart from it.
func (c *Config) load() (profile configs.Config, controller launcher.Config, err error) {
	if c.Profile.Dir == "" {
		if c.Profile, err = new(configs.Selection).Profile(); err != nil {
			return profile, controller, err
		}
	}
	// Engines elsewhere, and other shells, find it by this name.
	if c.Profile.Dir, err = filepath.Abs(c.Profile.Dir); err != nil {
		return profile, controller, fmt.Errorf("cluster: profile directory: %w", err)
	}
	if err := configs.Load(c.Profile, &profile); err != nil {
		return profile, controller, err
	}
	c.over(&profile)
	job := c.Job
	job.Run = c.Profile.Dir
	if controller, err = profile.PlaceController(job); err != nil {
		return profile, controller, err
	}
	job.Outside = controller.Name() == "local" && !launcher.Allocated()
	if err := profile.Place(job, c.N); err != nil {
		return profile, controller, err
	}
	if err := profile.Engines.Validate(); err != nil {
		return profile, controller, err
	}
	if k := profile.Controller; profile.Engines.Elastic.On() && (k.HWM < 0 || k.Scheme == scheduler.Pure || k.Scheme == scheduler.None) {
		return profile, controller, fmt.Errorf("cluster: engines.elastic goes by the tasks that wait, and with controller.scheme %q and controller.hwm %d none does, as engines take any number: leave these two out", k.Scheme, k.HWM)
	}
	return profile, controller, nil
}

// over puts the fields of the Config over what the profile says of engines.
func (c *Config) over(profile *configs.Config) {
	profile.Engines.N = cmp.Or(c.N, profile.Engines.N)
	profile.Engines.Launcher = cmp.Or(c.Engines, profile.Engines.Launcher)
	profile.Engines.Timeout = cmp.Or(c.Timeout, profile.Engines.Timeout)
	profile.Engines.MinEngines = cmp.Or(c.MinEngines, profile.Engines.MinEngines)
	profile.Engines.Restart = cmp.Or(c.Restart, profile.Engines.Restart)
	profile.Engines.Elastic = c.Elastic.Or(profile.Engines.Elastic)
}

// N is the number of engines that were asked for, of all sets.
func (c *Cluster) N() int {
	c.recording.Lock()
	defer c.recording.Unlock()
	return c.record.N()
}

// Missing is the number of engines that have not registered yet, of a cluster that
// has begun without them.
func (c *Cluster) Missing() (n int) {
	c.recording.Lock()
	defer c.recording.Unlock()
	for _, s := range c.record.Sets {
		n += s.Missing
	}
	return n
}

// Launcher names how the first engines were started.
func (c *Cluster) Launcher() string { return c.profile.Engines.Name() }

// Sets returns the sets of engines of these names that there are, or else all.
func (c *Cluster) Sets(names ...string) (sets []Set) {
	c.recording.Lock()
	defer c.recording.Unlock()
	for _, s := range c.record.Sets {
		if len(names) == 0 || slices.Contains(names, s.Name) {
			sets = append(sets, s)
		}
	}
	return sets
}

// Name names the cluster in messages: its profile, and its id if it has one.
func (c *Cluster) Name() string { return c.record.Name() }

// Profile is the profile that the cluster lives in.
func (c *Cluster) Profile() wire.Profile { return c.config.Profile }

// ClientFile is the path of the connection file for clients.
func (c *Cluster) ClientFile() string { return c.config.Profile.ClientFile(c.config.ID) }

// Wait returns when the controller has ended for good, with the reason if it was
// not told to, or when ctx is done, with nil. An engine that ends is a matter for
// the log, or for what Restart says: the cluster goes on.
func (c *Cluster) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-c.over:
		return c.overErr
	}
}

// Stop ends the engines, then the controller, and removes what they leave. It
// returns when all are gone, also when ctx ends first: then they are killed.
func (c *Cluster) Stop(ctx context.Context) error {
	if c.dismiss != nil {
		c.dismiss()
	}
	if c.requests != nil {
		c.requests.Close()
	}
	c.changes.end()
	c.supervising.Wait()
	for _, s := range c.sets {
		s.dismissed()
	} // nothing is started from here on
	var errs []error
	if c.Client != nil {
		errs = append(errs, c.Client.Close())
	}
	stopped := make([]error, len(c.sets))
	var stops sync.WaitGroup
	for i, s := range c.sets {
		stops.Go(func() { stopped[i] = s.stop(ctx) })
	}
	stops.Wait()
	errs = append(errs, stopped...)
	if c.controller != nil {
		errs = append(errs, c.controller.Stop(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return err // the record stays: something is left to be stopped
	}
	c.following.Wait()
	return c.record.clear()
}

// note changes the record.
func (c *Cluster) note(change func(*Record)) error {
	c.recording.Lock()
	defer c.recording.Unlock()
	change(c.record)
	return c.record.write()
}

// noted changes the record; that it could not be written is for the log.
func (c *Cluster) noted(change func(*Record)) {
	if err := c.note(change); err != nil {
		c.config.Log.Warn("the record is not up to date", "err", err)
	}
}

// renewed puts new processes on record, for ipyparallel too.
func (c *Cluster) renewed(change func(*Record)) {
	c.noted(func(r *Record) {
		change(r)
		if err := r.writePythonFile(); err != nil {
			c.config.Log.Warn("the record for ipyparallel is not up to date", "err", err)
		}
	})
}
