package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"muster/cluster"
	"muster/configs"
	"muster/launcher"
	"muster/wire"
)

const enginesUsage = `
Usage: ipcluster engines list [flags]
       ipcluster engines add [N] [flags]
       ipcluster engines remove ID... | --set SET [--now] [flags]
       ipcluster engines restart [--set SET] [flags]

The engines of a cluster that runs: which sets of them there are, more of them, fewer
of them, all of a set anew. What is started together is one set: one job, and under
MPI one world. Its engines have ids above those in use, in the order of their ranks,
and keep them when the set is started again.

  ipcluster engines list                   the sets, their ids, and their jobs
  ipcluster engines add 4                  four more, as the first were started
  ipcluster engines add --nodes 2 -t 30m   as many as two nodes take, for half an hour
  ipcluster engines add 8 --engines slurm  by another launcher
  ipcluster engines remove 3 5-7           these, if each is a process of its own
  ipcluster engines remove --set 2         all of a set, and its job
  ipcluster engines remove --set 2 --now   and do not let them finish what they run
  ipcluster engines restart --set 2        all of a set, with nothing of what they knew
  ipcluster engines restart                all engines

Engines are added and started again until they are registered, with --no-wait until they
are started or submitted. Those that do not come are removed again. Engines that are
removed take nothing more, give back tasks that they have not begun, finish what they run,
run their checkpoint, and leave, which is waited for; with --now what they had to do fails.
Ctrl-C ends the wait alone.
`

// engines is "ipcluster engines".
func engines(args []string) error {
	var (
		sel     configs.Selection
		request = cluster.Request{Wait: true}
	)
	fs := newFlags(enginesUsage)
	sel.AddFlags(fs)
	format := fs.StringP("output", "o", "text", "list: text or json")
	fs.StringSliceVar(&request.Sets, "set", nil, "remove, restart: a set; more than one with commas")
	fs.StringVar(&request.Add.Engines, "engines", "", "add: their launcher: "+strings.Join(launcher.Names, ", ")+" (default as at the start)")
	noWait := fs.Bool("no-wait", false, "add, restart: do not wait until they are registered")
	fs.BoolVar(&request.Now, "now", false, "remove: at once: what the engines had to do fails")
	jobFlags(fs, &request.Add.Job)
	if err := fs.Parse(args); err != nil {
		return err
	}
	verb, names := fs.Arg(0), fs.Args()[min(1, fs.NArg()):]
	if err := fitting(fs, verb); err != nil {
		return err
	}
	request.Wait = !*noWait
	var err error
	switch request.Do = verb; verb {
	case "list":
		if len(names) > 0 {
			return fmt.Errorf("engines list: unexpected argument %q", names[0])
		}
		r, err := find(&sel)
		if err != nil {
			return err
		}
		if r.State() == cluster.Elsewhere {
			return fmt.Errorf("cluster %s runs on %s, which alone can tell which processes of it do: log in there, or see ipcluster status", r.Name(), r.Host)
		}
		return listSets(os.Stdout, r, *format)
	case cluster.Add:
		if len(names) > 1 {
			return fmt.Errorf("engines add: one number of engines, not %q", names)
		}
		for _, n := range names {
			if request.Add.N, err = strconv.Atoi(n); err != nil || request.Add.N < 1 {
				return fmt.Errorf("engines add: %q: want a number of engines above zero", n)
			}
		}
		if t := &request.Add.Job.Template; *t != "" { // which another process reads
			if *t, err = filepath.Abs(*t); err != nil {
				return fmt.Errorf("engines add: template: %w", err)
			}
		}
	case cluster.Remove:
		for _, text := range names {
			ids, err := wire.ParseIDs(text)
			if err != nil {
				return fmt.Errorf("engines remove: %w", err)
			}
			request.IDs = append(request.IDs, ids...)
		}
		if len(request.IDs)+len(request.Sets) == 0 {
			return errors.New("engines remove: name engines by their ids, or sets by --set (ipcluster engines list)")
		}
	case cluster.Restart:
		if len(names) > 0 {
			return fmt.Errorf("engines restart: whole sets are started again: want --set, not %q", names)
		}
	}
	r, err := find(&sel)
	if err != nil {
		return err
	}
	return ask(r, request)
}

