package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"muster/client"
)

func results(ctx context.Context, c *client.Client) {
	all := c.Direct(client.All)
	_, err := all.Execute(ctx, `func wait(d float64) float64 { time.Sleep(time.Duration(d * 1e9)); return d }`)
	check(err)
	check(all.Scatter(ctx, "nap", []float64{0.2, 0.02, 0.02, 0.02}))

	ar := all.ApplyAsync(client.Ref("wait"), client.Ref("nap[0]"))
	check(ar.WaitFor(ctx, client.First))
	fmt.Println("ready:", ar.Ready())

	// Each as it comes: engine 0 is the last.
	for r, err := range ar.Results(ctx) {
		check(err)
		fmt.Println("engine", r.Engine, "slept", r.Value)
	}
	byEngine, err := ar.GetDict(ctx)
	check(err)
	fmt.Println(byEngine)
	fmt.Printf("%d of %d, faster than one engine: %v\n", ar.Progress(), ar.Len(), ar.Speedup() > 1)

	// A barrier for several.
	a, b := all.ExecuteAsync(`wait(0.01)`), all.ExecuteAsync(`wait(0.02)`)
	check(c.Barrier(ctx, a, b))
	fmt.Println(a.Successful(), b.Successful())

	// What engines print, while they print it.
	talk := c.Direct(client.Engines(0)).ExecuteAsync(`for i := range 3 { fmt.Println("step", i) }`)
	check(talk.Follow(ctx, os.Stdout))

	// A wait that ends does not end the work; Cancel does.
	long := c.Direct(client.Engines(0)).ExecuteAsync(`for {}`)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	fmt.Println(long.Wait(short))
	cancelled, err := long.Cancel(ctx)
	check(err)
	fmt.Println("interrupted on", cancelled.Interrupted)
	_, err = long.Get(ctx)
	fmt.Println(err)
}
