package main

import (
	"context"
	"fmt"
	"time"

	"muster/client"
)

func records(ctx context.Context, c *client.Client) {
	v := c.LoadBalanced().With(client.Label("night"))
	night := v.ApplyAsync(client.Ref("math.Exp2"), 10.0)
	_, err := night.Get(ctx)
	check(err)

	// Another client, another day: by its id, or by what it was called.
	other, err := client.Connect(ctx)
	check(err)
	defer other.Close()
	results, err := other.GetResult(ctx, night.Metadata()[0].MsgID)
	check(err)
	fmt.Println(results[0].Value)
	found, err := other.DBQuery(ctx, map[string]any{
		"label":     "night",
		"completed": map[string]any{"$gte": time.Now().Add(-time.Hour)},
	}, "msg_id", "label", "queue")
	check(err)
	fmt.Println(len(found), found[0].Label, found[0].Queue)

	// Once more, as it was asked.
	ids, err := other.Resubmit(ctx, found[0].MsgID)
	check(err)
	results, err = other.GetResult(ctx, ids...)
	check(err)
	fmt.Println(results[0].Value)

	// And no trace of it.
	check(c.PurgeEverything(ctx))
	left, err := c.HubHistory(ctx)
	check(err)
	fmt.Println(len(left))
}
