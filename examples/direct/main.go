// Direct is the code of docs/direct.md: a chapter of it for each way to work
// with engines that are addressed by their ids.
//
//	$ ipcluster start -n 4 --daemonize
//	$ go run ./examples/direct execute
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
	"targets":    targets,
	"execute":    execute,
	"values":     values,
	"scatter":    scatter,
	"functions":  functions,
	"map":        mapping,
	"results":    results,
	"errors":     failures,
	"broadcast":  broadcast,
	"properties": properties,
	"control":    control,
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 || chapters[os.Args[1]] == nil {
		fmt.Fprintf(os.Stderr, "usage: direct %s\n", strings.Join(slices.Sorted(maps.Keys(chapters)), "|"))
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
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
