package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"muster/client"
)

func failures(ctx context.Context, c *client.Client) {
	all := c.Direct(client.All)

	// The same error on all engines is told once.
	_, err := all.Execute(ctx, "var empty []int\nempty[3]")
	fmt.Println(err)
	var several *client.CompositeError
	if errors.As(err, &several) {
		fmt.Println(len(several.Errors), "engines failed")
		several.PrintTracebacks(os.Stdout)
	}

	// Two engines have two items, two have one: the values of the good half
	// stand beside the error.
	check(all.Scatter(ctx, "x", []float64{1, 2, 3, 4, 5, 6}))
	second, err := client.Get[float64](ctx, all, "x[1]")
	fmt.Println(second, err)
	var remote *client.RemoteError // the first of them
	if errors.As(err, &remote) {
		fmt.Printf("engine %d, %s: %s\n", remote.Engine, remote.Name, remote.Message)
	}

	// What cannot be sent, named.
	err = all.Push(ctx, map[string]any{"done": make(chan int)})
	fmt.Println(err)
	// What does not fit the type that is asked for.
	_, err = client.Get[int](ctx, c.Direct(client.Engines(0)), `"seven"`)
	fmt.Println(err)
	_, err = c.Direct(client.Engines(17)).Execute(ctx, "1")
	fmt.Println(err, errors.Is(err, client.ErrUnknownEngine))
}
