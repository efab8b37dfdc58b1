package client

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"gonum.org/v1/gonum/mat"
)

// story runs a test against a fake cluster of n engines, in a bubble that also
// fails when a goroutine outlives Close.
func story(t *testing.T, n int, tell func(t *testing.T, f *fakeCluster, c *Client)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(t, n)
		defer f.close()
		c := f.connect()
		tell(t, f, c)
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

func TestPushPull(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		ctx := t.Context()
		v := c.Direct(Engines(2, 0))
		m := mat.NewDense(2, 2, []float64{1, 2, 3, 4})
		check(t, v.Push(ctx, map[string]any{"k": 3, "m": m, "names": []string{"a", "b"}}))
		got, err := v.Pull(ctx, "k", "m", "names")
		check(t, err)
		equal(t, len(got), 2)
		equal(t, got[1], map[string]any{"k": 3, "m": m, "names": []any{"a", "b"}})

		ms, err := Get[*mat.Dense](ctx, v, "m")
		check(t, err)
		equal(t, ms, []*mat.Dense{m, m})
		names, err := Get[[]string](ctx, v, "names")
		check(t, err)
		equal(t, names[0], []string{"a", "b"})

		// What does not fit says which variable and which types.
		_, err = Get[int](ctx, v, "names")
		if err == nil || !strings.Contains(err.Error(), "names") || !strings.Contains(err.Error(), "int") {
			t.Errorf("get of a list as int: %v", err)
		}
		// Engine 1 was no target.
		_, err = c.Direct(Engines(1)).Pull(ctx, "k")
		var remote *RemoteError
		if !errors.As(err, &remote) || remote.Engine != 1 || remote.Name != "NameError" {
			t.Errorf("pull of an unknown name: %v", err)
		}
	})
}

func TestPushRefuses(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		v := c.Direct(All)
		for _, vars := range []map[string]any{
			{"a b": 1}, {"": 1}, {"1a": 1}, {"c": make(chan int)}, {"f": func() {}},
		} {
			if err := v.Push(t.Context(), vars); err == nil {
				t.Errorf("push of %v: no error", vars)
			}
		}
		if _, err := v.Pull(t.Context()); err == nil {
			t.Error("pull of nothing: no error")
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if slices.Contains(f.seen, "apply_request") {
			t.Error("something was sent")
		}
	})
}

func TestScatterGather(t *testing.T) {
	matrix := mat.NewDense(5, 2, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	for name, c := range map[string]struct{ seq, want any }{
		"even":             {[]float64{1, 2, 3, 4, 5, 6}, []float64{1, 2, 3, 4, 5, 6}},
		"uneven":           {[]float64{1, 2, 3, 4}, []float64{1, 2, 3, 4}},
		"fewer than parts": {[]float64{1}, []float64{1}},
		"none":             {[]float64{}, []float64{}},
		"rows of a matrix": {matrix, matrix},
		"strings":          {[]string{"a", "b", "c", "d"}, []any{"a", "b", "c", "d"}},
		"mixed":            {[]any{1, "b", 2.5}, []any{1, "b", 2.5}},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, 3, func(t *testing.T, f *fakeCluster, cl *Client) {
				v := cl.Direct(All).With(AllowEmpty())
				check(t, v.Scatter(t.Context(), "x", c.seq))
				got, err := v.Gather(t.Context(), "x")
				check(t, err)
				if !reflect.DeepEqual(got, c.want) {
					// An array without items has no gonum type: compare by items.
					one, err1 := Values[[]float64](t.Context(), ready("got", []any{got}))
					if err1 != nil || len(one[0]) != 0 || name != "none" {
						t.Errorf("got %#v, want %#v", got, c.want)
					}
				}
			})
		})
	}
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		if err := c.Direct(All).Scatter(t.Context(), "x", 5); err == nil {
			t.Error("scatter of a number: no error")
		}
	})
}

