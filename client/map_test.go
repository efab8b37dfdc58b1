package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"gonum.org/v1/gonum/mat"
)

// Every dealing gives each item to exactly one task, and its parts are the items
// of its ranges.
func TestDealing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := 1 + rng.IntN(40)
		q := 1 + rng.IntN(n)
		items := make([]int, n)
		for i := range items {
			items[i] = i
		}
		for name, d := range map[string]dealing{"blocks": blocks(n, q), "cyclic": cyclic(n, q), "chunks": chunks(n, q)} {
			parts, err := d.split(items)
			check(t, err)
			equal(t, len(parts), len(d.ranges))
			seen := make([]int, 0, n)
			for i, r := range d.ranges {
				part := parts[i].([]int)
				equal(t, len(part), r.len())
				for k, item := range part {
					equal(t, item, r.low+k*r.step)
				}
				seen = append(seen, part...)
			}
			slices.Sort(seen)
			if !reflect.DeepEqual(seen, items) {
				t.Errorf("%s of %d items, %d: %v", name, n, q, d.ranges)
			}
		}
	}
}

func TestMapChunks(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		ctx := t.Context()
		items := []float64{1, 2, 3, 4, -5, 6, 7, 8, 9, 10}
		good := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
		v := c.Direct(All).With(Chunk(3))
		got, err := Map[int](ctx, v, Ref("double"), good)
		check(t, err)
		equal(t, got, []int{2, 4, 6, 8, 10, 12, 14, 16, 18, 20})
		ar := v.MapAsync(Ref("double"), items)
		all, err := ar.Get(ctx)
		equal(t, all, []any{2.0, 4.0, 6.0, nil, nil, nil, 14.0, 16.0, 18.0, 20.0})
		equal(t, fmt.Sprint(err), "client: map double: items 3-5: engine 1: ValueError: negative")
		var at []EngineID
		for _, r := range ar.Metadata() {
			at = append(at, r.Engine)
		}
		equal(t, at, []EngineID{0, 1, 2, 0})
		again, err2 := Values[float64](ctx, ar)
		equal(t, again, []float64{2, 4, 6, 0, 0, 0, 14, 16, 18, 20})
		equal(t, err2.Error(), err.Error())
		var missing *MapError
		var remote *RemoteError
		if !errors.As(err, &missing) || len(missing.Missing) != 1 || missing.Missing[0].Low != 3 || missing.Missing[0].High != 6 ||
			!errors.As(err, &remote) || remote.Engine != 1 {
			t.Errorf("error is %#v", err)
		}

		lb := c.LoadBalanced()
		got, err = Map[int](ctx, lb.With(Chunk(4)), Ref("double"), good)
		check(t, err)
		equal(t, got, []int{2, 4, 6, 8, 10, 12, 14, 16, 18, 20})
		before := f.tasks
		got, err = Map[int](ctx, lb.With(Chunk(100)), Ref("double"), mat.NewVecDense(3, []float64{1, 2, 3}))
		check(t, err)
		equal(t, got, []int{2, 4, 6})
		equal(t, f.tasks-before, 1)

		// A value that does not fit costs itself only.
		got, err = Map[int](ctx, v, Ref("double"), []float64{1, 0.25, 3, 4})
		equal(t, got, []int{2, 0, 6, 8})
		var value *ValueError
		if !errors.As(err, &value) || value.Engine != 0 || !strings.Contains(err.Error(), "item 1: engine 0: ") {
			t.Errorf("error is %v", err)
		}
		got, err = Map[int](ctx, lb, Ref("double"), []float64{1, 0.25, 3, 4})
		equal(t, got, []int{2, 0, 6, 8})
		if !errors.As(err, &value) || value.Engine == NoEngine || !strings.Contains(err.Error(), "item 1: engine ") {
			t.Errorf("error is %v", err)
		}
		if _, err := v.Map(ctx, Ref("double"), []any{1, make(chan int)}); !errors.As(err, &value) {
			t.Errorf("map of a channel: %v", err)
		}
		if _, err := lb.Map(ctx, Ref("double"), []any{1, make(chan int)}); !errors.As(err, &value) || !strings.Contains(err.Error(), "item 1") {
			t.Errorf("map of a channel: %v", err)
		}
		got, err = Map[int](ctx, v, Ref("double"), []int{})
		check(t, err)
		equal(t, got, []int{})
	})
}

