// First connects to the running cluster, deals an array out over its engines,
// works on the parts where they are, and collects the result.
//
//	$ ipcluster start -n 4 --daemonize
//	$ go run ./examples/first
package main

import (
	"context"
	"fmt"
	"log"

	"gonum.org/v1/gonum/floats"

	"muster/client"
)

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	c, err := client.Connect(ctx) // by the default profile, as ipp.Client() does
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	engines := c.Direct(client.All)

	x := floats.Span(make([]float64, 1_000_000), 0, 1)
	if err := engines.Scatter(ctx, "x", x); err != nil { // a block to each engine
		log.Fatal(err)
	}
	out, err := engines.Execute(ctx, `
		floats.AddConst(1, x)
		mean := stat.Mean(x, nil)
		fmt.Printf("%d values, mean %.3f\n", len(x), mean)`)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out)
	y, err := engines.Gather(ctx, "x")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(y.([]float64)), "values are back")
}
