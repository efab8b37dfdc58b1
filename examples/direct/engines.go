package main

import (
	"context"
	"fmt"

	"muster/client"
)

func broadcast(ctx context.Context, c *client.Client) {
	// One message for all engines, and one answer from all of them.
	all := c.Broadcast(client.All).With(client.Coalescing())
	big := make([]float64, 1_000_000)
	check(all.Push(ctx, map[string]any{"big": big}))
	sizes, err := client.Get[int](ctx, all, "len(big)")
	check(err)
	fmt.Println(sizes)
}

func properties(ctx context.Context, c *client.Client) {
	all := c.Direct(client.All)
	check(all.SetProperties(ctx, map[string]any{"gpu": false, "RAM": 64e9}))
	check(c.Direct(client.Engines(2)).SetProperties(ctx, map[string]any{"gpu": true}))
	// The engine's own code has them as a map.
	_, err := all.Execute(ctx, `properties["cores"] = runtime.NumCPU()`)
	check(err)
	gpu, err := all.Properties(ctx, "gpu")
	check(err)
	fmt.Println(gpu)
	has, err := all.HasProperties(ctx, "RAM", "disk")
	check(err)
	fmt.Println(has[0])
	check(all.DeleteProperties(ctx, "gpu"))
	check(all.ClearProperties(ctx))
}

func control(ctx context.Context, c *client.Client) {
	events := c.Notifications(ctx)
	check(c.Restart(ctx, client.Engines(3)))
	fmt.Println(<-events)
	fmt.Println(<-events)

	busy := c.Direct(client.Engines(0)).ExecuteAsync(`fmt.Println("busy"); for {}`)
	for range busy.Outputs(ctx) {
		break // it has begun
	}
	status, err := c.QueueStatus(ctx, client.All)
	check(err)
	fmt.Println(status)
	check(c.Interrupt(ctx, client.Engines(0)))
	_, err = busy.Get(ctx)
	fmt.Println(err)

	check(c.Clear(ctx, client.All)) // the namespaces
	check(c.Shutdown(ctx, client.Engines(3)))
	fmt.Println(<-events)
	fmt.Println(c.IDs())
}
