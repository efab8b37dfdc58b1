// Burst hands over more tasks than the engines of a small cluster get done soon,
// and says how many engines worked on them: more at last than at first, if the
// cluster is elastic.
//
//	$ ipcluster start -n 2 --elastic 1:3 --daemonize
//	$ go run ./examples/burst
package main

import (
	"context"
	"fmt"
	"log"

	"muster/client"
)

const (
	tasks = 300
	some  = 20
)

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	c, err := client.Connect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	work := c.LoadBalanced().MapAsync(client.Ref(`func(x int) int { time.Sleep(200 * time.Millisecond); return x }`), make([]int, tasks))
	first, last, done := make(map[client.EngineID]bool), make(map[client.EngineID]bool), 0
	for r, err := range work.Results(ctx) { // as they come
		if err != nil {
			log.Fatal(err)
		}
		if done++; done <= some {
			first[r.Engine] = true
		} else if done > tasks-some {
			last[r.Engine] = true
		}
	}
	fmt.Printf("%d tasks are done, engines at first: %d, at last: %d\n", done, len(first), len(last))
}
