// Cell runs a piece of Go on every engine of the running cluster, and prints
// what comes of it. Ctrl-C interrupts the engines.
//
//	$ go run ./examples/cell 'a := 6; a * 7'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"

	"muster/client"
)

func main() {
	log.SetFlags(0)
	n := flag.Int("n", 1, "wait for so many engines first")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: cell [-n ENGINES] CODE")
	}
	if err := run(flag.Arg(0), *n); err != nil {
		log.Fatal(err)
	}
}

func run(code string, n int) error {
	ctx := context.Background()
	c, err := client.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.WaitForEngines(ctx, n); err != nil {
		return err
	}

	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	ar := c.Direct(client.All).ExecuteAsync(code)
	for !ar.Ready() {
		select {
		case <-ar.Done():
		case <-interrupts:
			if err := c.Interrupt(ctx, client.All); err != nil {
				return err
			}
		}
	}
	_, err = ar.Get(ctx)
	for _, r := range ar.Metadata() {
		r.Err = nil // told below
		if text := r.String(); text != "" {
			fmt.Println(text)
		}
	}
	// Engines that fail mostly fail alike: the traceback of one will do.
	var remote *client.RemoteError
	if errors.As(err, &remote) && len(remote.Traceback) > 0 {
		fmt.Println(strings.Join(remote.Traceback, "\n"))
	}
	return err
}
