package controller_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	muster "muster/client"
	"muster/controller"
	goengine "muster/engine"
	"muster/transport"
	"muster/wire"
)

// content reads a reply's content.
func content[T any](t *testing.T, m *wire.Message) (v T) {
	t.Helper()
	if err := json.Unmarshal(m.Content, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// A client learns what its tasks wait for, and aborts them wherever they are.
func TestAbortTasks(t *testing.T) {
	networks(t, func(t *testing.T, network transport.Network) {
		c := start(t, controller.Config{Network: network, Log: testLog(t)})
		e := newEngine(t, network, c)
		p := newClient(t, network, c)
		p.engines(1)
		runs := p.send(p.task, wire.ApplyRequest, nil, map[string]any{"retries": 5}, nil)
		waits := p.send(p.task, wire.ApplyRequest, nil, nil, nil)
		depends := p.send(p.task, wire.ApplyRequest, nil, map[string]any{"after": []wire.MsgID{runs}}, nil)
		task := e.recv(e.task)
		equal(t, task.Header.MsgID, runs)

		p.send(p.task, wire.ExplainRequest, nil, nil, wire.Explain{MsgIDs: []wire.MsgID{runs, waits, depends}})
		m := p.recv(p.task)
		equal(t, m.Header.MsgType, wire.ExplainReply)
		said := content[wire.Explained](t, m).Tasks
		for id, want := range map[wire.MsgID]string{runs: "runs on engine 0", waits: "waits for its turn", depends: "waits until task"} {
			if !strings.Contains(said[id], want) {
				t.Errorf("%q, want %q", said[id], want)
			}
		}

		asked := p.send(p.task, wire.AbortRequest, nil, nil, wire.Abort{MsgIDs: []wire.MsgID{runs, waits, "nothing"}, Running: true})
		m = p.recv(p.task)
		equal(t, m.Parent.MsgID, waits)
		equal(t, content[wire.Reply](t, m).Status, wire.StatusAborted)
		abort := e.recv(e.control)
		equal(t, abort.Header.MsgType, wire.AbortRequest)
		if got := content[wire.Abort](t, abort); !got.Running || !slices.Equal(got.MsgIDs, []wire.MsgID{runs}) {
			t.Errorf("the engine is asked to abort %+v", got)
		}
		m = p.recv(p.task)
		equal(t, m.Parent.MsgID, asked)
		if got := content[wire.Aborted](t, m); !slices.Equal(got.Aborted, []wire.MsgID{waits}) || !slices.Equal(got.Engines[e.uuid], []wire.MsgID{runs}) || !slices.Equal(got.Unknown, []wire.MsgID{"nothing"}) {
			t.Errorf("aborted: %+v", got)
		}

		// What the engine says is final, whatever the retries, and those that
		// depend on the task are told.
		e.send(e.control, wire.AbortReply, abort.RawHeader, nil, nil, abort.Route...)
		e.send(e.task, wire.ApplyReply, task.RawHeader, map[string]string{"status": "error"}, wire.Failure("KeyboardInterrupt", ""), task.Route...)
		equal(t, p.recv(p.task).Parent.MsgID, runs)
		m = p.recv(p.task)
		equal(t, m.Parent.MsgID, depends)
		equal(t, failure(t, m).Ename, "ImpossibleDependency")

		// The hub keeps records of tasks, not of questions about them.
		if history := content[struct{ History []wire.MsgID }](t, p.ask(wire.HistoryRequest, nil)).History; len(history) != 3 {
			t.Errorf("the hub remembers %q", history)
		}
	})
}

// The last reply of an engine counts, though the news of its end is faster. A
// task that was not answered goes to another engine if it may be tried again. Time is the
// bubble's.
func TestLastReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(transport.Memory)
		c := start(t, controller.Config{Network: network, HWM: 2, Log: testLog(t)})
		e := newEngine(t, network, c)
		p := newClient(t, network, c)
		p.engines(1)
		last := p.send(p.task, wire.ApplyRequest, nil, map[string]any{"retries": 1}, nil)
		lost := p.send(p.task, wire.ApplyRequest, nil, map[string]any{"retries": 1}, nil)
		task := e.recv(e.task)
		e.recv(e.task)
		e.send(e.registration, wire.UnregistrationRequest, nil, nil, map[string]any{"id": e.id})
		p.engines(0)
		e.send(e.task, wire.ApplyReply, task.RawHeader, map[string]string{"status": "ok"}, nil, task.Route...)
		equal(t, p.recv(p.task).Parent.MsgID, last)
		other := newEngine(t, network, c)
		p.engines(1)
		task = other.recv(other.task)
		equal(t, task.Header.MsgID, lost)
		other.send(other.task, wire.ApplyReply, task.RawHeader, map[string]string{"status": "ok"}, nil, task.Route...)
		equal(t, p.recv(p.task).Parent.MsgID, lost)
	})
}

