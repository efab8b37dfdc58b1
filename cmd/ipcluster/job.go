package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"muster/launcher/site"
)

// jobFlags adds the flags that say what to ask a batch system for.
func jobFlags(fs *pflag.FlagSet, r *site.Request) {
	fs.IntVarP(&r.Nodes, "nodes", "N", r.Nodes, "nodes to ask for")
	fs.IntVar(&r.PerNode, "per-node", r.PerNode, "engines on each node")
	fs.VarP((*walltime)(&r.Time), "time", "t", "longest run time, as in 90m or 01:30:00")
	fs.Var((*walltime)(&r.Warning), "warning", "how long before the end of the job its engines drain, as in 5m (default 1m, or what the site says)")
	fs.IntVar(&r.Chain, "chain", 0, "more jobs after the first, each queued when the one before starts, with the same engine ids")
	fs.StringVarP(&r.Account, "account", "A", r.Account, "account to charge")
	fs.StringVar(&r.Queue, "queue", r.Queue, "queue, partition or QOS, if not the one that fits")
	fs.StringVar(&r.Kind, "kind", r.Kind, "kind of nodes, where a site has several")
	fs.StringArrayVar(&r.Directives, "directive", nil, "one more option of the batch system, as in --directive=--exclusive")
	fs.StringArrayVar(&r.Setup, "setup", nil, "a line of shell to run first, as in --setup='module load openmpi'")
	fs.StringArrayVar(&r.Drop, "drop", nil, "an option of the batch system to leave out, as in --drop=--open-mode")
	fs.StringVar(&r.Template, "template", "", "file of a template for the script, in place of the shipped one")
	fs.BoolVar(&r.Broadcast, "broadcast", false, "copy the engine's program to the disks of all nodes first, where the site says how")
}

// walltime is a run time as Go writes it, or as batch systems do.
type walltime time.Duration

var clock = regexp.MustCompile(`^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$`)

// Set takes 90m and 1h30m, and 90:00, 01:30:00 and 0-01:30:00.
func (w *walltime) Set(s string) error {
	d, err := time.ParseDuration(s)
	if m := clock.FindStringSubmatch(s); m != nil {
		d, err = 0, nil
		for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
			n, _ := strconv.Atoi("0" + m[i+1])
			d += time.Duration(n) * unit
		}
	}
	if err != nil || d < time.Second {
		return fmt.Errorf("want a time such as 90m, 1h30m or 01:30:00")
	}
	*w = walltime(d)
	return nil
}

func (w *walltime) String() string {
	if *w == 0 {
		return ""
	}
	return time.Duration(*w).String()
}

func (w *walltime) Type() string { return "time" }
