package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"muster/bench"
	"muster/launcher"
)

const benchUsage = `
Usage: ipcluster bench [flags] [-- controller flags]

Measure clusters of engines on this machine and print the figures as JSON:
round trips, requests and megabytes a second, start-up, memory, idleness. Beside
them stand those of a bare ZeroMQ router that moves the same frames over the same
hops in the same run. Nothing of a running cluster is touched.

  ipcluster bench                                about a minute
  ipcluster bench -n 2 --rounds 9                two engines; more rounds on a noisy machine
  ipcluster bench --engines mpi --start-up 64    the ranks of an mpirun
  ipcluster bench -- --hwm 0                     flags for the controller after --
`

// measure is "ipcluster bench".
func measure(args []string) error {
	var config bench.Config
	fs := newFlags(benchUsage)
	fs.IntVarP(&config.Engines, "n", "n", 4, "number of engines")
	fs.StringVar(&config.Launcher, "engines", "local", "launcher of the engines: "+strings.Join(launcher.Names, " or "))
	fs.IntVar(&config.Rounds, "rounds", 5, "rounds of each kind, ours and the bare router's in turn; the median counts")
	fs.IntVar(&config.StartUp, "start-up", 16, "number of engines to start at once, and to watch idle")
	fs.DurationVar(&config.IdleFor, "idle", 0, "how long to watch them (default 10s)")
	if err := fs.Parse(args); err != nil {
		return err
	}
	config.ControllerArgs = fs.Args()
	if term.IsTerminal(int(os.Stderr.Fd())) {
		config.Progress = func(what string) { fmt.Fprintf(os.Stderr, "\r\x1b[K%s ...", what) }
		defer fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := bench.Run(ctx, config)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(report)
}
