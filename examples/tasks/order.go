package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster/client"
)

func order(ctx context.Context, c *client.Client) {
	v := c.LoadBalanced()

	// A mesh, two solvers that want it, and a report of both.
	mesh := v.ExecuteAsync(`mesh := []float64{1, 2, 3}`)
	sum := v.With(client.Follow(mesh)).ExecuteAsync(`floats.Sum(mesh)`) // where the mesh is
	norm := v.With(client.Follow(mesh)).ExecuteAsync(`floats.Norm(mesh, 2)`)
	report := v.With(client.After(sum, norm)).ExecuteAsync(`"both are done"`)
	// And somebody to clean up, should one of them fail.
	cleanup := v.With(client.After(client.AnyOf(sum, norm).Failed())).ExecuteAsync(`"something went wrong"`)

	for _, ar := range []*client.AsyncResult{sum, norm, report} {
		values, err := ar.Get(ctx)
		check(err)
		fmt.Println(values[0])
	}
	_, err := cleanup.Get(ctx)
	fmt.Println(errors.Is(err, client.ErrImpossibleDependency), err)
}

func where(ctx context.Context, c *client.Client) {
	// On some engines only.
	few := c.LoadBalanced().On(client.Engines(1, 3))
	for r, err := range few.ExecuteAsync(`1`).Results(ctx) {
		check(err)
		fmt.Println(r.Engine == 1 || r.Engine == 3)
	}

	// On engines of which something is true.
	check(c.Direct(client.Engines(2)).SetProperties(ctx, map[string]any{"gpu": true}))
	r, err := c.LoadBalanced().Run(ctx, client.Task{
		Code:   `fmt.Println("here")`,
		Depend: "gpu && RAM > 1e9 && cores >= 1",
	})
	check(err)
	fmt.Println("engine", r.Engine, r.Stdout)

	// On engines that have what it takes.
	_, err = c.Direct(client.Engines(1)).Execute(ctx, `table := map[string]int{"a": 1}`)
	check(err)
	r, err = c.LoadBalanced().Run(ctx, client.Task{Code: `table["a"]`, Require: []string{"table"}})
	check(err)
	fmt.Println("engine", r.Engine, "has", r.Value)
	check(c.Direct(client.All).ClearProperties(ctx))
}

func trouble(ctx context.Context, c *client.Client) {
	v := c.LoadBalanced()

	// What fails is tried again on another engine, up to three times more: one of
	// the four has the table.
	_, err := c.Direct(client.Engines(3)).Execute(ctx, `table := []int{40, 41, 42}`)
	check(err)
	r, err := v.With(client.Retries(3)).Execute(ctx, `table[2]`)
	check(err)
	fmt.Println("engine", r.Engine, "has", r.Value)

	// Before others that wait; not to wait longer than this; nor to run longer.
	urgent := v.With(client.Priority(10), client.Timeout(30*time.Second), client.Deadline(50*time.Millisecond))
	_, err = urgent.Execute(ctx, `for {}`)
	fmt.Println(errors.Is(err, client.ErrDeadline), err)
}
