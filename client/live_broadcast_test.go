package client_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"muster/client"
)

func TestGoBroadcast(t *testing.T) {
	c, ctx := connect(t)
	for name, v := range map[string]*client.BroadcastView{
		"each":       c.Broadcast(client.All),
		"coalescing": c.Broadcast(client.All).With(client.Coalescing()),
	} {
		t.Run(name, func(t *testing.T) {
			big := make([]float64, 20000)
			big[19999] = 1
			check(t, v.Push(ctx, map[string]any{"big": big, "k": 3}))
			rs, err := v.Execute(ctx, `k++; fmt.Println("hello"); println("to stderr"); big[19999] + float64(k)`)
			check(t, err)
			for i, r := range rs {
				want(t, r.Stdout, "hello\n")
				want(t, r.Stderr, "to stderr\n")
				want(t, r.Text(), "5")
				want(t, int(r.Engine), i)
				if r.Started.IsZero() || r.Completed.Before(r.Started) || r.ExecutionCount == 0 {
					t.Errorf("times or count: %+v", r)
				}
			}
			values, err := client.Call[float64](ctx, v, square, 1.5)
			check(t, err)
			want(t, values, []float64{2.25, 2.25, 2.25, 2.25})
			back, err := client.Get[[]float64](ctx, v, "big")
			check(t, err)
			if len(back) != 4 || !slices.Equal(back[3], big) {
				t.Error("the array came back changed")
			}

			// One engine fails; the others' values are there.
			check(t, c.Direct(client.Slice("1:")).Push(ctx, map[string]any{name: "here"}))
			ar := v.PullAsync(name)
			pulled, err := ar.Get(ctx)
			var remote *client.RemoteError
			if !errors.As(err, &remote) || remote.Engine != 0 || !strings.Contains(err.Error(), name) {
				t.Errorf("error is %v", err)
			}
			want(t, pulled, []any{nil, map[string]any{name: "here"}, map[string]any{name: "here"}, map[string]any{name: "here"}})
			for i, r := range ar.Metadata() {
				want(t, r.Status, []string{"error", "ok", "ok", "ok"}[i])
			}

			// Another client finds what the hub has recorded.
			other, _ := connect(t)
			one := ar.Metadata()[1]
			again, err := other.GetResult(ctx, one.MsgID)
			check(t, err)
			want(t, again[0].Value, []any{"here"})
			want(t, again[0].Engine, one.Engine)
			if !strings.HasSuffix(string(one.MsgID), string(one.UUID)) {
				t.Errorf("task %s of engine %s", one.MsgID, one.UUID)
			}
		})
	}
}

// Cells of one goroutine reach each engine in the order in which they were
// sent, be they big or small, for all engines or for some.
func TestGoOrder(t *testing.T) {
	c, ctx := connect(t)
	all := c.Direct(client.All)
	const writers, cells = 3, 60
	for w := range writers {
		_, err := all.Execute(ctx, fmt.Sprintf("seen%d := []int{}", w))
		check(t, err)
	}
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			var calls []*client.AsyncResult
			for i := range cells {
				v := []*client.DirectView{all, all.On(client.Slice("::2")), all.On(client.Engines(1, 0))}[(i+w)%3]
				padding := strings.Repeat(" ", i%2*100_000)
				calls = append(calls, v.With(client.Silent()).ExecuteAsync(fmt.Sprintf("seen%d = append(seen%d, %d) //%s", w, w, i, padding)))
				if i%20 == 19 {
					if err := c.Barrier(ctx, calls...); err != nil {
						t.Error(err)
					}
				}
			}
			for _, ar := range calls {
				if _, err := ar.Get(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	for w := range writers {
		seen, err := client.Get[[]int](ctx, all, fmt.Sprintf("seen%d", w))
		check(t, err)
		for engine, numbers := range seen {
			if !slices.IsSorted(numbers) || len(numbers) < cells/3 {
				t.Errorf("engine %d saw %v", engine, numbers)
			}
		}
	}
}

// With NoCopy the array may be changed when Sent says so, and no sooner; what
// the engines get is what it was before.
func TestGoNoCopy(t *testing.T) {
	c, ctx := connect(t)
	x := make([]float64, 1<<20)
	for _, v := range []client.View{
		c.Direct(client.All).With(client.NoCopy()),
		c.Direct(client.Engines(1)).With(client.NoCopy()),
		c.Broadcast(client.All).With(client.NoCopy(), client.Coalescing()),
		c.LoadBalanced().With(client.NoCopy()),
	} {
		for i := range x {
			x[i] = 1
		}
		ar := v.ApplyAsync(client.Ref("func(x []float64) float64 { s := 0.0; for i := range x { s += x[i] }; return s }"), x)
		select {
		case <-ar.Sent():
		case <-ctx.Done():
			t.Fatal("the array is never free")
		}
		clear(x)
		sums, err := client.Values[float64](ctx, ar)
		check(t, err)
		for _, sum := range sums {
			want(t, sum, float64(len(x)))
		}
	}
	copied := c.Direct(client.All).ApplyAsync(square, 2.0)
	select {
	case <-copied.Sent():
	default:
		t.Error("what was copied is not free")
	}
	unknown := c.Direct(client.Engines(99)).With(client.NoCopy()).ApplyAsync(square, 2.0)
	select {
	case <-unknown.Sent():
	default:
		t.Error("what was not sent is not free")
	}
}
