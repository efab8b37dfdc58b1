package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"muster/controller/scheduler"
	"muster/wire"
)

// queues are how many tasks wait while others come and go.
var queues = []int{10, 1e3, 1e5, 1e6}

// queue measures the scheduler alone: what a task costs it, from its request to
// its reply, while so many wait for 64 engines that have one each. The queue
// keeps its length: a task that is finished makes room for one that waited, and
// another comes.
func queue(ctx context.Context, config Config, r *Report) error {
	for _, waiting := range queues {
		config.Progress(fmt.Sprintf("the scheduler with %d waiting tasks", waiting))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var rounds []float64
		q, err := newLine(waiting)
		if err != nil {
			return err
		}
		for range config.Rounds {
			took, err := q.turn(config.Requests)
			if err != nil {
				return err
			}
			rounds = append(rounds, float64(took.Nanoseconds())/1e3/float64(config.Requests))
		}
		r.Queue = append(r.Queue, Queued{waiting, median(rounds)})
	}
	return nil
}

// A line is a scheduler whose engines are busy.
type line struct {
	machine *scheduler.Balanced
	session *wire.Session
	busy    []scheduler.Relay // what engines have, longest first
}

const lineEngines = 64

func newLine(waiting int) (*line, error) {
	l := &line{
		machine: scheduler.NewBalanced(scheduler.BalancedConfig{Scheme: scheduler.LeastLoad, HWM: 1, Tick: 0.05}, rand.New(rand.NewPCG(1, 2))),
		session: wire.NewSession(wire.NewKey(), ""),
	}
	for i := range lineEngines {
		l.step(scheduler.EngineUp{ID: wire.EngineID(i), UUID: wire.EngineUUID(wire.NewSessionID())})
	}
	requests, err := l.requests(lineEngines + waiting)
	for _, r := range requests {
		l.step(r)
	}
	return l, err
}

// requests are empty tasks as they come from a client.
func (l *line) requests(n int) ([]scheduler.Event, error) {
	events := make([]scheduler.Event, n)
	buffers, err := frames()
	if err != nil {
		return nil, err
	}
	for i := range events {
		_, f, err := l.session.Frames(wire.ApplyRequest, nil, nil, nil, buffers[6:]...)
		if err != nil {
			return nil, err
		}
		f = append([][]byte{[]byte("client")}, f...)
		m, err := l.session.Inspect(f)
		if err != nil {
			return nil, err
		}
		events[i] = scheduler.Request{Frames: f, Message: m}
	}
	return events, nil
}

func (l *line) step(ev scheduler.Event) {
	for _, a := range l.machine.Step(ev) {
		if relay, ok := a.(scheduler.Relay); ok && relay.To == scheduler.ToEngine {
			l.busy = append(l.busy, relay)
		}
	}
}

// turn has n tasks come, and as many be finished, and returns the processor time
// that the scheduler takes for it, and the garbage collector.
func (l *line) turn(n int) (time.Duration, error) {
	requests, err := l.requests(n)
	if err != nil {
		return 0, err
	}
	runtime.GC() // what making them left
	before, err := cpuTime()
	if err != nil {
		return 0, err
	}
	for _, r := range requests {
		l.step(r)
		l.step(l.finish())
	}
	after, err := cpuTime()
	return after - before, err
}

// finish is the reply of the engine that works longest.
func (l *line) finish() scheduler.Event {
	f := l.busy[0].Frames // engine, client, delimiter, signature, header
	l.busy = l.busy[1:]
	m := &wire.Message{Route: f[:2], Metadata: ended}
	wire.ParseHeader(f[4], &m.Parent)
	return scheduler.Reply{Frames: f, Message: m}
}

var ended = []byte(`{"started":"2026-11-20T12:00:09.999000Z","dependencies_met":true,"engine":"","status":"ok","outputs":0}`)
