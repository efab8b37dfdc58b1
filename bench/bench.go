package bench

import (
	"context"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/client"
	"muster/cluster"
	"muster/wire"
	"muster/wire/pickle"
)

// Config says how much to measure. The zero value of a field means its default.
type Config struct {
	Only        []string      // parts to measure, of Parts: all
	Launcher    string        // of the engines, "local" or "mpi": local
	Engines     int           // 4
	Rounds      int           // of each kind, bare and ours in turn; the median counts: 5
	RoundTrips  int           // a round: 1000
	Requests    int           // a round, pipelined: 20000
	Outstanding int           // of these, at any time: 1000
	Array       int           // bytes pushed and pulled: 100e6
	Results     int           // fetched and released, for the memory they leave: 1e6
	Waiting     int           // tasks that wait at once, for the memory they take: 1e5
	Simulated   int           // engines called at once: 256
	Receivers   int           // engines that one array is pushed to: 8
	StartUp     int           // engines started at once: 16
	IdleFor     time.Duration // how long these are watched doing nothing: 10 s
	// ControllerArgs are added to the controller's command line.
	ControllerArgs []string
	// Progress is told what is being measured; nil is silence.
	Progress func(what string)
}

// defaults completes the configuration, or tells what is wrong with it.
func (c *Config) defaults() error {
	for _, d := range []struct {
		v   *int
		def int
	}{
		{&c.Engines, 4}, {&c.Rounds, 5}, {&c.RoundTrips, 1000}, {&c.Requests, 20000}, {&c.Outstanding, 1000}, {&c.Array, 100e6},
		{&c.Results, 1e6}, {&c.Waiting, 1e5}, {&c.Simulated, 256}, {&c.Receivers, 8}, {&c.StartUp, 16},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if c.IdleFor <= 0 {
		c.IdleFor = 10 * time.Second
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	for _, name := range c.Only {
		if !slices.Contains(Parts(), name) {
			return fmt.Errorf("bench: no part is called %q: they are %s", name, strings.Join(Parts(), ", "))
		}
	}
	return nil
}

func (c *Config) wants(part string) bool { return len(c.Only) == 0 || slices.Contains(c.Only, part) }

// A stage is one cluster, with a bare one beside it, and what is measured there.
type stage struct {
	engines  func(*Config) int
	together bool // simulated engines, in one process
	parts    []part
}

type part struct {
	name    string
	measure func(measurement) error
}

// Parts that need no stage.
const (
	startPart = "start"
	queuePart = "queue"
)

var stages = []stage{
	{func(c *Config) int { return c.Engines }, false, []part{
		{"round-trip", measurement.roundTrips},
		{"throughput", measurement.throughput},
		{"sqlite", measurement.durable},
		{"results", measurement.results},
		{"waiting", measurement.waiting},
		{"transfer", measurement.transfer},
	}},
	{func(c *Config) int { return c.Simulated }, true, []part{{"fan-out", measurement.fanOut}}},
	{func(c *Config) int { return c.Receivers }, false, []part{{"push", measurement.push}}},
}

// Parts are the names of what can be measured alone.
func Parts() []string {
	names := []string{startPart, queuePart}
	for _, s := range stages {
		for _, p := range s.parts {
			names = append(names, p.name)
		}
	}
	return names
}

// Run measures clusters of this machine in a profile of its own, and leaves
// nothing behind.
func Run(ctx context.Context, config Config) (*Report, error) {
	if err := config.defaults(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "muster-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(dir)
	r := &Report{CPUs: runtime.NumCPU(), GoVersion: runtime.Version(), Load: loadAverage()}
	profile := wire.Profile{Dir: dir}
	if config.wants(startPart) {
		if err := start(ctx, config, profile, r); err != nil {
			return nil, err
		}
	}
	if config.wants(queuePart) {
		if err := queue(ctx, config, r); err != nil {
			return nil, err
		}
	}
	for _, s := range stages {
		if err := s.run(ctx, config, profile, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (s stage) run(ctx context.Context, config Config, profile wire.Profile, r *Report) error {
	parts := slices.DeleteFunc(slices.Clone(s.parts), func(p part) bool { return !config.wants(p.name) })
	if len(parts) == 0 {
		return nil
	}
	n := s.engines(&config)
	config.Progress(fmt.Sprintf("starting %d engines and as many bare workers", n))
	b, err := startBare(ctx, n, s.together)
	if err != nil {
		return err
	}
	defer b.stop()
	m := measurement{ctx: ctx, config: config, profile: profile, bare: b, report: r}
	cc := cluster.Config{Profile: profile, Engines: config.Launcher, N: n, ControllerArgs: config.ControllerArgs}
	if s.together {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		cc.Engine, cc.Engines, cc.N = []string{self, PeerCommand, "engines", strconv.Itoa(n)}, "local", 1
	}
	stop, err := m.start(cc, n)
	if err != nil {
		return err
	}
	defer stop(context.WithoutCancel(ctx))
	for _, p := range parts {
		if err := p.measure(m); err != nil {
			return err
		}
	}
	return stop(ctx)
}

type measurement struct {
	ctx        context.Context
	config     Config
	profile    wire.Profile
	client     *client.Client
	controller int   // its pid
	engines    []int // theirs
	bare       *bareCluster
	report     *Report
}

// start starts the cluster that is measured, and returns what stops it.
func (m *measurement) start(cc cluster.Config, n int) (stop func(context.Context) error, err error) {
	c, err := cluster.Start(m.ctx, cc)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.Stop(context.WithoutCancel(m.ctx))
		}
	}()
	m.client = c.Client
	if err := c.Client.WaitForEngines(m.ctx, n); err != nil {
		return nil, err
	}
	all := c.Client.Direct(client.All)
	if _, err := all.Execute(m.ctx, "func nothing() {}\nfunc same(x int) int { return x }"); err != nil {
		return nil, err
	}
	record, err := cluster.Find(cc.Profile, "")
	if err != nil {
		return nil, err
	}
	m.controller = record.Controller.Processes[0].PID
	if len(cc.Engine) == 0 { // simulated ones have no pid of their own
		if m.engines, err = client.Call[int](m.ctx, all, client.Ref("os.Getpid")); err != nil {
			return nil, err
		}
	}
	return c.Stop, nil
}

// rounds yields once for each round that counts, with true, after some that do
// not, because the system is still finding memory for them.
func (m measurement) rounds(warm int) iter.Seq[bool] {
	return func(yield func(counted bool) bool) {
		for i := range warm + m.config.Rounds {
			if !yield(i >= warm) {
				return
			}
		}
	}
}

// each returns a view of every engine alone.
func (m measurement) each() (views []*client.DirectView) {
	for _, id := range m.client.IDs() {
		views = append(views, m.client.Direct(client.Engines(id)))
	}
	return views
}

// What engines are asked to call.
const (
	nothing = client.Ref("nothing")
	same    = client.Ref("same")
)

// frames of an empty apply, as the client sends them.
func frames(buffers ...[]byte) ([][]byte, error) {
	call, err := new(pickle.Codec).SerializeCall(pickle.Reference{Name: string(nothing)}, nil, nil)
	if err != nil {
		return nil, err
	}
	_, f, err := wire.NewSession(wire.NewKey(), "").Frames(wire.ApplyRequest, nil, nil, nil, append(call, buffers...)...)
	return f, err
}
