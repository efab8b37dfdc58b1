package main

import (
	"fmt"
	"strings"

	"muster/jobscripts"
)

const scriptUsage = `
Usage: ipcluster script SYSTEM [flags]

Print a batch script that runs a whole cluster as one job: a controller on the
first node, engines on all, and the program that the job is given, if any.

  ipcluster script slurm --account m1234 --nodes 4 --per-node 64 > cluster.slurm
  sbatch cluster.slurm ./my-program
`

// script is "ipcluster script".
func script(args []string) error {
	c := jobscripts.Defaults()
	fs := newFlags(scriptUsage)
	fs.StringVar(&c.Name, "name", c.Name, "name of the job")
	fs.IntVarP(&c.Nodes, "nodes", "N", c.Nodes, "nodes to ask for")
	fs.IntVar(&c.PerNode, "per-node", c.PerNode, "engines on each node")
	fs.StringVarP(&c.Time, "time", "t", c.Time, "longest run time")
	fs.StringVarP(&c.Account, "account", "A", "", "account to charge")
	fs.StringVarP(&c.Partition, "partition", "p", "", "partition to run in")
	fs.StringArrayVar(&c.Directives, "directive", nil, "one more option of the batch system, as in --directive=--exclusive")
	fs.StringArrayVar(&c.Setup, "setup", nil, "a line of shell to run first, as in --setup='module load openmpi'")
	fs.StringVar(&c.ProfileDir, "profile-dir", c.ProfileDir, "profile directory, where all nodes see it")
	fs.StringVar(&c.Launch, "launch", c.Launch, "words that start the engines on all nodes")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return fmt.Errorf("script: name one batch system: %s", strings.Join(jobscripts.Systems(), ", "))
	}
	text, err := jobscripts.Render(fs.Arg(0), c)
	if err != nil {
		return err
	}
	fmt.Print(text)
	return nil
}