// A timeout counts from the task's submission, however long nothing happened
// before it. Time is the bubble's.
func TestTimeoutAfterSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(transport.Memory)
		c := start(t, controller.Config{Network: network, HeartPeriod: time.Minute})
		p := newClient(t, network, c)
		p.engines(0)
		time.Sleep(50 * time.Second)
		begin := time.Now()
		p.send(p.task, wire.ApplyRequest, nil, map[string]any{"timeout": 10}, nil)
		equal(t, failure(t, p.recv(p.task)).Ename, "TaskTimeout")
		if waited := time.Since(begin); waited < 9900*time.Millisecond || waited > 10200*time.Millisecond {
			t.Errorf("a task may wait 10 s, and waited %v", waited)
		}
	})
}

// Functions of the engines in these tests: hold returns what it is sent.
var (
	release = make(chan string)
	hold    = goengine.Func("controller_test.hold", func() string { return <-release })
	double  = goengine.Func("controller_test.double", func(x int) int { return 2 * x })
)

// live starts a controller and n Go engines, and returns a client of theirs.
func live(t *testing.T, cfg controller.Config, n int) (*muster.Client, context.Context) {
	t.Helper()
	cfg.Profile = wire.Profile{Dir: filepath.Join(t.TempDir(), "profile_test")}
	cfg.Log = testLog(t)
	c, err := controller.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	life, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() {
		end()
		running.Wait()
	})
	running.Go(func() {
		if err := c.Run(life); err != nil {
			t.Error(err)
		}
	})
	for range n {
		e, err := goengine.New(goengine.Config{ConnectionFile: cfg.Profile.EngineFile("")})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			if err := e.Run(life); err != nil {
				t.Error(err)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cl, err := muster.Connect(ctx, muster.WithProfileDir(cfg.Profile.Dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cl.Close() })
	if err := cl.WaitForEngines(ctx, n); err != nil {
		t.Fatal(err)
	}
	return cl, ctx
}

// Short tasks queue on engines. When a long one comes, those behind it are asked
// back and run elsewhere: it holds nobody up.
func TestLongTaskAmongShort(t *testing.T) {
	c, ctx := live(t, controller.Config{}, 2)
	v := c.LoadBalanced()
	submit := func(n int) (ars []*muster.AsyncResult) {
		for i := range n {
			ars = append(ars, v.ApplyAsync(double, i))
		}
		return ars
	}
	short := submit(500) // engines learn that tasks are short
	long := v.ApplyAsync(hold)
	t.Cleanup(func() { // should the test have failed, the engine is to end
		select {
		case release <- "late":
		default:
		}
	})
	short = append(short, submit(500)...) // some of them behind the long one
	for i, ar := range short {
		if got, err := ar.Get(ctx); err != nil || got[0] != 2*(i%500) {
			t.Fatalf("short task %d returned %v, %v", i, got, err)
		}
	}
	release <- "done"
	if got, err := long.Get(ctx); err != nil || got[0] != "done" {
		t.Errorf("the long task returned %v, %v", got, err)
	}
}
