package main

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"muster/client"
)

func scatter(ctx context.Context, c *client.Client) {
	all := c.Direct(client.All)

	// A block of the items to each engine, and the blocks joined again.
	check(all.Scatter(ctx, "x", []float64{1, 2, 3, 4, 5, 6}))
	_, err := all.Execute(ctx, `floats.Scale(10, x)`)
	check(err)
	x, err := client.Gather[[]float64](ctx, all, "x")
	check(err)
	fmt.Println(x)

	// A list comprehension, [i*i for i in range(8)], in parallel.
	check(all.Scatter(ctx, "i", []int{0, 1, 2, 3, 4, 5, 6, 7}))
	_, err = all.Execute(ctx, `
		squares := make([]int, len(i))
		for n := range i {
			squares[n] = i[n] * i[n]
		}`)
	check(err)
	squares, err := client.Gather[[]int](ctx, all, "squares")
	check(err)
	fmt.Println(squares)

	// Dealt out like cards; the rows of a matrix.
	dealt := all.With(client.Cyclic())
	check(dealt.Scatter(ctx, "rows", mat.NewDense(8, 2, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})))
	first, err := client.Get[*mat.Dense](ctx, c.Direct(client.Engines(1)), "rows")
	check(err)
	fmt.Println(mat.Formatted(first[0]))
	rows, err := client.Gather[*mat.Dense](ctx, dealt, "rows")
	check(err)
	fmt.Println(rows.Dims())
}
