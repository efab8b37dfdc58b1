// Tasks is the code of docs/tasks.md: a chapter of it for each thing that one
// does with work that any engine may do.
//
//	$ ipcluster start -n 4 --daemonize
//	$ go run ./examples/tasks submit
package main

import (
	"context"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"muster/client"
)

var chapters = map[string]func(context.Context, *client.Client){
	"submit":   submit,
	"map":      mapping,
	"order":    order,
	"where":    where,
	"trouble":  trouble,
	"task":     task,
	"recovery": recovery,
	"waiting":  waiting,
	"cancel":   cancel,
	"records":  records,
	"campaign": campaign,
	"death":    death,
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 || chapters[os.Args[1]] == nil {
		fmt.Fprintf(os.Stderr, "usage: tasks %s\n", strings.Join(slices.Sorted(maps.Keys(chapters)), "|"))
		os.Exit(2)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	c, err := client.Connect(ctx)
	check(err)
	defer c.Close()
	check(c.WaitForEngines(ctx, 4))
	chapters[os.Args[1]](ctx, c)
}

// check ends the program if a step of it failed.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
