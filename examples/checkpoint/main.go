// Checkpoint has an engine warned that its job's time is nearly over, while there
// are tasks to do, and looks at the one that takes its place.
//
//	$ ipcluster start --profile lasting -n 2 --daemonize    # docs/walltime.md has the profile
//	$ go run ./examples/checkpoint warn
//	$ go run ./examples/checkpoint look
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"syscall"
	"time"

	"muster/client"
)

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c, err := client.Connect(ctx, client.WithProfile("lasting"))
	check(err)
	defer c.Close()
	check(c.WaitForEngines(ctx, 2))
	if len(os.Args) > 1 && os.Args[1] == "look" {
		look(ctx, c)
	} else {
		warn(ctx, c)
	}
}

func warn(ctx context.Context, c *client.Client) {
	// What is to survive.
	_, err := c.Direct(client.All).Execute(ctx, `
		u, step := floats.Span(make([]float64, 1000), 0, 1), 0
		func advance() float64 { step++; floats.Scale(2, u); return floats.Max(u) }
		advance()`)
	check(err)

	// A task says how long it takes at most, and goes where there is time for it.
	v := c.LoadBalanced()
	_, err = v.With(client.Walltime(2*time.Hour), client.Timeout(time.Second)).Execute(ctx, `"too long"`)
	fmt.Println(err)

	// In the midst of others an engine gets the signal that the job's script sends.
	news := c.Notifications(ctx)
	tasks := v.With(client.Walltime(time.Minute)).MapAsync(client.Ref(`func(i int) int {
		fmt.Println("begun")
		time.Sleep(50 * time.Millisecond)
		return i * i
	}`), []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	for o := range tasks.Outputs(ctx) {
		if o.Engine == 1 {
			break
		}
	}
	check(c.Signal(ctx, client.Engines(1), syscall.SIGUSR1))
	values, err := tasks.Get(ctx)
	check(err)
	fmt.Println(values)
	fmt.Println(<-news)
}

func look(ctx context.Context, c *client.Client) {
	out, err := c.Direct(client.Engines(1)).Execute(ctx, `was := step; fmt.Println("step", was, "of", len(u), "values, then", advance())`)
	check(err)
	fmt.Println(out)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
