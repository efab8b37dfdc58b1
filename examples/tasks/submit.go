package main

import (
	"context"
	"fmt"
	"slices"

	"muster/client"
)

func submit(ctx context.Context, c *client.Client) {
	v := c.LoadBalanced()

	// One task, for whichever engine has least to do.
	value, err := v.Apply(ctx, client.Ref("math.Hypot"), 3, 4)
	check(err)
	result, err := v.Execute(ctx, `fmt.Println("six times seven"); 6 * 7`)
	check(err)
	fmt.Println(value, result.Value, result.Stdout)

	// Many at once: each call returns before its task has run.
	var under []*client.AsyncResult
	for i := range 8 {
		under = append(under, v.ApplyAsync(client.Ref("math.Sqrt"), float64(i*i)))
	}
	check(c.Barrier(ctx, under...))
	for _, ar := range under {
		root, err := client.Values[float64](ctx, ar)
		check(err)
		fmt.Print(root[0], " ")
	}
	fmt.Println()
}

func mapping(ctx context.Context, c *client.Client) {
	v := c.LoadBalanced()
	square := client.Ref("func(x int) int { return x * x }")
	numbers := make([]int, 10_000)
	for i := range numbers {
		numbers[i] = i
	}

	// A task for each item, or for each chunk of them.
	few, err := v.Map(ctx, square, numbers[:5])
	check(err)
	many, err := v.With(client.Chunk(500)).Map(ctx, square, numbers)
	check(err)
	fmt.Println(few, len(many), many[9_999])

	// As they come, however many there are: sixteen are under way at a time.
	sum := 0
	lazy := v.With(client.Outstanding(16), client.Unordered())
	for y, err := range client.MapSeq[int](ctx, lazy, square, slices.Values(numbers[:100])) {
		check(err)
		sum += y
	}
	fmt.Println(sum)

	// What has come is kept when some of it fails.
	inverse := client.Ref(`func(x int) (float64, error) {
		if x%4 == 3 { return 0, errors.New("not this one") }
		return 1 / float64(x+1), nil
	}`)
	values, err := v.Map(ctx, inverse, numbers[:8])
	fmt.Println(values)
	fmt.Println(err)
}
