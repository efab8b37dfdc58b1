package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"muster/cluster"
	"muster/configs"
	"muster/jobscripts"
	"muster/launcher/site"
	"muster/wire"
)

const scriptUsage = `
Usage: ipcluster script SYSTEM [flags]
       ipcluster script --profile NAME [flags]

Print a batch script that runs a whole cluster as one job: a controller on the
first node, engines on all, and the program that the job is given, if any. With
a profile that describes a site it is one that the site takes; what it would
refuse is refused here, with the rule.

  ipcluster script slurm --account m1234 --nodes 4 --per-node 64 > cluster.slurm
  sbatch cluster.slurm ./my-program

  ipcluster script --profile perlmutter --account m1234 --nodes 4 --time 30m
  ipcluster script --profile perlmutter --engines ...    the job of "ipcluster start"

SYSTEM is slurm, pbs, sge, lsf, flux, pjm or htcondor. "ipcluster profile list" names the profiles.
`

// script is "ipcluster script".
func script(args []string) error {
	var (
		sel     configs.Selection
		request site.Request
		c       jobscripts.Cluster
		launch  string
	)
	fs := newFlags(scriptUsage)
	fs.StringVar(&sel.Name, "profile", "", "name of the profile")
	fs.StringVar(&sel.IPythonDir, "ipython-dir", "", "where named profiles are [$IPYTHONDIR] (default ~/.ipython)")
	engines := fs.Bool("engines", false, "print the job of a set of engines, whose controller stays outside")
	fs.StringVar(&c.Name, "name", "", "name of the job (default ipcluster)")
	jobFlags(fs, &request)
	fs.StringVarP(&c.Partition, "partition", "p", "", "partition of Slurm to run in")
	fs.StringVar(&c.ProfileDir, "profile-dir", "", "profile directory of the cluster, where all nodes see it")
	fs.StringVar(&launch, "launch", "", "words that start the engines on all nodes, as in --launch 'srun -n 8'")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if sel.Name == "" {
		if fs.NArg() != 1 {
			return fmt.Errorf("script: name one batch system (%s), or a profile (--profile)", strings.Join(jobscripts.Systems(), ", "))
		}
		if err := onlyForProfiles(fs, "engines", "kind", "broadcast"); err != nil {
			return err
		}
		c.Nodes, c.PerNode, c.Time, c.Warning, c.Account, c.Queue = request.Nodes, request.PerNode, request.Time, request.Warning, request.Account, request.Queue
		c.Directives, c.Setup, c.Launch = request.Directives, request.Setup, launch
		said, err := configs.Config{}.Request(request)
		if err != nil {
			return err
		}
		c.Form = jobscripts.Form{Template: said.Text, Drop: said.Drop}
		text, err := jobscripts.Render(fs.Arg(0), c)
		fmt.Print(text)
		return err
	}
	if err := noArguments(fs); err != nil {
		return err
	}
	profile, err := sel.Profile()
	if err != nil {
		return err
	}
	request.Launch = strings.Fields(launch)
	if c.Partition != "" {
		request.Queue = c.Partition
	}
	text, err := siteScript(profile, request, c, *engines)
	fmt.Print(text)
	return err
}

// siteScript renders a script for the site that a profile describes.
func siteScript(profile wire.Profile, request site.Request, c jobscripts.Cluster, engines bool) (string, error) {
	config, err := siteProfile(profile)
	if err != nil {
		return "", err
	}
	if engines {
		return cluster.Script(cluster.Config{Profile: profile, Job: request})
	}
	request.Run, config.Job.Template = c.ProfileDir, "" // which is one of a set of engines
	if request, err = config.Request(request); err != nil {
		return "", err
	}
	plan, err := config.Site.Plan(request)
	if err != nil {
		return "", err
	}
	rendered := plan.Cluster()
	rendered.Name, rendered.ProfileDir = c.Name, c.ProfileDir
	text, err := jobscripts.Render(plan.System, rendered)
	if err == nil {
		err = config.Site.Check(text)
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

// siteProfile reads a profile that has to describe a site.
func siteProfile(profile wire.Profile) (configs.Config, error) {
	var config configs.Config
	layers, err := configs.Layers(profile)
	if err != nil {
		return config, err
	}
	name := strings.TrimPrefix(filepath.Base(profile.Dir), "profile_")
	if len(layers) == 0 {
		return config, fmt.Errorf("no profile %s%s: ipcluster profile list names those that there are", name, configs.Suggest(name))
	}
	if err := configs.Load(profile, &config); err != nil {
		return config, err
	}
	if !config.Site.Known() {
		return config, fmt.Errorf("profile %s describes no site: extend one (ipcluster profile create), name a batch system (ipcluster script slurm), or see what a start submits (ipcluster start --dry-run)", name)
	}
	return config, nil
}

// onlyForProfiles refuses flags that say nothing without a profile.
func onlyForProfiles(fs *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if fs.Changed(name) {
			return fmt.Errorf("script: --%s is for the script of a site: give --profile", name)
		}
	}
	return nil
}
