package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"muster/configs"
	"muster/launcher"
	"muster/launcher/site"
	"muster/wire"
)

// AddConfig says what engines to add. The zero value is as many, by the same
// launcher and in a job of the same shape, as the cluster was started with.
type AddConfig struct {
	// N is the number of engines. They are as close on nodes as the first are, on as
	// many nodes as they need, unless Job says otherwise. 0 is those that fill the
	// nodes of Job, or the number that the cluster was started with.
	N       int          `json:"n,omitempty"`
	Engines string       `json:"engines,omitempty"` // their launcher, one of launcher.Names; "" is that of the cluster
	Job     site.Request `json:"job,omitzero"`      // what to ask of the site; what is empty is as at the start
}

// AddEngines adds a set of engines, which is one job and one MPI world. It returns
// when they are started or, under a batch system, submitted. They ask for ids above
// those in use. What is wrong with the request leaves the cluster as it was.
func (c *Cluster) AddEngines(ctx context.Context, add AddConfig) (Set, error) {
	ctx, done, err := c.changes.begin(ctx)
	if err != nil {
		return Set{}, fmt.Errorf("cluster: add engines: %w", err)
	}
	defer done()
	s, err := c.add(ctx, add)
	if err != nil {
		return Set{}, fmt.Errorf("cluster: add engines: %w", err)
	}
	s.supervise()
	return s.recorded(), nil
}

// WaitForSet waits until the engines of a set that was added are registered;
// progress, unless it is nil, is told how far they are. Each has the limit of the
// configuration for that, but for the time in a queue. A set of which an engine fails
// meanwhile is an error with what that has printed; what becomes of the rest is as
// with any other death.
func (c *Cluster) WaitForSet(ctx context.Context, name string, progress func(Progress)) error {
	c.recording.Lock()
	i := slices.IndexFunc(c.sets, func(s *engines) bool { return s.name == name })
	if i < 0 {
		defer c.recording.Unlock()
		return fmt.Errorf("cluster: there is no set %q, but %s", name, c.setNames())
	}
	s := c.sets[i]
	c.recording.Unlock()
	err := s.await(ctx, s.arrive, c.over, func() error {
		return cmp.Or(c.overErr, errors.New("cluster: the controller was shut down"))
	}, progress)
	if err != nil && s.recorded().Name == "" {
		return fmt.Errorf("cluster: set %s was removed", name)
	}
	return err
}

// add starts one more set.
func (c *Cluster) add(ctx context.Context, add AddConfig) (*engines, error) {
	config, err := c.place(add)
	if err != nil {
		return nil, err
	}
	if config.Elsewhere() && !c.profile.Engines.Elsewhere() {
		if err := c.isReachable(); err != nil {
			return nil, err
		}
	}
	s, err := c.enlist(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err = s.launcher(); err == nil {
		err = s.note(func(*Set) {}) // the mark is on record before the processes are there
	}
	if err == nil {
		err = s.start(ctx)
	}
	if err != nil {
		err = errors.Join(err, s.stop(context.WithoutCancel(ctx)))
		c.drop(s)
		return nil, err
	}
	c.renewed(func(*Record) {})
	return s, nil
}

// enlist makes a set of which nothing is started, with ids that nobody else asks for.
func (c *Cluster) enlist(ctx context.Context, config launcher.Config) (*engines, error) {
	c.adding.Lock()
	defer c.adding.Unlock()
	first, err := c.nextID(ctx)
	if err != nil {
		return nil, err
	}
	return c.newSet(config, first), nil
}

// place finds how the engines of a further set are started.
func (c *Cluster) place(add AddConfig) (launcher.Config, error) {
	if add.N < 0 {
		return launcher.Config{}, fmt.Errorf("%d engines: want a number above zero", add.N)
	}
	var profile configs.Config
	if err := configs.Load(c.config.Profile, &profile); err != nil {
		return launcher.Config{}, err
	}
	c.config.over(&profile)
	profile.Engines.Launcher = cmp.Or(add.Engines, profile.Engines.Launcher)
	profile.Engines.MinEngines = 0 // which is about the start
	if profile.Engines.Restart == launcher.RestartEngine && add.Engines != "" && add.Engines != "local" {
		profile.Engines.Restart = launcher.RestartWorld // of such a set all come back, or none
	}
	profile.Job = c.config.Job.Or(profile.Job)
	job := add.Job
	job.Account = cmp.Or(job.Account, c.config.Job.Account) // before that of the environment
	job.Run = c.config.Profile.Dir
	if err := profile.PlaceMore(job, add.N); err != nil {
		return launcher.Config{}, err
	}
	return profile.Engines, profile.Engines.Validate()
}

// isReachable reports whether engines of other machines can reach a controller
// that was started for engines of this one.
func (c *Cluster) isReachable() error {
	conn, err := wire.ReadEngineConnection(c.config.Profile.EngineFile(c.config.ID))
	if err != nil {
		return err
	}
	host := strings.TrimPrefix(conn.Interface, "tcp://")
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil && ip.IsLoopback() {
		return fmt.Errorf("the controller listens on %s, where engines of other machines cannot reach it: start the cluster with --ip, or with the launcher of these engines", host)
	}
	return nil
}

// nextID is the first of the ids above all that are in use or asked for.
func (c *Cluster) nextID(ctx context.Context) (wire.EngineID, error) {
	engines, err := registered(ctx, c.ClientFile())
	if err != nil {
		return 0, err
	}
	var next wire.EngineID
	for id := range engines {
		next = max(next, id+1)
	}
	c.recording.Lock()
	defer c.recording.Unlock()
	for _, s := range c.record.Sets {
		for _, id := range s.IDs {
			next = max(next, id+1)
		}
	}
	return next, nil
}
