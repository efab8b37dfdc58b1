package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"

	"muster/client"
	"muster/cluster"
	"muster/configs"
)

const statusUsage = `
Usage: ipcluster status [flags]

Say how one cluster is: its controller, each of its engines with its process and
what it has to do, and what has died of late. What runs is on record; what engines
do is asked of the controller, wherever that is, by the connection file.

  ipcluster status
  ipcluster status --cluster-id big
  ipcluster status -o json

An engine has QUEUE direct calls and TASKS of the scheduler to do, that which runs
among them, and has DONE others. Of one in a batch job it is told when the JOB
ENDS; one that is draining takes nothing more, and is about to end itself. One
that tells no process is Python's. Of more than 24 engines, those of a host that are
in the same state share a line, with their sums; -o json has each.
`

// A status is one cluster as status prints it: what is on record, if it is,
// and what the controller says.
type status struct {
	Record     *listing       `json:"record,omitempty"` // nil of one that ipcluster has not started
	ClientFile string         `json:"client_file"`
	Registered []engineStatus `json:"registered"`
	Waiting    int            `json:"waiting"`           // tasks that no engine has yet
	Problem    string         `json:"problem,omitempty"` // why the controller was not asked
}

// An engineStatus is a registered engine.
type engineStatus struct {
	ID    client.EngineID `json:"id"`
	State string          `json:"state"` // busy, idle or draining
	client.EngineProcess
	client.EngineQueue
}

// statusLimit bounds the wait for a controller, which may be stopped or far away.
const statusLimit = 10 * time.Second

// showStatus is "ipcluster status".
func showStatus(args []string) error {
	var sel configs.Selection
	flags := newFlags(statusUsage)
	sel.AddFlags(flags)
	format := flags.StringP("output", "o", "text", "text or json")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := noArguments(flags); err != nil {
		return err
	}
	if *format != "text" && *format != "json" {
		return fmt.Errorf("output %q: want text or json", *format)
	}
	p, err := sel.Profile()
	if err != nil {
		return err
	}
	s := status{ClientFile: p.ClientFile(sel.ClusterID), Registered: []engineStatus{}}
	r, err := cluster.Find(p, sel.ClusterID)
	switch {
	case err == nil:
		l := describe(r)
		s.Record = &l
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if _, err := os.Stat(s.ClientFile); s.Record == nil && errors.Is(err, fs.ErrNotExist) {
		return noCluster(&sel, p)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, statusLimit, fmt.Errorf("no answer within %v", statusLimit))
	defer cancel()
	if err := s.ask(ctx); err != nil {
		if s.Record == nil { // nothing is known of it
			return err
		}
		s.Problem = err.Error()
	}
	if *format == "json" {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	name := (&cluster.Record{ProfileDir: p.Dir, ClusterID: sel.ClusterID}).Name()
	return s.print(os.Stdout, name)
}

// ask asks the controller for its engines and what these do.
func (s *status) ask(ctx context.Context) error {
	c, err := client.Connect(ctx, client.WithFile(s.ClientFile))
	if err != nil {
		return err
	}
	defer c.Close()
	processes, err := c.Processes(ctx)
	if err != nil {
		return err
	}
	queues, err := c.QueueStatus(ctx, client.All)
	if errors.Is(err, client.ErrNoEngines) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(queues.Engines)) {
		e := engineStatus{id, "idle", processes[id], queues.Engines[id]}
		switch {
		case e.Draining:
			e.State = "draining"
		case e.Queue+e.Tasks > 0:
			e.State = "busy"
		}
		s.Registered = append(s.Registered, e)
	}
	s.Waiting = queues.Unassigned
	return nil
}

// print writes the status for people.
func (s *status) print(w io.Writer, name string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if l := s.Record; l != nil {
		fmt.Fprintf(t, "cluster %s:\t%s since %s (%v)\n", name, stateOf(l), l.Started.Local().Format(time.DateTime), ageOf(l))
		fmt.Fprintf(t, "controller:\t%s\n", cmp.Or(l.ControllerAt, fmt.Sprintf("pid %d on %s", l.Controller, l.Host)))
		fmt.Fprintf(t, "engines:\t%d of %d registered (%s)\n", len(s.Registered), l.N, launcherOf(l))
	} else {
		fmt.Fprintf(t, "cluster %s:\trunning, started by other means than ipcluster\n", name)
		fmt.Fprintf(t, "engines:\t%d registered\n", len(s.Registered))
	}
	if s.Record != nil && s.Record.Elastic != nil {
		fmt.Fprintf(t, "elastic:\t%v\n", s.Record.Elastic)
	}
	fmt.Fprintf(t, "clients:\t%s\n", s.ClientFile)
	if s.Problem != "" {
		fmt.Fprintf(t, "problem:\t%s\n", s.Problem)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(s.Registered) > 0 {
		fmt.Fprintln(w)
		engineTable(t, s.Registered)
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if s.Waiting > 0 {
		fmt.Fprintf(w, "tasks that wait for an engine: %d (ipcluster explain says why)\n", s.Waiting)
	}
	if s.Record == nil {
		return nil
	}
	return errors.Join(printQueue(w, "", s.Record.Sets), printDeaths(w, "", s.Record.Deaths))
}
