package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"

	"muster/client"
)

func campaign(ctx context.Context, c *client.Client) {
	slow := client.Ref(`func(i int) int { time.Sleep(5 * time.Millisecond); return i * i }`)
	numbers := make([]int, 2000)
	for i := range numbers {
		numbers[i] = i
	}
	sum := 0
	for y, err := range client.MapSeq[int](ctx, c.LoadBalanced(), slow, slices.Values(numbers)) {
		check(err)
		sum += y
	}
	fmt.Println(len(numbers), "tasks done, sum of squares", sum)
}

func death(ctx context.Context, c *client.Client) {
	v := c.LoadBalanced()

	// An engine is killed while it runs a task that may be tried again.
	tasks := v.With(client.Retries(1)).MapAsync(client.Ref(`func(i int) int {
		fmt.Println("begun")
		time.Sleep(300 * time.Millisecond)
		return i * i
	}`), []int{1, 2, 3, 4})
	for o := range tasks.Outputs(ctx) {
		if o.Engine == 2 {
			break
		}
	}
	check(c.Signal(ctx, client.Engines(2), syscall.SIGKILL))
	values, err := tasks.Get(ctx)
	check(err)
	fmt.Println(values)

	// A task that kills its engine is stopped before it has killed all of them.
	_, err = v.With(client.Retries(10)).Execute(ctx, `exec.Command("kill", "-9", fmt.Sprint(os.Getpid())).Run(); select {}`)
	fmt.Println(err)

	// Engines that died are started again (--restart engine).
	check(c.WaitForEngines(ctx, 4))
	fmt.Println(c.IDs())
}
