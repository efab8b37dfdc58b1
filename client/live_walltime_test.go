package client_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/controller"
	"muster/engine"
	"muster/wire"
)

// ending is a cluster of its own, of an engine whose job ends after half an hour
// and one of which no end is known.
func ending(t *testing.T) *client.Client {
	t.Helper()
	profile := wire.Profile{Dir: t.TempDir()}
	stop, err := startEngines(controller.Config{Profile: profile}, engine.Config{JobEnd: time.Now().Add(30 * time.Minute)}, engine.Config{})
	check(t, err)
	t.Cleanup(stop)
	c, err := client.Connect(t.Context(), client.WithProfileDir(profile.Dir))
	check(t, err)
	t.Cleanup(func() { c.Close() })
	check(t, c.WaitForEngines(t.Context(), 2))
	return c
}

// A task goes to an engine that lasts as long as it takes, and waits for one.
func TestGoWalltime(t *testing.T) {
	c, ctx := ending(t), t.Context()
	processes, err := c.Processes(ctx)
	check(t, err)
	if left := time.Until(processes[0].JobEnd.Time); left > 30*time.Minute || left < 20*time.Minute || !processes[1].JobEnd.IsZero() {
		t.Errorf("the jobs of the engines end at %v and %v", processes[0].JobEnd, processes[1].JobEnd)
	}
	v := c.LoadBalanced()
	busy := v.On(client.Engines(1)).ExecuteAsync(`fmt.Println("begun"); for {}`)
	begun(t, busy)
	long := v.With(client.Walltime(45 * time.Minute)).ExecuteAsync("1")
	task := v.Submit(client.Task{Code: "2", Walltime: 40 * time.Minute, Retries: 2})
	short, err := v.With(client.Walltime(time.Minute)).Execute(ctx, "3")
	check(t, err)
	want(t, short.Engine, client.EngineID(0))
	said, err := long.Explain(ctx)
	check(t, err)
	if !strings.Contains(said, " waits for engine 1, as it may go to no other now: busy; it needs 45m, engine 0's job ends in 29m") {
		t.Errorf("explained: %s", said)
	}
	_, err = busy.Cancel(ctx)
	check(t, err)
	_, err = long.Get(ctx)
	check(t, err)
	want(t, long.Metadata()[0].Engine, client.EngineID(1))
	rs, err := task.Get(ctx)
	check(t, err)
	want(t, rs[0].Engine, client.EngineID(1))
	remains, err := v.Run(ctx, client.Task{Code: "4", Depend: "remaining > 3600"})
	check(t, err)
	want(t, remains.Engine, client.EngineID(1))
}

// A compiled function lasts until letGo is closed.
var (
	letGo = make(chan struct{})
	_     = engine.Func("test.Held", func() string { <-letGo; return "done" })
)

// An engine that drains gives its tasks back, which then run elsewhere, refuses
// what it is asked directly, ends what it runs, and goes.
func TestGoDrain(t *testing.T) {
	c, ctx := ending(t), t.Context()
	news := c.Notifications(ctx)
	v := c.LoadBalanced()
	// Short tasks queue on engines, and they are many when the engine drains.
	tasks := v.MapAsync(square, make([]float64, 2000))
	last := v.On(client.Engines(0)).ExecuteAsync(`fmt.Println("begun"); test.Held()`)
	alone := v.On(client.Engines(0)).ExecuteAsync("1")
	begun(t, last)
	check(t, c.Drain(ctx, client.Engines(0), "a test"))
	_, err := c.Direct(client.Engines(0)).Execute(ctx, "2")
	if !errors.Is(err, client.ErrDraining) || !strings.Contains(err.Error(), "engine 0: EngineDraining: engine 0 is draining: a test") {
		t.Errorf("a direct call: %v", err)
	}
	_, err = c.Broadcast(client.All).With(client.Coalescing()).Execute(ctx, "3")
	if !errors.Is(err, client.ErrDraining) {
		t.Errorf("a broadcast: %v", err)
	}
	processes, err := c.Processes(ctx)
	check(t, err)
	if !processes[0].Draining || processes[1].Draining {
		t.Errorf("of the engines, these drain: %t, %t", processes[0].Draining, processes[1].Draining)
	}
	if _, err := alone.Get(ctx); !errors.Is(err, client.ErrImpossibleDependency) || !strings.Contains(err.Error(), "engine 0 drains: it takes nothing more") {
		t.Errorf("a task for it alone: %v", err)
	}
	close(letGo)
	values, err := last.Get(ctx)
	check(t, err)
	want(t, values[0], `"done"`)
	_, err = tasks.Get(ctx)
	check(t, err)
	select {
	case e := <-news:
		want(t, e.String(), "engine 0 is gone: a test")
	case <-time.After(time.Minute):
		t.Fatal("the engine has drained, and does not go")
	}
	later, err := v.Execute(ctx, "4")
	check(t, err)
	want(t, later.Engine, client.EngineID(1))
}
