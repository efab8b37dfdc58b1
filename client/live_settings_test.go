package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/engine"
	"muster/wire"
)

// occupied has engines run code until the returned function is called.
func occupied(t *testing.T, c *client.Client, targets client.Targets) (release func()) {
	t.Helper()
	ar := c.Direct(targets).ExecuteAsync(`fmt.Println("begun"); for {}`)
	begun(t, ar)
	return func() {
		if _, err := ar.Cancel(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// begun waits until a call has printed something on each engine.
func begun(t *testing.T, ar *client.AsyncResult) {
	t.Helper()
	for i := range ar.Len() {
		for end := time.Now().Add(time.Minute); ar.Metadata()[i].Stdout == ""; time.Sleep(time.Millisecond) {
			if ar.Ready() || time.Now().After(end) {
				_, err := ar.Get(t.Context())
				t.Fatalf("it did not begin: %v, %v", ar, err)
			}
		}
	}
}

// Tasks run after others, and where others ran.
func TestGoDependencies(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced()
	release := occupied(t, c, client.Engines(0, 1, 2, 3))
	first := v.ExecuteAsync(`made := 5`)
	other := v.MapAsync(square, []float64{1, 2})
	fails := v.ExecuteAsync(`panic("on purpose")`)
	after := v.With(client.After(first, other)).ExecuteAsync(`1`)
	use := v.With(client.Follow(first)).ExecuteAsync(`made + 1`)
	mend := v.With(client.After(client.AnyOf(first, fails).Failed())).ExecuteAsync(`"mended"`)
	either := v.With(client.After(client.AllOf(first, fails).Ended())).ExecuteAsync(`2`)
	never := v.With(client.After(fails)).ExecuteAsync(`3`)
	byID := v.With(client.After(client.MsgIDs{first.Metadata()[0].MsgID})).ExecuteAsync(`4`)
	release()
	for _, x := range []struct {
		ar   *client.AsyncResult
		want string
	}{{after, "1"}, {use, "6"}, {mend, `"mended"`}, {either, "2"}, {byID, "4"}} {
		values, err := x.ar.Get(ctx)
		check(t, err)
		want(t, values[0], x.want)
	}
	begin, end := after.Metadata()[0], other.Metadata()
	if begin.Started.Before(end[0].Completed) || begin.Started.Before(end[1].Completed) {
		t.Errorf("it began at %v, before %v and %v", begin.Started, end[0].Completed, end[1].Completed)
	}
	want(t, begin.After, []wire.MsgID{first.Metadata()[0].MsgID, end[0].MsgID, end[1].MsgID})
	want(t, use.Metadata()[0].Engine, first.Metadata()[0].Engine)
	if _, err := never.Get(ctx); !errors.Is(err, client.ErrImpossibleDependency) {
		t.Errorf("after one that failed: %v", err)
	}
	records, err := c.DBQuery(ctx, map[string]any{"msg_id": begin.MsgID})
	check(t, err)
	want(t, len(records), 1)
}

// The settings are those of every task of the view, whatever made it.
func TestGoSettings(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced().On(client.Engines(1, 3)).With(client.Label("few"), client.Timeout(time.Minute), client.Retries(1), client.Priority(2))
	on := func(ar *client.AsyncResult) {
		t.Helper()
		_, err := ar.Get(ctx)
		check(t, err)
		for _, r := range ar.Metadata() {
			if r.Engine != 1 && r.Engine != 3 || r.Label != "few" {
				t.Errorf("%v: on engine %d, labelled %q", ar, r.Engine, r.Label)
			}
		}
	}
	on(v.ExecuteAsync("1"))
	on(v.ApplyAsync(square, 1.0))
	on(v.MapAsync(square, []float64{1, 2, 3, 4, 5}))
	on(v.With(client.Chunk(2)).MapAsync(square, []float64{1, 2, 3, 4, 5}))
	on(v.Executor().Submit(square, 2.0))

	// A task that has failed on every engine of the view has failed.
	var one *client.RemoteError
	if _, err := v.Execute(ctx, `panic("always")`); !errors.As(err, &one) || one.Engine != 1 && one.Engine != 3 {
		t.Errorf("with a retry: %v", err)
	}
	// A retry goes to the other engine.
	_, err := c.Direct(client.Engines(3)).Execute(ctx, "good := 3")
	check(t, err)
	good, err := client.Get[int](ctx, v, "good")
	check(t, err)
	want(t, good, []int{3})

	gate := v.On(client.Engines(1)).ExecuteAsync(`fmt.Println("begun"); for {}`)
	begun(t, gate)
	then := v.On(client.Engines(1)).With(client.After(client.AllOf(gate).Ended()))
	if _, err := then.With(client.Timeout(100*time.Millisecond)).Apply(ctx, square, 1.0); !errors.Is(err, client.ErrTaskTimeout) {
		t.Errorf("timeout: %v", err)
	}
	low, high := then.With(client.Priority(1)).ApplyAsync(square, 1.0), then.With(client.Priority(3)).ApplyAsync(square, 1.0)
	_, err = gate.Cancel(ctx)
	check(t, err)
	for _, ar := range []*client.AsyncResult{low, high} {
		_, err := ar.Get(ctx)
		check(t, err)
	}
	if low, high := low.Metadata()[0].Started, high.Metadata()[0].Started; !high.Before(low) {
		t.Errorf("the task of high priority began at %v, that of low at %v", high, low)
	}
}

// What cannot be is refused to the one who asks, and says what and why.
func TestGoSettingsRefused(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced()
	direct := c.Direct(client.All).ExecuteAsync("1")
	unsent := c.LoadBalanced().ApplyAsync(square, make(chan int))
	for _, x := range []struct {
		view client.View
		want string
	}{
		{v.With(client.Retries(-1)), "retries: -1: it must not be negative"},
		{v.With(client.Timeout(-time.Second)), "timeout: -1s: it must not be negative"},
		{v.With(client.Deadline(-time.Second)), "deadline: -1s: it must not be negative"},
		{v.With(client.Walltime(-time.Second)), "walltime: -1s: it must not be negative"},
		{v.With(client.After(direct)), "after: depends on execute, a direct call"},
		{v.With(client.Follow(unsent)), "follow: depends on a call that was not sent: client: apply math.Square"},
		{v.With(client.After(client.AllOf(client.AnyOf(direct)))), "after: a Dependency within another"},
		{v.With(client.After(client.AnyOf())), "after: any of no tasks"},
		{v.With(client.After(client.MsgIDs{"nonsense"})), `depends on "nonsense", which is no task of the queue`},
		{v.With(client.Timeout(1000 * 24 * time.Hour)), "timeout is 8.64e+07: want 0 to"},
		{v.On(client.Engines(99)), "engine 99: no such engine"},
		{c.Direct(client.All).With(client.Retries(1)), "the setting Retries, which is for the scheduler"},
		{c.Direct(client.All).With(client.Priority(1)), "the setting Priority, which is for the scheduler"},
		{c.Direct(client.All).With(client.Walltime(time.Minute)), "the setting Walltime, which is for the scheduler"},
		{c.Direct(client.All).With(client.After(client.MsgIDs{"x"})), "the setting After, which is for the scheduler"},
	} {
		_, err := client.Call[float64](ctx, x.view, square, 1.0)
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("got %v, want %q", err, x.want)
		}
	}
	if _, err := v.With(client.After(client.MsgIDs{"nonsense"})).Map(ctx, square, []float64{1, 2}); !errors.Is(err, client.ErrInvalidDependency) {
		t.Errorf("a map: %v", err)
	}
	// No condition at all.
	_, err := v.With(client.After(), client.After(v.MapAsync(square, []float64{}))).Apply(ctx, square, 1.0)
	check(t, err)
}

// Functions that run for longer than they may: one that looks at its context,
// and one that does not.
var (
	watchful  = engine.Func("test.Watchful", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	oblivious = engine.Func("test.Oblivious", func(d float64) float64 { time.Sleep(time.Duration(d * 1e9)); return d })
)

// What runs for longer than its deadline fails, and its engine goes on.
func TestGoDeadline(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced().With(client.Deadline(100 * time.Millisecond))
	for what, ar := range map[string]*client.AsyncResult{
		"interpreted code":                  v.ExecuteAsync("for {}"),
		"an interpreted function":           v.ApplyAsync(client.Ref("func() { for {} }")),
		"a function that looks at ctx":      v.ApplyAsync(watchful),
		"a function that does not":          v.ApplyAsync(oblivious, 1.0),
		"a map":                             v.With(client.Chunk(2)).MapAsync(oblivious, []float64{1, 0}),
		"a direct call":                     c.Direct(client.Engines(2)).With(client.Deadline(50 * time.Millisecond)).ExecuteAsync("select {}"),
		"a broadcast":                       c.Broadcast(client.All).With(client.Deadline(50 * time.Millisecond)).ExecuteAsync("select {}"),
		"what waits for another and is run": v.On(client.Engines(0)).ExecuteAsync("time.Sleep(time.Hour)"),
	} {
		_, err := ar.Get(ctx)
		var one *client.RemoteError
		if !errors.Is(err, client.ErrDeadline) || !errors.As(err, &one) || !strings.Contains(one.Message, "longer than its deadline of ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	values, err := c.Direct(client.All).With(client.Deadline(time.Minute)).Apply(ctx, square, 3.0)
	check(t, err)
	want(t, values, []any{9.0, 9.0, 9.0, 9.0})
}

// Of a map of which some tasks fail the good half is there, however it was cut
// and whoever waits for it, and the error lists the rest.
func TestGoPartialMaps(t *testing.T) {
	c, ctx := connect(t)
	root := client.Ref(`func(x float64) (float64, error) { if x < 0 { return 0, fmt.Errorf("negative: %v", x) }; return math.Sqrt(x), nil }`)
	items := []float64{1, 4, -9, 16, 25, -36, 49, 64}
	// A chunk ends at its first failure.
	for chunk, missing := range map[int]string{0: "items 2, 5: ", 3: "items 2, 5: ", 4: "items 2-3, 5-7: "} {
		v := c.LoadBalanced()
		if chunk > 0 {
			v = v.With(client.Chunk(chunk))
		}
		lost := func(i int) bool { return i == 2 || i == 5 || chunk == 4 && (i == 3 || i > 5) }
		good := func(what string, values []float64, err error) {
			t.Helper()
			var m *client.MapError
			var all *client.CompositeError
			if !errors.As(err, &m) || !errors.As(err, &all) || len(all.Errors) != 2 || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), "negative: -36") {
				t.Errorf("%s, chunk %d: %v", what, chunk, err)
			}
			for i, x := range items {
				if got := values[i]; lost(i) != (got == 0) || got != 0 && got*got != x {
					t.Errorf("%s, chunk %d, item %d: %v", what, chunk, i, got)
				}
			}
		}
		values, err := client.Map[float64](ctx, v, root, items)
		good("Map", values, err)
		boxed, err := v.MapAsync(root, items).Get(ctx)
		for i, x := range boxed {
			values[i], _ = x.(float64)
		}
		good("MapAsync", values, err)

		each := func(what string, seq func(yield func(any, error) bool), ordered bool) {
			t.Helper()
			i, failed := 0, 0
			for x, err := range seq {
				if err != nil {
					failed++
				}
				if ordered && (lost(i) != (err != nil) || err == nil && x.(float64)*x.(float64) != items[i]) {
					t.Errorf("%s, chunk %d, item %d: %v, %v", what, chunk, i, x, err)
				}
				i++
			}
			if want := len(items) - strings.Count(fmt.Sprint(boxed), "<nil>"); i != len(items) || i-failed != want {
				t.Errorf("%s, chunk %d: %d items, %d of them failed", what, chunk, i, failed)
			}
		}
		each("Executor", v.Executor().Map(ctx, root, items), true)
		each("MapSeq", client.MapSeq[any](ctx, v.With(client.Outstanding(2)), root, slices.Values(items)), true)
		each("MapSeq, unordered", client.MapSeq[any](ctx, v.With(client.Outstanding(2), client.Unordered()), root, slices.Values(items)), false)
	}
}