// fitting refuses a verb that there is not, and flags that say nothing to it.
func fitting(fs *pflag.FlagSet, verb string) (err error) {
	takes, ok := map[string][]string{"list": {"output"}, "add": nil, "remove": {"set", "now"}, "restart": {"set", "no-wait"}}[verb]
	if !ok {
		return errors.New("engines: want list, add, remove or restart: ipcluster engines --help says more")
	}
	takes = append(takes, "profile", "profile-dir", "ipython-dir", "cluster-id")
	fs.Visit(func(f *pflag.Flag) {
		fits := slices.Contains(takes, f.Name) || verb == "add" && !slices.Contains([]string{"output", "set", "now"}, f.Name)
		if !fits && err == nil {
			err = fmt.Errorf("engines %s: --%s means nothing here: ipcluster engines --help says more", verb, f.Name)
		}
	})
	return err
}

// ask has the supervisor of a cluster carry out a request, and says what came of it.
func ask(r *cluster.Record, request cluster.Request) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	progress := progressOn(os.Stderr)
	defer progress.end()
	begun, leaving := "", "" // what is waited for: a set that comes, or engines that go
	sets, err := r.Ask(ctx, request, func(s cluster.Set, now cluster.Progress) {
		begun, leaving = s.Name, now.Leaving
		progress.show(now)
	})
	progress.end()
	if ctx.Err() != nil && begun != "" {
		return fmt.Errorf("no longer waited for set %s, which goes on: ipcluster engines list tells how it is, ipcluster engines remove --set %s ends it", begun, begun)
	}
	if ctx.Err() != nil && leaving != "" {
		return fmt.Errorf("no longer waited for %s: the removal goes on: ipcluster engines list tells how far it is, and the same with --now ends them at once", leaving)
	}
	if err != nil {
		return err
	}
	if request.Do == cluster.Remove {
		if len(request.IDs) > 0 {
			what := "engines"
			if len(request.IDs) == 1 {
				what = "engine"
			}
			fmt.Printf("removed %s %s\n", what, wire.FormatIDs(request.IDs))
		}
		if len(request.Sets) > 0 {
			fmt.Printf("removed set %s\n", strings.Join(request.Sets, ", "))
		}
	}
	is := map[bool]string{true: "is up", false: "is started"}[request.Wait]
	for _, s := range sets {
		if s.Queued {
			is = "is submitted"
		}
		fmt.Printf("set %s %s: %s, ids %s\n", s.Name, is, describeSet(s), wire.FormatIDs(s.IDs))
	}
	return nil
}

// describeSet is, for example, "4 engines (slurm job 18)".
func describeSet(s cluster.Set) string {
	how := s.Launcher
	if s.Handle.Batch != nil {
		how = s.Handle.Batch.String()
	}
	return fmt.Sprintf("%s (%s)", count(s.N, "engine"), how)
}

// A setListing is one set as engines list prints it.
type setListing struct {
	cluster.Set
	State cluster.State `json:"state"`
	Alive int           `json:"engines"` // that run
}

// listSets is "ipcluster engines list".
func listSets(w io.Writer, r *cluster.Record, format string) error {
	all := make([]setListing, 0, len(r.Sets))
	for _, s := range r.Sets {
		all = append(all, setListing{s, s.State(), s.Alive()})
	}
	switch format {
	case "json":
		return printJSON(w, all)
	case "text":
	default:
		return fmt.Errorf("output %q: want text or json", format)
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "SET\tENGINES\tIDS\tLAUNCHER\tSTATE\tAGE")
	for _, s := range all {
		fmt.Fprintf(t, "%s\t%d/%d\t%s\t%s\t%s\t%v\n", s.Name, s.Alive, s.N, wire.FormatIDs(s.IDs), strings.TrimSpace(s.Launcher+" "+jobOf(s.Set)), s.State, time.Since(s.Started).Round(time.Second))
	}
	if err := t.Flush(); err != nil || r.Elastic == nil {
		return err
	}
	_, err := fmt.Fprintf(w, "elastic: %v\n", r.Elastic)
	return err
}
