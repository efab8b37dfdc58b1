package main

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"muster/client"
)

func values(ctx context.Context, c *client.Client) {
	all := c.Direct(client.All)
	type run struct {
		Name  string    `json:"name"`
		Steps int       `json:"steps"`
		Times []float64 `json:"times"`
	}

	// Push and pull: numbers, strings, slices, maps, structs, matrices.
	check(all.Push(ctx, map[string]any{
		"k": 3,
		"A": mat.NewDense(2, 2, []float64{1, 2, 3, 4}),
		"r": run{"warm-up", 100, []float64{0.5, 0.25}},
	}))
	pulled, err := c.Direct(client.Engines(0, 1)).Pull(ctx, "k", "mat.Det(A)") // or an expression
	check(err)
	fmt.Println(pulled)

	// As a Go type: an error if a value does not fit it without loss.
	traces, err := client.Get[float64](ctx, all, "mat.Trace(A)")
	check(err)
	runs, err := client.Get[run](ctx, all, "r")
	check(err)
	fmt.Println(traces, runs[3])

	// As a dictionary.
	check(all.Set(ctx, "k", 4))
	check(all.Update(ctx, map[string]any{"l": 5, "m": 6}))
	k, err := all.Get(ctx, "k")
	check(err)
	check(all.Delete(ctx, "l"))
	names, err := all.Keys(ctx)
	check(err)
	fmt.Println(k, names[0])
}
