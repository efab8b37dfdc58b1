package client

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// pythonMaps is what maps do on two Python engines, by the same code.
func pythonMaps(t *testing.T, ctx context.Context, c *Client) {
	square, inverse := Ref("lambda x: x**2 if type(x) in (int, float) else None"), Ref("lambda x: 6 // x")
	all := c.Direct(All)
	for _, v := range []Mapper{all, all.With(Chunk(2)), c.LoadBalanced(), c.LoadBalanced().With(Chunk(2))} {
		squares, err := Map[int](ctx, v, square, []int{1, 2, 3, 4, 5})
		check(t, err)
		equal(t, squares, []int{1, 4, 9, 16, 25})
		sums, err := Parallel[func(context.Context, *mat.Dense) ([]float64, error)](v, Ref("sum"))(ctx, mat.NewDense(3, 2, []float64{1, 2, 3, 4, 5, 6}))
		check(t, err)
		equal(t, sums, []float64{3, 7, 11})

		// Of a chunk that fails all is missing; where is known.
		got, err := v.Map(ctx, inverse, []int{1, 2, 0, 3, 6})
		var missing *MapError
		var remote *RemoteError
		if !errors.As(err, &missing) || !errors.As(err, &remote) || remote.Name != "ZeroDivisionError" {
			t.Fatalf("error is %v", err)
		}
		for i, v := range []any{6, 3, nil, 2, 1} {
			if m := missing.Missing[0]; i >= m.Low && i < m.High {
				v = nil
			}
			equal(t, got[i], v)
		}

		next, stop := iter.Pull2(MapSeq[int](ctx, v, Ref("lambda a, b: a * b"), func(yield func(Args) bool) {
			for n := 0; yield(Args{n, 10}); n++ {
			}
		}))
		for n := range 20 {
			x, err, _ := next()
			check(t, err)
			equal(t, x, 10*n)
		}
		stop()
	}
	cyclic, err := all.With(Cyclic()).RawMap(ctx, square, []int{1, 2, 3, 4, 5})
	check(t, err)
	equal(t, cyclic, []any{1, 4, 9, 16, 25})

	powers, err := Remote[func(ctx context.Context, x, y int, k Kwargs) ([]int, error)](all, Ref("pow"))(ctx, 2, 5, Kwargs{"mod": 7})
	check(t, err)
	equal(t, powers, []int{4, 4})

	e := c.LoadBalanced().Executor()
	var mapped []any
	for x, err := range e.Map(ctx, square, []string{}) {
		t.Error(x, err)
	}
	for x, err := range e.Map(ctx, Ref("str.upper"), []string{"a", "b", "c"}) {
		check(t, err)
		mapped = append(mapped, x)
	}
	submitted := e.Submit(Ref("pow"), 2, 3)
	check(t, e.Shutdown(ctx))
	values, err := submitted.Get(ctx)
	check(t, err)
	equal(t, slices.Concat(mapped, values), []any{"A", "B", "C", 8})
}