func TestApply(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		ctx := t.Context()
		v := c.Direct(All)
		got, err := v.Apply(ctx, Ref("whoami"))
		check(t, err)
		equal(t, got, []any{0, 1})

		check(t, v.Scatter(ctx, "x", []float64{10, 20}))
		sums, err := Call[int](ctx, v, Ref("add"), 1, 2.0, Kwargs{"c": 3})
		check(t, err)
		equal(t, sums, []int{6, 6})
	})
}

func TestMap(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		ctx := t.Context()
		v := c.Direct(All)
		got, err := v.Map(ctx, Ref("double"), []float64{1, 2, 3, 4, 5})
		check(t, err)
		equal(t, got, []any{2.0, 4.0, 6.0, 8.0, 10.0})
		got, err = v.Map(ctx, Ref("double"), []int{7}) // two engines get nothing
		check(t, err)
		equal(t, got, []any{14.0})
		got, err = v.Map(ctx, Ref("double"), []float64{})
		check(t, err)
		equal(t, got, []any{})

		got, err = v.Map(ctx, Ref("double"), []float64{1, 2, -3, 4, 5}) // the second engine fails
		var remote *RemoteError
		if !errors.As(err, &remote) || remote.Engine != 1 {
			t.Errorf("map with an error: %v", err)
		}
		equal(t, got, []any{2.0, 4.0, nil, nil, 10.0})

		for _, seqs := range [][]any{nil, {5}, {[]int{1}, []int{1, 2}}} {
			if _, err := v.Map(ctx, Ref("double"), seqs...); err == nil {
				t.Errorf("map over %v: no error", seqs)
			}
		}
		got, err = c.LoadBalanced().Map(ctx, Ref("double"), []float64{1, 2, 3, 4})
		check(t, err)
		equal(t, got, []any{2.0, 4.0, 6.0, 8.0})
	})
}

func TestExecute(t *testing.T) {
	for _, counts := range []bool{true, false} {
		story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
			f.counts = counts
			ctx := t.Context()
			v := c.Direct(All)
			rs, err := v.Execute(ctx, "print hello from ID")
			check(t, err)
			equal(t, rs.String(), "[stdout:0] hello from 0\n[stdout:1] hello from 1")
			rs, err = v.Execute(ctx, "show ID")
			check(t, err)
			equal(t, rs.String(), "[0] Out[2]: 0\n[1] Out[2]: 1")
			equal(t, rs[1].Text(), "1")
			rs, err = c.Direct(Engines(1)).Execute(ctx, "print two\nlines")
			check(t, err)
			equal(t, rs.String(), "[stdout:1]\ntwo\nlines")
			values, err := v.ExecuteAsync("show 4ID").Get(ctx)
			check(t, err)
			equal(t, values, []any{"40", "41"})
			rs, err = v.Execute(ctx, "warn oops")
			check(t, err)
			equal(t, rs[0].Stderr, "oops\n")

			r := rs[0]
			if r.Status != "ok" || r.Submitted.IsZero() || r.Started.IsZero() || r.Completed.IsZero() || r.Received.IsZero() || r.UUID == "" || r.MsgID == "" {
				t.Errorf("result lacks something: %#v", r)
			}
		})
	}
}

func TestErrorsFold(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		rs, err := c.Direct(All).Execute(t.Context(), "fail NameError: x")
		var all *CompositeError
		var one *RemoteError
		if !errors.As(err, &all) || len(all.Errors) != 3 || !errors.As(err, &one) || one.Name != "NameError" {
			t.Fatalf("error is %v", err)
		}
		equal(t, err.Error(), "client: execute: 3 errors: engines 0-2: NameError: x")
		equal(t, one.Traceback, []string{"cell 1, line 1"})
		equal(t, rs[2].Status, "error")
		equal(t, rs[2:].String(), "[2] NameError: x")

		_, err = c.Direct(All).Execute(t.Context(), "fail E: engine ID")
		equal(t, err.Error(), "client: execute: 3 errors: engine 0: E: engine 0; engine 1: E: engine 1; engine 2: E: engine 2")
	})
}

