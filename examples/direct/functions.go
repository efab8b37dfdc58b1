package main

import (
	"context"
	"fmt"

	"muster/client"
)

func functions(ctx context.Context, c *client.Client) {
	all := c.Direct(client.All)

	// A function that a cell defines, one of a package, or an expression.
	_, err := all.Execute(ctx, `func power(x float64, n int) float64 { return math.Pow(x, float64(n)) }`)
	check(err)
	check(all.Set(ctx, "k", 3))
	cubes, err := client.Call[float64](ctx, all, client.Ref("power"), 2, client.Ref("k")) // each engine's own k
	check(err)
	roots, err := client.Call[float64](ctx, all, client.Ref("math.Sqrt"), 2)
	check(err)
	sums, err := client.Call[int](ctx, all, client.Ref("func(a, b int) int { return a + b }"), 2, 3)
	check(err)
	fmt.Println(cubes, roots[0], sums)

	// A function as source, to the engines and back.
	check(all.PushFunction(ctx, map[string]string{"cube": "func(x int) int { return x * x * x }"}))
	sources, err := c.Direct(client.Engines(0)).PullFunction(ctx, "cube", "power")
	check(err)
	fmt.Println(sources[0]["cube"])
	fmt.Println(sources[0]["power"])

	// As a function of this program, with its types.
	cube := client.Remote[func(ctx context.Context, x int) ([]int, error)](all, client.Ref("cube"))
	values, err := cube(ctx, 3)
	check(err)
	fmt.Println(values)

	// Packages under another name, for the cells to come.
	check(all.Import(ctx, "math/cmplx"))
	_, err = all.Execute(ctx, `z := cmplx.Exp(1i * math.Pi)`)
	check(err)
}
