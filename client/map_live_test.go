package client_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"muster/client"
	"muster/controller"
	"muster/engine"
	"muster/numeric"
	"muster/wire"
)

var (
	half = engine.Func("map.Half", func(n int) (int, error) {
		if n%2 != 0 {
			return 0, fmt.Errorf("%d is odd", n)
		}
		return n / 2, nil
	})
	norm   = engine.Func("map.Norm", func(row []float64) float64 { return mat.Norm(mat.NewVecDense(len(row), row), 2) })
	repeat = engine.Func("map.Repeat", strings.Repeat)
	nap    = engine.Func("map.Nap", func(ctx context.Context, x int) (int, error) {
		select {
		case <-time.After(time.Duration(x) * time.Millisecond):
			return x, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
)

func TestGoMap(t *testing.T) {
	c, ctx := connect(t)
	rows := mat.NewDense(5, 2, []float64{3, 4, 0, 1, 6, 8, 0, 0, 5, 12})
	cube := numeric.New([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, 2)
	views := map[string]client.Mapper{
		"direct": c.Direct(client.All), "direct in chunks": c.Direct(client.Engines(2, 0)).With(client.Chunk(2)),
		"balanced": c.LoadBalanced(), "balanced in chunks": c.LoadBalanced().With(client.Chunk(3)),
	}
	for name, v := range views {
		t.Run(name, func(t *testing.T) {
			norms, err := client.Map[float64](ctx, v, norm, rows)
			check(t, err)
			want(t, norms, []float64{5, 1, 10, 0, 13})
			words, err := client.Map[string](ctx, v, repeat, []string{"a", "b", "c"}, []int{1, 2, 3})
			check(t, err)
			want(t, words, []string{"a", "bb", "ccc"})
			shapes, err := client.Map[[]int](ctx, v, client.Ref("func(x [][]float32) []int { return []int{len(x), len(x[0])} }"), cube)
			check(t, err)
			want(t, shapes, [][]int{{2, 2}, {2, 2}})

			// Go engines send what precedes the item that failed.
			halves, err := client.Map[int](ctx, v, half, []int{2, 4, 6, 8, 9, 10, 12})
			var missing *client.MapError
			var remote *client.RemoteError
			if !errors.As(err, &missing) || missing.Missing[0].Low != 4 || !errors.As(err, &remote) || remote.Message != "9 is odd" {
				t.Fatalf("error is %v", err)
			}
			expected := []int{1, 2, 3, 4, 0, 5, 6}
			for i := missing.Missing[0].Low; i < missing.Missing[0].High; i++ {
				expected[i] = 0
			}
			want(t, halves, expected)

			var lazily []int
			for x, err := range client.MapSeq[int](ctx, v, half, evens()) {
				check(t, err)
				if lazily = append(lazily, x); x == 50 {
					break
				}
			}
			want(t, slices.Equal(lazily, slices.Collect(upTo(50))), true)
		})
	}
	values, err := c.Direct(client.All).With(client.Cyclic()).RawMap(ctx, half, []int{0, 2, 4, 6, 8, 10, 12, 13, 14})
	want(t, values, []any{0, 1, 2, 3, 4, 5, 6, nil, 7})
	if err == nil || !strings.Contains(err.Error(), "client: map map.Half: item 7: engine 3: ") {
		t.Errorf("error is %v", err)
	}
	if _, err := c.Direct(client.All).Map(ctx, repeat, []string{"a"}); err == nil || !strings.Contains(err.Error(), "map.Repeat is a func(string, int) string: it takes 2 arguments, not 1") {
		t.Errorf("error is %v", err)
	}
}

// evens yields 0, 2, 4 and so on for ever.
func evens() iter.Seq[int] {
	return func(yield func(int) bool) {
		for n := 0; yield(n); n += 2 {
		}
	}
}

func upTo(last int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for n := 0; n <= last && yield(n); n++ {
		}
	}
}

// Values come as they are there where order does not matter.
func TestGoMapUnordered(t *testing.T) {
	c, ctx := connect(t)
	items := []int{300, 1, 2, 3, 4, 5, 6, 7}
	for _, v := range []client.Mapper{c.Direct(client.All).With(client.Unordered()), c.LoadBalanced().With(client.Unordered())} {
		var got []int
		for x, err := range client.MapSeq[int](ctx, v, nap, slices.Values(items)) {
			check(t, err)
			got = append(got, x)
		}
		if got[0] == 300 {
			t.Errorf("in the order of the items: %v", got)
		}
		slices.Sort(got)
		want(t, got, []int{1, 2, 3, 4, 5, 6, 7, 300})
	}
}

func TestGoRemote(t *testing.T) {
	c, ctx := connect(t)
	all, lb := c.Direct(client.Engines(1, 3)), c.LoadBalanced()
	words, err := client.Remote[func(context.Context, string, int) ([]string, error)](all, repeat)(ctx, "ab", 2)
	check(t, err)
	want(t, words, []string{"abab", "abab"})
	word, err := client.Remote[func(context.Context, string, int) (string, error)](lb, repeat)(ctx, "ab", 2)
	check(t, err)
	want(t, word, "abab")
	halves, err := client.Parallel[func(context.Context, []int) ([]int, error)](all, half)(ctx, []int{2, 4, 6})
	check(t, err)
	want(t, halves, []int{1, 2, 3})
	_, err = all.Apply(ctx, half, "two")
	var wrong *client.SignatureError
	if !errors.As(err, &wrong) || wrong.Function != "map.Half" || wrong.Error() != "map.Half is a func(int) (int, error): argument 1 is a string, not a int" {
		t.Errorf("error is %v", err)
	}
}

func TestGoExecutor(t *testing.T) {
	c, ctx := connect(t)
	e := c.LoadBalanced().Executor()
	submitted := make(map[int]*client.AsyncResult)
	for n := range 20 {
		submitted[n] = e.Submit(half, 2*n)
	}
	mapped := e.Map(ctx, square, []float64{1, 2, 3})
	check(t, e.Shutdown(ctx))
	for n := range maps.Keys(submitted) {
		want(t, submitted[n].Ready(), true)
		values, err := client.Values[int](ctx, submitted[n])
		check(t, err)
		want(t, values, []int{n})
	}
	var squares []any
	for x, err := range mapped {
		check(t, err)
		squares = append(squares, x)
	}
	want(t, squares, []any{1.0, 4.0, 9.0})
	if _, err := e.Submit(half, 2).Get(ctx); !errors.Is(err, client.ErrExecutorShutdown) {
		t.Errorf("after shutdown: %v", err)
	}
}

// An engine that goes in the middle of a map fails what it had, and the others
// do the rest.
func TestGoMapDeath(t *testing.T) {
	profile := wire.Profile{Dir: t.TempDir()}
	stop, err := startCluster(controller.Config{Profile: profile}, 3)
	check(t, err)
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := client.Connect(ctx, client.WithProfileDir(profile.Dir))
	check(t, err)
	defer c.Close()
	items := slices.Repeat([]int{1}, 150)
	n, died := 0, 0
	for x, err := range client.MapSeq[int](ctx, c.Direct(client.Engines(0, 1, 2)), nap, slices.Values(items)) {
		if n++; n == 30 {
			check(t, c.Shutdown(ctx, client.Engines(1)))
		}
		if err == nil {
			want(t, x, 1)
			continue
		}
		var remote *client.RemoteError
		if died++; !errors.As(err, &remote) || remote.Engine != 1 {
			t.Errorf("item %d: %v", n-1, err)
		}
	}
	if n != len(items) || died > 12 { // as many as are outstanding
		t.Errorf("%d of %d items, %d of them failed", n, len(items), died)
	}
}
