package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"muster/client"
	"muster/configs"
)

const waitUsage = `
Usage: ipcluster wait [flags] [-- PROGRAM ARGUMENT ...]

Wait until engines are registered: so many, or all ranks of the MPI world that the first
of them is in. Then run the program, if there is one, in the place of this one.

  ipcluster wait                          in a script that starts engines by mpirun or srun
  ipcluster wait -n 64 -- ./my-program    for 64, then ./my-program
`

// wait is "ipcluster wait".
func wait(args []string) error {
	var sel configs.Selection
	flags := newFlags(waitUsage)
	sel.AddFlags(flags)
	n := flags.IntP("n", "n", 0, "number of engines (default all of an MPI world, or one)")
	limit := flags.Duration("timeout", 10*time.Minute, "longest time to wait")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if before := flags.ArgsLenAtDash(); before > 0 || before < 0 && flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: a program comes after --", flags.Arg(0))
	}
	if *n < 0 {
		return fmt.Errorf("wait: %d engines: want one at least", *n)
	}
	var program string
	if flags.NArg() > 0 {
		var err error
		if program, err = exec.LookPath(flags.Arg(0)); err != nil { // it would be a pity to wait first
			return fmt.Errorf("wait: %w", err)
		}
	}
	p, err := sel.Profile()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, *limit, fmt.Errorf("not within %v", *limit))
	defer cancel()
	if err := awaitEngines(ctx, p.ClientFile(sel.ClusterID), *n); err != nil || program == "" {
		return err
	}
	return fmt.Errorf("wait: %s: %w", program, syscall.Exec(program, flags.Args(), os.Environ()))
}

// awaitEngines waits for the connection file of a controller, and then for n engines, or
// for a world.
func awaitEngines(ctx context.Context, file string, n int) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait: there is no %s: %w: is a cluster started?", file, context.Cause(ctx))
		}
	}
	c, err := client.Connect(ctx, client.WithFile(file))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.WaitForEngines(ctx, max(1, n)); err != nil || n > 0 {
		return err
	}
	processes, err := c.Processes(ctx)
	if err != nil {
		return err
	}
	for _, engine := range processes {
		n = max(n, engine.Size)
	}
	return c.WaitForEngines(ctx, max(1, n))
}
