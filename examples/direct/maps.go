package main

import (
	"context"
	"fmt"
	"iter"

	"muster/client"
)

func mapping(ctx context.Context, c *client.Client) {
	all, balanced := c.Direct(client.All), c.LoadBalanced()
	square := client.Ref("func(x int) int { return x * x }")

	// In blocks, one for each engine; in chunks; as tasks for whoever is free.
	blocks, err := all.Map(ctx, square, []int{1, 2, 3, 4, 5, 6, 7, 8})
	check(err)
	chunks, err := all.With(client.Chunk(2)).Map(ctx, square, []int{1, 2, 3, 4, 5, 6, 7, 8})
	check(err)
	tasks, err := balanced.Map(ctx, client.Ref("math.Pow"), []float64{1, 2, 3}, []int{2, 2, 2})
	check(err)
	fmt.Println(blocks, chunks, tasks)

	// Over a sequence without end, sixteen items at a time.
	for v, err := range client.MapSeq[int](ctx, balanced.With(client.Outstanding(16)), square, naturals()) {
		check(err)
		if v > 50 {
			fmt.Println("the first square above 50 is", v)
			break
		}
	}

	// A function that maps when it is called.
	squares := client.Parallel[func(ctx context.Context, x []int) ([]int, error)](all, square)
	values, err := squares(ctx, []int{10, 20, 30, 40})
	check(err)
	fmt.Println(values)

	// An executor, as of Python's concurrent.futures.
	pool := balanced.Executor()
	future := pool.Submit(client.Ref("math.Hypot"), 3, 4)
	check(pool.Shutdown(ctx)) // waits for what was submitted
	hypot, err := client.Values[float64](ctx, future)
	check(err)
	fmt.Println(hypot)
}

// naturals are 0, 1, 2 and so on.
func naturals() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
		}
	}
}
