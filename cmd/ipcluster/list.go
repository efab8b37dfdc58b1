package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"muster/cluster"
	"muster/configs"
)

const listUsage = `
Usage: ipcluster list [flags]

List the clusters that were started, of all profiles or of the one given. A
stale one has lost its ipcluster or its controller; ipcluster clean clears it. Below
the table stands what engines wait for in the queue of a batch system, and which
engines and controllers have died of late, and why.

  ipcluster list
  ipcluster list -o json
`

// A listing is one cluster as list prints it.
type listing struct {
	Profile    string        `json:"profile"`
	ProfileDir string        `json:"profile_dir"`
	ClusterID  string        `json:"cluster_id"`
	State      cluster.State `json:"state"`
	Engines    int           `json:"engines"` // that run
	N          int           `json:"n"`       // that were asked for
	Launcher   string        `json:"launcher"`
	Job        string        `json:"job,omitempty"` // the engines' in a batch system, with a comma between several; the one that follows in brackets
	Sets       []cluster.Set `json:"sets"`
	Controller int           `json:"controller_pid"` // 0 if it has not been started, or runs elsewhere
	// ControllerAt is where the controller runs if not as a process of this machine, as
	// in "slurm job 18" or "ssh node1".
	ControllerAt string    `json:"controller_at,omitempty"`
	Host         string    `json:"host"`
	Started      time.Time `json:"started"`
	Age          float64   `json:"age_seconds"`
	// Deaths are the latest of its engines and its controller.
	Deaths []cluster.Death `json:"deaths,omitempty"`
	// Elastic is for one whose sets of engines come and go with the load.
	Elastic *cluster.Elastic `json:"elastic,omitempty"`
}

// list is "ipcluster list".
func list(args []string) error {
	var sel configs.Selection
	fs := newFlags(listUsage)
	sel.AddFlags(fs)
	format := fs.StringP("output", "o", "text", "text or json")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if err := noArguments(fs); err != nil {
		return err
	}
	print, ok := map[string]func(io.Writer, []listing) error{"text": printText, "json": printJSON[listing]}[*format]
	if !ok {
		return fmt.Errorf("output %q: want text or json", *format)
	}
	profiles, err := sel.Profiles()
	if err != nil {
		return err
	}
	records, err := cluster.List(profiles...)
	listings := make([]listing, 0, len(records))
	for _, r := range records {
		if sel.ClusterID == "" || sel.ClusterID == r.ClusterID {
			listings = append(listings, describe(r))
		}
	}
	return errors.Join(print(os.Stdout, listings), err)
}

func describe(r *cluster.Record) listing {
	l := listing{
		Profile: r.ProfileName(), ProfileDir: r.ProfileDir, ClusterID: r.ClusterID,
		State: r.State(), Engines: r.EnginesAlive(), N: r.N(), Launcher: strings.Join(r.Launchers(), "+"),
		Host: r.Host, Started: r.Started, Age: time.Since(r.Started).Seconds(), Sets: r.Sets, Deaths: r.Deaths, Elastic: r.Elastic,
	}
	switch c := r.Controller; {
	case c.Batch != nil:
		l.ControllerAt = c.Batch.String()
	case c.Remote != nil:
		l.ControllerAt = "ssh " + strings.Join(c.Remote.Hosts, ",")
	case len(c.Processes) > 0:
		l.Controller = c.Processes[0].PID
	}
	var jobs []string
	for _, s := range r.Sets {
		if job := jobOf(s); job != "" {
			jobs = append(jobs, job)
		}
	}
	l.Job = strings.Join(jobs, ",")
	return l
}

// jobOf is the job of a set, and the one that is queued to follow it, as in "17 (then 18)";
// "" if it has none.
func jobOf(s cluster.Set) string {
	switch {
	case s.Handle.Batch == nil:
		return ""
	case s.Next == nil || s.Next.Batch == nil:
		return s.Handle.Batch.ID
	}
	return fmt.Sprintf("%s (then %s)", s.Handle.Batch.ID, s.Next.Batch.ID)
}

func printJSON[T any](w io.Writer, all []T) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(all)
}

func printText(w io.Writer, listings []listing) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "PROFILE\tCLUSTER ID\tENGINES\tLAUNCHER\tCONTROLLER\tSTATE\tAGE")
	for _, l := range listings {
		fmt.Fprintf(t, "%s\t%s\t%d/%d\t%s\t%s\t%s\t%v\n", l.Profile, dash(l.ClusterID), l.Engines, l.N, launcherOf(&l), controllerOf(&l), stateOf(&l), ageOf(&l))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, l := range listings {
		name := (&cluster.Record{ProfileDir: l.ProfileDir, ClusterID: l.ClusterID}).Name()
		if err := errors.Join(printQueue(w, name+": ", l.Sets), printDeaths(w, name+": ", l.Deaths)); err != nil {
			return err
		}
	}
	return nil
}

// stateOf, controllerOf, launcherOf and ageOf are a cluster's state, controller,
// launchers with their jobs, and age, as people read them.
func stateOf(l *listing) string {
	if l.State == cluster.Elsewhere {
		return "on " + l.Host
	}
	return string(l.State)
}

func controllerOf(l *listing) string { return cmp.Or(l.ControllerAt, fmt.Sprint(l.Controller)) }

func launcherOf(l *listing) string { return strings.TrimSpace(l.Launcher + " " + l.Job) }

func ageOf(l *listing) time.Duration {
	return time.Duration(l.Age * float64(time.Second)).Round(time.Second)
}

// printQueue writes a line for each set that waits in a queue, after a word on whose it is.
func printQueue(w io.Writer, whose string, sets []cluster.Set) error {
	for _, s := range sets {
		if queue := s.Queue(); queue != "" {
			if _, err := fmt.Fprintf(w, "%s%s\n", whose, queue); err != nil {
				return err
			}
		}
	}
	return nil
}

// shownDeaths is how many of the latest deaths of a cluster are shown.
const shownDeaths = 5

// printDeaths writes a line for each of the latest deaths, after a word on whose they are.
func printDeaths(w io.Writer, whose string, deaths []cluster.Death) error {
	for _, d := range deaths[max(0, len(deaths)-shownDeaths):] {
		if _, err := fmt.Fprintf(w, "%s%s: %v\n", whose, d.Time.Local().Format(time.DateTime), d); err != nil {
			return err
		}
	}
	return nil
}
