package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"muster/cluster"
	"muster/configs"
	"muster/wire"
)

const logsUsage = `
Usage: ipcluster logs [flags] [controller | engines | ipcluster | ENGINE ...]

Print the end of what controller and engines have printed, of a cluster that
runs or of one that has ended; every line, as it was printed. Engines that are ranks
of one job share a log, of which --rank picks the lines of one; so do those of one
host that were started by ssh, where only what engines say of themselves is known to be theirs.

  ipcluster logs                     the last 50 lines of each log
  ipcluster logs controller -n 200   more of one
  ipcluster logs engines -n -1       all that engines have printed
  ipcluster logs 3                   engine 3; --rank 3 is the same
  ipcluster logs -f --rank 17        and what comes, until the cluster ends
`

// logs is "ipcluster logs".
func logs(args []string) error {
	var sel configs.Selection
	flags := newFlags(logsUsage)
	sel.AddFlags(flags)
	n := flags.IntP("lines", "n", 50, "number of last lines of each log; -1 is all")
	follow := flags.BoolP("follow", "f", false, "go on with what is printed from now on, until the cluster ends")
	ranks := flags.IntSlice("rank", nil, "engines, by id, which is the rank in an MPI job")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p, err := sel.Profile()
	if err != nil {
		return err
	}
	part, engines, err := chosenLogs(flags.Args(), *ranks)
	if err != nil {
		return err
	}
	all, err := cluster.Logs(p, sel.ClusterID)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return noCluster(&sel, p)
	}
	w := &logWriter{part: part, engines: engines, out: os.Stdout, n: *n}
	if err := w.print(all, !*follow); err != nil {
		return err
	}
	if len(w.shown) == 0 {
		return w.nothing(all)
	}
	if !*follow {
		return nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return followLogs(ctx, w, p, sel.ClusterID)
}

// chosenLogs reads which part of a cluster is asked about, "" for all, or which engines.
func chosenLogs(args []string, ranks []int) (part string, engines []wire.EngineID, err error) {
	for _, r := range ranks {
		engines = append(engines, wire.EngineID(r))
	}
	for _, a := range args {
		id, nan := strconv.Atoi(a)
		switch {
		case nan == nil:
			engines = append(engines, wire.EngineID(id))
		case !slices.Contains([]string{"controller", "engines", "ipcluster"}, a):
			return "", nil, fmt.Errorf("logs of %q: want controller, engines, ipcluster, or the ids of engines", a)
		case part != "":
			return "", nil, fmt.Errorf("logs of %s and of %s: name one of them", part, a)
		default:
			part = a
		}
	}
	if part != "" && len(engines) > 0 {
		return "", nil, fmt.Errorf("logs of %s and of engine %d: name one of them", part, engines[0])
	}
	return part, engines, nil
}

// followLogs prints what is added to logs, and new ones, until the cluster has ended.
func followLogs(ctx context.Context, w *logWriter, p wire.Profile, id string) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		// What was printed before the end is there once the end is seen.
		r, err := cluster.Find(p, id)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		over := err != nil || r.State() == cluster.Stale
		all, err := cluster.Logs(p, id)
		if err == nil {
			err = w.print(all, over)
		}
		if err != nil || over {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// nothing says why no log was printed, and which there are.
func (w *logWriter) nothing(all []cluster.Log) error {
	what := w.part
	if len(w.engines) > 0 {
		what = fmt.Sprintf("engine %d", w.engines[0])
	}
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = filepath.Base(l.Path)
	}
	return fmt.Errorf("no log of %s: in %s there are %s", what, filepath.Dir(all[0].Path), strings.Join(names, ", "))
}