func TestLoadBalanced(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		v := c.LoadBalanced()
		got, err := v.Apply(t.Context(), Ref("add"), 1, 2)
		check(t, err)
		equal(t, got, 3.0)
		r, err := v.Execute(t.Context(), "show ID")
		check(t, err)
		equal(t, r.Engine, EngineID(1))
		equal(t, r.Text(), "1")
		_, err = v.Apply(t.Context(), Ref("nowhere"))
		var remote *RemoteError
		if !errors.As(err, &remote) || remote.Engine != 0 {
			t.Errorf("error is %v", err)
		}
	})
}

func TestUnknownTargets(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		_, err := c.Direct(Engines(0, 7)).Execute(t.Context(), "x")
		if !errors.Is(err, ErrUnknownEngine) || !strings.Contains(err.Error(), "7") || !strings.Contains(err.Error(), "engines 0-1") {
			t.Errorf("error is %v", err)
		}
		if err := c.Interrupt(t.Context(), Engines(7)); !errors.Is(err, ErrUnknownEngine) {
			t.Errorf("interrupt: %v", err)
		}
	})
	story(t, 0, func(t *testing.T, f *fakeCluster, c *Client) {
		if err := c.Direct(All).Push(t.Context(), map[string]any{"a": 1}); !errors.Is(err, ErrNoEngines) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestEnginesComeAndGo(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		v := c.Direct(All)
		waited := make(chan error)
		go func() { waited <- c.WaitForEngines(t.Context(), 3) }()
		f.join()
		f.join()
		check(t, <-waited)
		equal(t, c.IDs(), []EngineID{0, 1, 2})
		got, err := v.Apply(t.Context(), Ref("whoami"))
		check(t, err)
		equal(t, got, []any{0, 1, 2})
		f.kill(1)
		synctest.Wait()
		equal(t, c.IDs(), []EngineID{0, 2})

		ctx, cancel := context.WithTimeout(t.Context(), engineQueryPeriod*3)
		defer cancel()
		if err := c.WaitForEngines(ctx, 3); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "2 are registered") {
			t.Errorf("wait for three: %v", err)
		}
	})
}

func TestEngineDies(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		f.holding()
		ar := c.Direct(All).ApplyAsync(Ref("whoami"))
		synctest.Wait()
		f.kill(0)
		synctest.Wait()
		f.release() // both answer, the dead one too
		values, err := ar.Get(t.Context())
		var remote *RemoteError
		if !errors.As(err, &remote) || remote.Engine != 0 || remote.Name != "EngineError" {
			t.Errorf("error is %v", err)
		}
		equal(t, values, []any{nil, 1})
		equal(t, ar.Metadata()[0].Status, "error")
	})
}

func TestCancelledWait(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		f.holding()
		ar := c.Direct(All).ExecuteAsync("print done")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := ar.Get(ctx)
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "0 of 2") {
			t.Errorf("error is %v", err)
		}
		if ar.Ready() {
			t.Error("ready")
		}
		if err := c.Direct(All).Push(ctx, map[string]any{"a": 1}); !errors.Is(err, context.Canceled) {
			t.Errorf("push: %v", err)
		}
		f.release()
		_, err = ar.Get(t.Context())
		check(t, err)
		equal(t, ar.Metadata()[1].Stdout, "done\n")
	})
}

