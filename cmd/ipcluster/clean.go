package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"muster/cluster"
	"muster/configs"
	"muster/wire"
)

const cleanUsage = `
Usage: ipcluster clean [flags]

Remove what clusters have left whose ipcluster or controller was killed, of all
profiles or of the one given: processes, by the marks that they were started
with, jobs of engines in a batch system, connection files, records. Clusters that
run are not touched, nor are logs.

  ipcluster clean --dry-run         say what there is to remove
  ipcluster clean                   remove it
  ipcluster clean --profile mpi     of one profile

What a cluster has left on another machine is cleaned there.
`

// clean is "ipcluster clean".
func clean(args []string) error {
	var sel configs.Selection
	flags := newFlags(cleanUsage)
	sel.AddFlags(flags)
	dryRun := flags.Bool("dry-run", false, "remove nothing, and say what would be removed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := noArguments(flags); err != nil {
		return err
	}
	profiles, err := sel.Profiles()
	if err != nil {
		return err
	}
	records, err := cluster.List(profiles...)
	failures := []error{err}
	said := false
	say := func(format string, args ...any) {
		said = true
		fmt.Printf(format+"\n", args...)
	}
	for _, r := range records {
		if sel.ClusterID != "" && sel.ClusterID != r.ClusterID {
			continue
		}
		switch r.State() {
		case cluster.Elsewhere:
			say("kept the record of cluster %s, which was started on %s: run ipcluster clean there, or remove %s if that machine is gone", r.Name(), r.Host, r.Path())
		case cluster.Stale:
			left, end, remove := r.Left(), "would end", "would remove"
			if !*dryRun {
				if err := r.Stop(context.Background()); err != nil {
					failures = append(failures, err)
					continue
				}
				end, remove = "ended", "removed"
			}
			said = true
			printLeft(os.Stdout, r.Name(), left, end, remove)
		}
	}
	for _, p := range profiles {
		for _, file := range strays(p, sel.ClusterID, records) {
			say("kept %s: no record says whose it is; remove it if no controller is to use it again (--reuse)", file)
		}
	}
	if !said && errors.Join(failures...) == nil {
		fmt.Println("nothing is left of crashed clusters")
	}
	return errors.Join(failures...)
}

// printLeft says what was done, or would be, about what a cluster has left.
func printLeft(w io.Writer, name string, left cluster.Left, end, remove string) {
	for _, p := range left.Processes {
		fmt.Fprintf(w, "cluster %s: %s process %d\n", name, end, p.PID)
	}
	for _, b := range left.Batch {
		fmt.Fprintf(w, "cluster %s: %s %v\n", name, end, b)
	}
	for _, f := range left.Files {
		fmt.Fprintf(w, "cluster %s: %s %s\n", name, remove, f)
	}
}

// strays returns connection files of controllers that have no record, which somebody
// has started by hand, where nobody listens any more.
func strays(p wire.Profile, id string, records []*cluster.Record) (files []string) {
	var recorded []string
	for _, r := range records {
		if r.ProfileDir == p.Dir {
			recorded = append(recorded, p.ClientFile(r.ClusterID))
		}
	}
	clients, _ := filepath.Glob(filepath.Join(p.Dir, "security", "ipcontroller*-client.json"))
	for _, file := range clients {
		if slices.Contains(recorded, file) || id != "" && file != p.ClientFile(id) || listens(file) {
			continue
		}
		for _, f := range []string{file, strings.TrimSuffix(file, "client.json") + "engine.json"} {
			if _, err := os.Stat(f); err == nil {
				files = append(files, f)
			}
		}
	}
	return files
}

// listens reports whether somebody listens where the controller of a file for
// clients did.
func listens(file string) bool {
	conn, err := wire.ReadClientConnection(file)
	if err != nil {
		return false
	}
	for _, host := range conn.Hosts() {
		at := conn.At(host)
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(at.URL(at.Registration), "tcp://"), time.Second)
		if err == nil {
			c.Close()
		}
		if !errors.Is(err, syscall.ECONNREFUSED) { // what cannot be told is taken for yes
			return true
		}
	}
	return false
}