// Items of an engine that dies are missing, and nothing is sent for a context
// that has ended.
func TestMapLosses(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		f.holding()
		ar := c.Direct(All).MapAsync(Ref("double"), []int{1, 2, 3, 4, 5})
		synctest.Wait()
		f.kill(1)
		synctest.Wait()
		f.release()
		got, err := Values[int](t.Context(), ar)
		equal(t, got, []int{2, 4, 0, 0, 10})
		if !errors.Is(err, ErrEngineDied) || !strings.Contains(err.Error(), "items 2-3: engine 1: ") {
			t.Errorf("error is %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		sent := len(f.seen)
		for name, view := range views(c) {
			_, err1 := view().Map(ctx, Ref("double"), []int{1})
			_, err2 := Parallel[func(context.Context, []int) ([]int, error)](view(), Ref("double"))(ctx, []int{1})
			_, err3 := c.Direct(All).With(Cyclic()).RawMap(ctx, Ref("double"), []int{1})
			for i, err := range []error{err1, err2, err3} {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s, %d: %v", name, i, err)
				}
			}
		}
		synctest.Wait()
		equal(t, len(f.seen), sent)
	})
}

func TestRawMap(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		ctx := t.Context()
		v := c.Direct(All).With(Chunk(1)) // which is nothing to RawMap
		for _, v := range []*DirectView{v, v.With(Cyclic())} {
			ar := v.RawMapAsync(Ref("double"), []float64{1, 2, 3, 4, 5, 6, 7})
			got, err := Values[int](ctx, ar)
			check(t, err)
			equal(t, got, []int{2, 4, 6, 8, 10, 12, 14})
			equal(t, ar.Len(), 3)
		}
		got, err := v.With(Cyclic()).RawMap(ctx, Ref("double"), []float64{1, -2, 3, 4, 5, 6, 7, 8})
		equal(t, got, []any{2.0, nil, 6.0, 8.0, nil, 12.0, 14.0, nil})
		equal(t, fmt.Sprint(err), "client: map double: items 1:8:3: engine 1: ValueError: negative")
		got, err = v.With(Cyclic()).RawMap(ctx, Ref("double"), []float64{1, -2})
		equal(t, got, []any{2.0, nil})
		equal(t, fmt.Sprint(err), "client: map double: item 1: engine 1: ValueError: negative")
		got, err = v.RawMap(ctx, Ref("double"), []float64{-1, 2, -3})
		equal(t, got, []any{nil, 4.0, nil})
		equal(t, fmt.Sprint(err), "client: map double: items 0, 2: 2 errors: engines 0, 2: ValueError: negative")
	})
}

func TestItems(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		v := c.Direct(All).With(Chunk(2))
		f.holding()
		ar := v.MapAsync(Ref("double"), []float64{1, 2, -3, 4, 5})
		synctest.Wait()
		f.releaseAt(2) // out of turn
		f.releaseAt(0)
		var got []float64
		for x, err := range Items[float64](ctx, ar) {
			if got = append(got, x); len(got) == 2 {
				f.release()
			}
			if (err != nil) != (len(got) == 3 || len(got) == 4) {
				t.Errorf("item %d: %v", len(got)-1, err)
			}
		}
		equal(t, got, []float64{2, 4, 0, 0, 10})

		got = nil
		for x, err := range Items[float64](ctx, v.With(Cyclic()).RawMapAsync(Ref("double"), []float64{1, 2, 3, 4, 5})) {
			check(t, err)
			got = append(got, x)
		}
		equal(t, got, []float64{2, 4, 6, 8, 10})

		f.holding()
		ar = v.MapAsync(Ref("double"), []float64{1, 2, 3})
		synctest.Wait()
		f.releaseAt(0)
		got = nil
		var last error
		for x, err := range Items[float64](ctx, ar) {
			if got = append(got, x); len(got) == 2 {
				cancel()
			}
			last = err
		}
		equal(t, got, []float64{2, 4, 0})
		if !errors.Is(last, context.Canceled) {
			t.Errorf("the last error is %v", last)
		}
		f.release()
		for _, err := range Items[int](t.Context(), v.ApplyAsync(Ref("whoami"))) {
			if err == nil {
				t.Error("items of an apply: no error")
			}
		}
		for range Items[int](t.Context(), v.MapAsync(Ref("double"), []int{})) {
			t.Error("an item of nothing")
		}
		for _, err := range Items[int](t.Context(), v.MapAsync(Ref("double"), 5)) {
			if err == nil || !strings.Contains(err.Error(), "a int is no sequence") {
				t.Errorf("map of a number: %v", err)
			}
		}
	})
}

// releaseAt lets the i-th of the engines that wait answer.
func (f *fakeCluster) releaseAt(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.run(f.held[i])
	f.held = slices.Delete(f.held, i, i+1)
}