func TestAbort(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		f.holding()
		v := c.Direct(All)
		keep, drop := v.ApplyAsync(Ref("whoami")), v.ApplyAsync(Ref("whoami"))
		task := c.LoadBalanced().ApplyAsync(Ref("whoami"))
		check(t, drop.Abort(t.Context()))
		check(t, c.Abort(t.Context(), task))
		f.release()
		_, err := keep.Get(t.Context())
		check(t, err)
		for _, ar := range []*AsyncResult{drop, task} {
			_, err = ar.Get(t.Context())
			var remote *RemoteError
			if !errors.As(err, &remote) || remote.Name != "TaskAborted" {
				t.Errorf("error is %v", err)
			}
			equal(t, ar.Metadata()[0].Status, "aborted")
		}
		check(t, c.Abort(t.Context())) // nothing is outstanding
	})
}

func TestControl(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		ctx := t.Context()
		check(t, c.Direct(All).Push(ctx, map[string]any{"a": 1}))
		check(t, c.Clear(ctx, Engines(0)))
		_, err := c.Direct(All).Pull(ctx, "a")
		var remote *RemoteError
		if !errors.As(err, &remote) || remote.Engine != 0 {
			t.Errorf("pull after clear: %v", err)
		}
		check(t, c.Interrupt(ctx, All))
		s, err := c.QueueStatus(ctx, All)
		check(t, err)
		equal(t, s, &QueueStatus{Engines: map[EngineID]EngineQueue{0: {Completed: 2}, 1: {Completed: 2}}, Unassigned: 2})

		check(t, c.ShutdownCluster(ctx))
		synctest.Wait()
		if err := c.Err(); err != ErrShutdown {
			t.Errorf("after the shutdown: %v", err)
		}
		equal(t, len(f.seen) > 0 && f.seen[len(f.seen)-1] == "shutdown_request", true)
	})
}

func TestControllerShutsDown(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		f.holding()
		ar := c.Direct(All).ApplyAsync(Ref("whoami"))
		f.notify("shutdown_notification", map[string]any{"status": "ok"})
		_, err := ar.Get(t.Context())
		if !errors.Is(err, ErrShutdown) {
			t.Errorf("outstanding: %v", err)
		}
		var composite *CompositeError
		if errors.As(err, &composite) {
			t.Error("one cause is reported as several")
		}
		if _, err := c.LoadBalanced().Apply(t.Context(), Ref("f")); !errors.Is(err, ErrShutdown) {
			t.Errorf("afterwards: %v", err)
		}
		if err := c.WaitForEngines(t.Context(), 1); !errors.Is(err, ErrShutdown) {
			t.Errorf("wait: %v", err)
		}
	})
}

func TestClose(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		f.holding()
		ar := c.Direct(All).ApplyAsync(Ref("whoami"))
		check(t, c.Close())
		check(t, c.Close())
		if _, err := ar.Get(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("outstanding: %v", err)
		}
		if _, err := c.Direct(All).Execute(t.Context(), "x"); !errors.Is(err, ErrClosed) {
			t.Errorf("afterwards: %v", err)
		}
		if err := c.Interrupt(t.Context(), All); !errors.Is(err, ErrClosed) {
			t.Errorf("control: %v", err)
		}
	})
}

// An engine whose last words got lost on iopub costs a wait, and no more.
func TestLostOutput(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		f.counts, f.loses = false, true
		rs, err := c.Direct(All).Execute(t.Context(), "print something")
		check(t, err)
		equal(t, rs[0].OutputLost, true)
		equal(t, rs[0].Stdout, "something\n")
	})
}

func TestFlood(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		rs, err := c.Direct(All).Execute(t.Context(), "flood x")
		check(t, err)
		out := rs[0].Stdout
		if len(out) > MaxOutput+100 || len(out) < MaxOutput || !strings.Contains(out, "bytes left out") {
			t.Errorf("%d bytes kept of a flood", len(out))
		}
	})
}

func TestForeignOutputIsDropped(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		other := f.connect()
		defer other.Close()
		_, err := other.Direct(All).Execute(t.Context(), "print for the other")
		check(t, err)
		rs, err := c.Direct(All).Execute(t.Context(), "print for me")
		check(t, err)
		equal(t, rs[0].Stdout, "for me\n")
	})
}
