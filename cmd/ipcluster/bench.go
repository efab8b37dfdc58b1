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
round trips, requests and megabytes a second and what they cost in processor
time, tasks that wait or are recorded in SQLite, calls of many engines at once,
start-up, memory, idleness. Beside them stand those of a bare ZeroMQ router that
moves the same frames over the same hops in the same run. On a machine that
others use too, compare ratios and processor time rather than rates. Nothing of
a running cluster is touched.

  ipcluster bench                                about six minutes
  ipcluster bench --text                         as a table
  ipcluster bench --only round-trip,throughput   parts of it
  ipcluster bench --only queue,sqlite,waiting    what many tasks cost the controller
  ipcluster bench -n 2 --rounds 9                two engines; more rounds on a noisy machine
  ipcluster bench --engines mpi --start-up 64    the ranks of an mpirun
  ipcluster bench -- --hwm 0                     flags for the controller after --
`

// measure is "ipcluster bench".
func measure(args []string) error {
	var config bench.Config
	fs := newFlags(benchUsage)
	fs.IntVarP(&config.Engines, "n", "n", 4, "number of engines")
	fs.StringVar(&config.Launcher, "engines", "local", "launcher of the engines: "+strings.Join(launcher.Names, ", "))
	fs.IntVar(&config.Rounds, "rounds", 5, "rounds of each kind, ours and the bare router's in turn; the median counts")
	fs.StringSliceVar(&config.Only, "only", nil, "parts to measure: "+strings.Join(bench.Parts(), ", "))
	fs.IntVar(&config.Results, "results", 1e6, "number of small tasks whose results to fetch and release")
	fs.IntVar(&config.Waiting, "waiting", 1e5, "number of tasks to have wait at once")
	fs.IntVar(&config.Simulated, "simulated", 256, "number of simulated engines to call at once")
	fs.IntVar(&config.Receivers, "receivers", 8, "number of engines to push one array to")
	fs.IntVar(&config.StartUp, "start-up", 16, "number of engines to start at once, and to watch idle")
	fs.DurationVar(&config.IdleFor, "idle", 0, "how long to watch them (default 10s)")
	text := fs.Bool("text", false, "print a table")
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
	if *text {
		fmt.Print(report)
		return nil
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(report)
}
