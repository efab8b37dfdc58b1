package bench

import (
	"context"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"muster/client"
	"muster/cluster"
	"muster/transport/zmq/bare"
	"muster/wire"
	"muster/wire/pickle"
)

// Config says how much to measure. The zero value of a field means its default.
type Config struct {
	Launcher    string        // of the engines, "local" or "mpi": local
	Engines     int           // 4
	Rounds      int           // of each kind, bare and ours in turn; the median counts: 5
	RoundTrips  int           // a round: 1000
	Requests    int           // a round, pipelined: 20000
	Outstanding int           // of these, at any time: 1000
	Array       int           // bytes pushed and pulled: 100e6
	StartUp     int           // engines started at once: 16
	IdleFor     time.Duration // how long these are watched doing nothing: 10 s
	// ControllerArgs are added to the controller's command line.
	ControllerArgs []string
	// Progress is told what is being measured; nil is silence.
	Progress func(what string)
}

func (c *Config) defaults() {
	for _, d := range []struct {
		v   *int
		def int
	}{{&c.Engines, 4}, {&c.Rounds, 5}, {&c.RoundTrips, 1000}, {&c.Requests, 20000}, {&c.Outstanding, 1000}, {&c.Array, 100e6}, {&c.StartUp, 16}} {
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
}

// Run measures clusters of this machine in a profile of its own, and leaves
// nothing behind.
func Run(ctx context.Context, config Config) (*Report, error) {
	config.defaults()
	dir, err := os.MkdirTemp("", "muster-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(dir)
	r := &Report{CPUs: runtime.NumCPU(), GoVersion: runtime.Version(), Engines: config.Engines}
	profile := wire.Profile{Dir: dir}
	if err := idle(ctx, config, profile, r); err != nil {
		return nil, err
	}
	if err := busy(ctx, config, profile, r); err != nil {
		return nil, err
	}
	return r, nil
}

// idle measures engines that start and then have nothing to do.
func idle(ctx context.Context, config Config, profile wire.Profile, r *Report) error {
	config.Progress(fmt.Sprintf("starting %d engines", config.StartUp))
	started := time.Now()
	c, err := cluster.Start(ctx, cluster.Config{Profile: profile, Engines: config.Launcher, N: config.StartUp, ControllerArgs: config.ControllerArgs})
	if err != nil {
		return err
	}
	defer c.Stop(context.WithoutCancel(ctx))
	r.Start = Start{Engines: config.StartUp, Seconds: time.Since(started).Seconds()}

	if r.Memory.Fresh, err = controllerMB(profile); err != nil {
		return err
	}
	pids, err := client.Call[int](ctx, c.Client.Direct(client.All), client.Ref("os.Getpid"))
	if err != nil {
		return err
	}
	if r.Memory.Engine, err = residentMB(pids[0]); err != nil {
		return err
	}
	config.Progress(fmt.Sprintf("watching %d idle engines for %v", config.StartUp, config.IdleFor))
	before, err := cpuSeconds(pids)
	if err != nil {
		return err
	}
	select {
	case <-time.After(config.IdleFor):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	after, err := cpuSeconds(pids)
	if err != nil {
		return err
	}
	seconds := config.IdleFor.Seconds()
	r.Idle = Idle{Engines: config.StartUp, Seconds: seconds, Percent: 100 * (after - before) / seconds}
	return c.Stop(ctx)
}

// controllerMB is the resident memory of the running controller.
func controllerMB(profile wire.Profile) (float64, error) {
	record, err := cluster.Find(profile, "")
	if err != nil {
		return 0, err
	}
	return residentMB(record.Controller.Processes[0].PID)
}

// busy measures requests and data, in turn with the bare router.
func busy(ctx context.Context, config Config, profile wire.Profile, r *Report) error {
	config.Progress(fmt.Sprintf("starting %d engines and as many bare workers", config.Engines))
	c, err := cluster.Start(ctx, cluster.Config{Profile: profile, Engines: config.Launcher, N: config.Engines, ControllerArgs: config.ControllerArgs})
	if err != nil {
		return err
	}
	defer c.Stop(context.WithoutCancel(ctx))
	b, err := startBare(ctx, config.Engines)
	if err != nil {
		return err
	}
	defer b.stop()
	if _, err := c.Client.Direct(client.All).Execute(ctx, "func nothing() {}"); err != nil {
		return err
	}
	m := measurement{ctx, config, c.Client, b, r}
	for _, f := range []func() error{m.roundTrips, m.throughput, m.transfer} {
		if err := f(); err != nil {
			return err
		}
	}
	r.Memory.Controller, err = controllerMB(profile)
	return err
}

type measurement struct {
	ctx    context.Context
	config Config
	client *client.Client
	bare   *bareCluster
	report *Report
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

const nothing = client.Ref("nothing")

// frames of an empty apply, as the client sends them.
func frames(buffers ...[]byte) ([][]byte, error) {
	call, err := new(pickle.Codec).SerializeCall(pickle.Reference{Name: string(nothing)}, nil, nil)
	if err != nil {
		return nil, err
	}
	_, f, err := wire.NewSession(wire.NewKey(), "").Frames(wire.ApplyRequest, nil, nil, nil, append(call, buffers...)...)
	return f, err
}

func (m measurement) roundTrips() error {
	m.config.Progress("round trips")
	request, err := frames()
	if err != nil {
		return err
	}
	one := m.client.Direct(client.Engines(m.client.IDs()[0]))
	var all [3][]time.Duration
	for counted := range m.rounds(1) {
		for i, round := range []func(n int) ([]time.Duration, error){
			func(n int) ([]time.Duration, error) { return m.bare.roundTrips(n, request) },
			func(n int) ([]time.Duration, error) {
				return times(n, func() error { _, err := one.Execute(m.ctx, ""); return err })
			},
			func(n int) ([]time.Duration, error) {
				return times(n, func() error { _, err := one.Apply(m.ctx, nothing); return err })
			},
		} {
			d, err := round(m.config.RoundTrips)
			if err != nil {
				return err
			}
			if counted {
				all[i] = append(all[i], d...)
			}
		}
	}
	rt := &m.report.RoundTrip
	rt.Bare, rt.Execute, rt.Apply = latency(all[0]), latency(all[1]), latency(all[2])
	rt.ExecuteP50, rt.ApplyP50 = rt.Execute.P50/rt.Bare.P50, rt.Apply.P50/rt.Bare.P50
	return nil
}

func (m measurement) throughput() error {
	m.config.Progress("requests a second")
	request, err := frames()
	if err != nil {
		return err
	}
	var views []*client.DirectView
	for _, id := range m.client.IDs() {
		views = append(views, m.client.Direct(client.Engines(id)))
	}
	balanced := m.client.LoadBalanced()
	n, window := m.config.Requests, m.config.Outstanding
	var rates [3][]float64
	for counted := range m.rounds(1) {
		for i, round := range []func() error{
			func() error { return m.bare.client.Pipeline(m.bare.workers, request, n, window) },
			func() error {
				return m.pipeline(func(i int) *client.AsyncResult { return views[i%len(views)].ApplyAsync(nothing) })
			},
			func() error {
				return m.pipeline(func(int) *client.AsyncResult { return balanced.ApplyAsync(nothing) })
			},
		} {
			start := time.Now()
			if err := round(); err != nil {
				return err
			}
			if counted {
				rates[i] = append(rates[i], float64(n)/time.Since(start).Seconds())
			}
		}
	}
	bare, direct, task := median(rates[0]), median(rates[1]), median(rates[2])
	m.report.Throughput = Throughput{Requests: n, Outstanding: window, Bare: bare, Direct: direct, Task: task,
		DirectRatio: direct / bare, TaskRatio: task / bare}
	return nil
}

// pipeline sends requests with a window of them outstanding, and gets each
// result.
func (m measurement) pipeline(send func(i int) *client.AsyncResult) error {
	window := make([]*client.AsyncResult, m.config.Outstanding)
	for i := range m.config.Requests + len(window) {
		at := &window[i%len(window)]
		if *at != nil {
			if _, err := (*at).Get(m.ctx); err != nil {
				return err
			}
			*at = nil
		}
		if i < m.config.Requests {
			*at = send(i)
		}
	}
	return nil
}

func (m measurement) transfer() error {
	m.config.Progress("megabytes a second")
	array := make([]float64, m.config.Array/8)
	for i := range array {
		array[i] = float64(i)
	}
	push, err := frames(make([]byte, m.config.Array))
	if err != nil {
		return err
	}
	pull := [][]byte{[]byte(bare.Give), []byte(strconv.Itoa(m.config.Array))}
	one := m.client.Direct(client.Engines(m.client.IDs()[0]))
	var back [][]float64
	var rates [4][]float64
	for counted := range m.rounds(4) {
		for i, round := range []func() error{
			func() error { _, err := m.bare.client.RoundTrip(m.bare.workers[0], push); return err },
			func() error { _, err := m.bare.client.RoundTrip(m.bare.workers[0], pull); return err },
			func() error { return one.Push(m.ctx, map[string]any{"array": array}) },
			func() (err error) { back, err = client.Get[[]float64](m.ctx, one, "array"); return err },
		} {
			start := time.Now()
			if err := round(); err != nil {
				return err
			}
			if counted {
				rates[i] = append(rates[i], float64(m.config.Array)/1e6/time.Since(start).Seconds())
			}
		}
	}
	if !slices.Equal(back[0], array) {
		return fmt.Errorf("bench: the array came back changed")
	}
	t := Transfer{Bytes: m.config.Array, BarePush: median(rates[0]), BarePull: median(rates[1]), Push: median(rates[2]), Pull: median(rates[3])}
	t.PushRatio, t.PullRatio = t.Push/t.BarePush, t.Pull/t.BarePull
	m.report.Transfer = t
	return nil
}
