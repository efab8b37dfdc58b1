package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster/client"
)

func waiting(ctx context.Context, c *client.Client) {
	v := c.LoadBalanced()
	set := v.Submit(
		client.Task{Code: `6 * 7`},
		client.Task{Code: `"never"`, Depend: "tpu"},
	)
	check(set.WaitFor(ctx, client.First))
	time.Sleep(100 * time.Millisecond) // all engines have been asked by then

	// How the tasks stand, and why one of them waits.
	status, err := c.TaskStatus(ctx, set.AsyncResult)
	check(err)
	fmt.Println(status)
	why, err := set.Explain(ctx)
	check(err)
	fmt.Println(why)
	check(set.Abort(ctx))
	_, err = set.Get(ctx)
	fmt.Println(errors.Is(err, client.ErrTaskAborted))
}

func cancel(ctx context.Context, c *client.Client) {
	v := c.LoadBalanced()

	// Four run, two wait; all end.
	set := v.Submit(slices.Repeat([]client.Task{{Code: `fmt.Println("on my way"); for {}`}}, 6)...)
	begun := 0
	for range set.Outputs(ctx) {
		if begun++; begun == 4 {
			break
		}
	}
	cancelled, err := set.Cancel(ctx)
	check(err)
	fmt.Println(cancelled)

	// A call ends with the context that it waits by, and says where it was.
	short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	defer stop()
	_, err = v.Execute(short, `for {}`)
	fmt.Println(err)
}
