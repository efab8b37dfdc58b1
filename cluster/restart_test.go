package cluster

import (
	"context"
	"errors"
	"slices"
	"syscall"
	"testing"
	"time"

	"muster/client"
	"muster/cluster/clustertest"
	"muster/launcher"
)

// Engines restart in place: what they had to do fails, what they knew is gone,
// their ids and processes stay, and the launcher sees nothing of it.
func TestRestartEngines(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p := clustertest.Profile(t)
	c := start(t, config(p, 3))
	cl := c.Client
	pids := func() []int {
		t.Helper()
		pids, err := client.Call[int](ctx, cl.Direct(client.All), client.Ref("os.Getpid"))
		if err != nil {
			t.Fatal(err)
		}
		return pids
	}
	before := pids()
	some := client.Engines(0, 2)
	v := cl.Direct(some)
	if _, err := cl.Direct(client.All).Execute(ctx, "kept := 1"); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		running := v.ExecuteAsync("fmt.Println(`on`); for {}")
		for rs := running.Metadata(); rs[0].Stdout == "" || rs[1].Stdout == ""; rs = running.Metadata() {
			if ctx.Err() != nil {
				t.Fatal("the code did not begin")
			}
			time.Sleep(time.Millisecond)
		}
		queued := v.ApplyAsync(client.Ref("os.Getpid"))
		if err := cl.Restart(ctx, some); err != nil {
			t.Fatal(err)
		}
		for _, ar := range []*client.AsyncResult{running, queued} {
			_, err := ar.Get(ctx)
			var all *client.CompositeError
			var one *client.RemoteError
			if !errors.As(err, &all) || len(all.Errors) != 2 || !errors.As(all.Errors[1], &one) || one.Name != "EngineError" || one.Engine != 2 {
				t.Errorf("what had to be done: %v", err)
			}
		}
		if ids := cl.IDs(); !slices.Equal(ids, []client.EngineID{0, 1, 2}) {
			t.Errorf("engines are %v", ids)
		}
		if after := pids(); !slices.Equal(after, before) {
			t.Errorf("restart %d: processes are %v, were %v", round+1, after, before)
		}
		keys, err := cl.Direct(client.All).Keys(ctx)
		if err != nil || len(keys[0]) != 0 || len(keys[1]) != 1 || len(keys[2]) != 0 {
			t.Errorf("names afterwards: %v, %v", keys, err)
		}
	}
	if err := latest(c).Err(); err != nil {
		t.Errorf("the launcher takes engines for failed: %v", err)
	}
	select {
	case <-latest(c).Failed():
		t.Error("the launcher saw an engine end")
	case <-latest(c).Wait(launcher.Ended):
		t.Error("the launcher saw the job end")
	default:
	}
	if r, err := Find(p, ""); err != nil || r.State() != Running || r.EnginesAlive() != 3 {
		t.Errorf("record %+v, %v", r, err)
	}

	// A signal reaches the one process.
	if err := cl.Signal(ctx, client.Engines(1), syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	for news := range cl.Notifications(ctx) {
		if news.Engine == 1 && !news.Up {
			break
		}
	}
	if ids := cl.IDs(); !slices.Equal(ids, []client.EngineID{0, 2}) {
		t.Errorf("engines are %v", ids)
	}
}
