package cluster_test

import (
	"context"
	"fmt"

	"muster/client"
	"muster/cluster"
)

// A cluster for the time of one program.
func ExampleStart() {
	ctx := context.Background()
	c, err := cluster.Start(ctx, cluster.Config{N: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Stop(ctx)
	all := c.Client.Direct(client.All)
	if _, err := all.Execute(ctx, "x := 6 * 7"); err != nil {
		fmt.Println(err)
		return
	}
	values, err := all.Pull(ctx, "x")
	fmt.Println(c.Client.IDs(), values, err)
	// Output: [0 1] [map[x:42] map[x:42]] <nil>
}

// What runs is on record, for this program and for any other.
func ExampleList() {
	ctx := context.Background()
	c, err := cluster.Start(ctx, cluster.Config{ID: "digits", N: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Stop(ctx)
	records, err := cluster.List(c.Profile())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range records {
		fmt.Println(r.Name(), r.State(), r.EnginesAlive())
	}
	// Output: default:digits running 1
}
