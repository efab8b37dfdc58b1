package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/client"
	"muster/cluster"
	"muster/configs"
	"muster/wire"
)

const stopUsage = `
Usage: ipcluster stop [flags]

Stop a cluster and wait until all of its processes are gone. A cluster whose
ipcluster or machine has crashed is cleared of what is left. One that was started by
other means, such as a job script, is asked to end, its engines first.

  ipcluster stop                        the cluster of profile default
  ipcluster stop --profile mpi          that of another profile
  ipcluster stop --cluster-id big       one of several
  ipcluster stop --all                  every cluster of every profile
  ipcluster stop --all --profile mpi    every cluster of one profile
`

// stop is "ipcluster stop".
func stop(args []string) error {
	var sel configs.Selection
	flags := newFlags(stopUsage)
	sel.AddFlags(flags)
	all := flags.Bool("all", false, "stop all clusters, of the profile if one is given")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := noArguments(flags); err != nil {
		return err
	}
	records, err := selected(&sel, *all)
	if errors.Is(err, fs.ErrNotExist) {
		return stopForeign(&sel)
	}
	if err != nil {
		return err
	}
	failures := make([]error, len(records))
	var stops sync.WaitGroup
	for i, r := range records {
		stops.Go(func() {
			state := r.State()
			if failures[i] = r.Stop(context.Background()); failures[i] == nil {
				fmt.Printf("stopped cluster %s (it was %s)\n", r.Name(), state)
			}
		})
	}
	stops.Wait()
	return errors.Join(failures...)
}

// selected returns the records of one cluster or of all.
func selected(sel *configs.Selection, all bool) ([]*cluster.Record, error) {
	if all {
		profiles, err := sel.Profiles()
		if err != nil {
			return nil, err
		}
		return cluster.List(profiles...)
	}
	p, err := sel.Profile()
	if err != nil {
		return nil, err
	}
	r, err := cluster.Find(p, sel.ClusterID)
	return []*cluster.Record{r}, err
}

// foreignLimit bounds the end of a cluster that was started by other means: its engines
// may be many, and some may not answer.
const foreignLimit = 30 * time.Second

// stopForeign has a controller that was started by other means than ipcluster end
// its engines, and itself.
func stopForeign(sel *configs.Selection) error {
	p, err := sel.Profile()
	if err != nil {
		return err
	}
	file := p.ClientFile(sel.ClusterID)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return noCluster(sel, p)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), foreignLimit, fmt.Errorf("not within %v", foreignLimit))
	defer cancel()
	c, err := client.Connect(ctx, client.WithFile(file))
	if err != nil {
		return err
	}
	if err := errors.Join(c.ShutdownCluster(ctx), c.Close()); err != nil {
		return err
	}
	fmt.Printf("stopped cluster %s (it was started by other means than ipcluster)\n", (&cluster.Record{ProfileDir: p.Dir, ClusterID: sel.ClusterID}).Name())
	return nil
}

// find returns the record of the cluster that is selected.
func find(sel *configs.Selection) (*cluster.Record, error) {
	p, err := sel.Profile()
	if err != nil {
		return nil, err
	}
	r, err := cluster.Find(p, sel.ClusterID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noCluster(sel, p)
	}
	return r, err
}

// noCluster is the error about a cluster that there is not, which names those that
// there are.
func noCluster(sel *configs.Selection, p wire.Profile) error {
	profiles, err := (&configs.Selection{IPythonDir: sel.IPythonDir}).Profiles()
	if err != nil {
		return err
	}
	if !slices.Contains(profiles, p) {
		profiles = append(profiles, p)
	}
	records, err := cluster.List(profiles...)
	name := (&cluster.Record{ProfileDir: p.Dir, ClusterID: sel.ClusterID}).Name()
	if len(records) == 0 {
		return errors.Join(fmt.Errorf("no cluster %s, and no other: ipcluster start starts one", name), err)
	}
	names := make([]string, len(records))
	for i, r := range records {
		names[i] = r.Name()
	}
	return errors.Join(fmt.Errorf("no cluster %s: there are %s (--profile, --cluster-id)", name, strings.Join(names, ", ")), err)
}
