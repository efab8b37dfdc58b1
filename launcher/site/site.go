package site

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Site is what is known of one machine: section [site] of a profile. What is
// not known is left empty, and then left to the user.
type Site struct {
	Name      string   `toml:"name"`      // what people call it, as in "Perlmutter (NERSC)"
	Scheduler string   `toml:"scheduler"` // one of [Schedulers]
	AsOf      string   `toml:"as_of"`     // the day of the sources, as in "2026-04-15": limits change
	Source    []string `toml:"source"`    // the documents that say so
	TestedBy  string   `toml:"tested_by"` // who has run it there; "" is nobody yet
	Notes     []string `toml:"notes"`     // what its users should know, and what is left to them

	Account Account `toml:"account"`
	Nodes   []Kind  `toml:"nodes"`  // the kinds of nodes; the first is the one by default
	Queues  []Queue `toml:"queues"` // in the order in which they are tried

	// Chunk is what PBS Pro's select= asks for: "{nodes}:system=polaris".
	Chunk string `toml:"chunk"`
	// Directives are in every submission unless the user gives that option
	// another value, Fixed cannot be given another.
	Directives []string `toml:"directives"`
	Fixed      []string `toml:"fixed"`
	// Required options a submission must have, Forbidden ones it must not.
	Required  []Rule `toml:"required"`
	Forbidden []Rule `toml:"forbidden"`

	Launcher  Launcher      `toml:"launcher"`
	MPI       MPI           `toml:"mpi"`
	Setup     []string      `toml:"setup"` // lines of shell before anything starts, as in "module load cray-mpich"
	Broadcast Broadcast     `toml:"broadcast"`
	Network   Network       `toml:"network"`
	Files     Files         `toml:"files"`
	Warning   Warning       `toml:"warning"`
	Poll      time.Duration `toml:"poll"`      // the scheduler is not asked more often
	MaxChain  int           `toml:"max_chain"` // jobs that may follow one after the other, beyond the first; 0 is not known
}

// Account says who is charged.
type Account struct {
	Required bool   `toml:"required"`
	Prefix   string `toml:"prefix"` // with which every account's name begins
	Env      string `toml:"env"`    // the variable that names it where the command line does not
}

// A Kind is a kind of nodes.
type Kind struct {
	Name    string `toml:"name"`    // what requests call it
	Cores   int    `toml:"cores"`   // physical, of one node
	Usable  int    `toml:"usable"`  // those that jobs may use; 0 is all
	Threads int    `toml:"threads"` // hardware threads of a core; 0 is 1
	GPUs    int    `toml:"gpus"`    // as the scheduler counts them
	Arch    string `toml:"arch"`    // as Go calls it: amd64, arm64
	Memory  string `toml:"memory"`  // of one node, as in "512 GB"
	// PerNode is the number of engines on each node where nothing else is asked
	// for; 0 is one for each GPU, or else for each core.
	PerNode int `toml:"per_node"`
	// AccountSuffix is that of the accounts that are charged for these nodes.
	AccountSuffix string   `toml:"account_suffix"`
	Directives    []string `toml:"directives"` // as in "--constraint=gpu"
	Chunk         string   `toml:"chunk"`      // in place of the site's
	// GPUBind takes the place of the launcher's binding where there is an engine
	// for each GPU, so that each is near its own.
	GPUBind []string `toml:"gpu_bind"`
}

// usable is the number of cores for jobs.
func (k Kind) usable() int {
	if k.Usable > 0 {
		return k.Usable
	}
	return k.Cores
}

// perNode is PerNode with its default filled in; 0 if the shape is not known.
func (k Kind) perNode() int {
	switch {
	case k.PerNode > 0:
		return k.PerNode
	case k.GPUs > 0:
		return k.GPUs
	}
	return k.usable()
}

// A Rule is about one option of the scheduler.
type Rule struct {
	Directive string `toml:"directive"` // the option, as in "--mem" or "-l filesystems"
	Why       string `toml:"why"`       // what happens otherwise
	Remedy    string `toml:"remedy"`    // what to do instead
}

// MPI is the site's MPI.
type MPI struct {
	Flavour     string   `toml:"flavour"`     // mpich-abi or openmpi; "" if users choose
	Environment []string `toml:"environment"` // "NAME=value", set before MPI_Init
}

// Engine is the flavour as engines call it (package mpi); "" if users choose.
func (m MPI) Engine() string {
	if m.Flavour == "mpich-abi" {
		return "mpich"
	}
	return m.Flavour
}

// Broadcast says how a program is brought to all nodes; see [jobscripts.Broadcast].
type Broadcast struct {
	Before string `toml:"before"`
	After  string `toml:"after"`
	Dir    string `toml:"dir"`
	// FromNodes is the smallest job for which it is done; 0 is none unless asked for.
	FromNodes int `toml:"from_nodes"`
}

// Network says who reaches whom. A nil pointer is not known.
type Network struct {
	Interface string `toml:"interface"`       // by which nodes reach each other by TCP, as in "hsn0"
	Login     *bool  `toml:"login_reachable"` // compute nodes reach login nodes
}

// Files says what compute nodes see.
type Files struct {
	Hidden []string `toml:"hidden"` // directories that they do not, as in "/home"
	Root   string   `toml:"root"`   // where profiles are seen by all, as in "/work" or "$SCRATCH"
}

// Warning is the time that jobs of the site have to end in good order.
type Warning struct {
	Lead  time.Duration `toml:"lead"`  // how long before its end a job is warned, unless a request says; 0 is [jobscripts.Warning]
	Grace time.Duration `toml:"grace"` // from the SIGTERM that ends a preempted job to the kill; 0 is none, or not known
}

// System names the scripts that the scheduler reads, one of jobscripts.Systems.
func (s Site) System() string { return s.scheduler().system }

// LauncherName names the launcher that submits to the scheduler, one of launcher.Names.
func (s Site) LauncherName() string {
	if s.Scheduler == "pbspro" {
		return "pbs"
	}
	return s.Scheduler
}

// Known reports whether the profile says anything of a machine.
func (s Site) Known() bool { return s.Scheduler != "" }

// Validate refuses what contradicts itself.
func (s Site) Validate() error {
	if !slices.Contains(Schedulers(), s.Scheduler) {
		return fmt.Errorf("site: scheduler %q: known are %s", s.Scheduler, strings.Join(Schedulers(), ", "))
	}
	if _, err := time.Parse(time.DateOnly, s.AsOf); s.AsOf != "" && err != nil {
		return fmt.Errorf("site: as_of %q: want a day, such as 2026-04-15", s.AsOf)
	}
	if s.Poll < 0 || s.MaxChain < 0 || s.Warning.Lead < 0 || s.Warning.Grace < 0 {
		return fmt.Errorf("site: poll, max_chain, warning.lead and warning.grace must not be negative")
	}
	if c := s.Launcher.DepthCounts; c != "" && c != "cores" && c != "threads" {
		return fmt.Errorf("site: launcher.depth_counts %q: want cores or threads", c)
	}
	if f := s.MPI.Flavour; f != "" && f != "mpich-abi" && f != "openmpi" {
		return fmt.Errorf("site: mpi.flavour %q: want mpich-abi or openmpi, or nothing where users choose", f)
	}
	kinds := map[string]bool{}
	for _, k := range s.Nodes {
		if k.Name == "" || kinds[k.Name] {
			return fmt.Errorf("site: nodes %q: every kind of nodes wants a name of its own", k.Name)
		}
		kinds[k.Name] = true
		if k.Cores < 0 || k.GPUs < 0 || k.PerNode < 0 || k.Threads < 0 || k.Usable < 0 || k.Usable > k.Cores {
			return fmt.Errorf("site: nodes %q: %d cores, of which %d for jobs, %d threads, %d GPUs, %d engines on each: this cannot be",
				k.Name, k.Cores, k.Usable, k.Threads, k.GPUs, k.PerNode)
		}
	}
	queues := map[string]bool{}
	for _, q := range s.Queues {
		if q.Name == "" || queues[q.Name] {
			return fmt.Errorf("site: queue %q: every queue wants a name of its own", q.Name)
		}
		queues[q.Name] = true
		for _, k := range q.Nodes {
			if !kinds[k] {
				return fmt.Errorf("site: queue %q is said to have nodes of kind %q, which [[site.nodes]] does not describe", q.Name, k)
			}
		}
		if q.OnRequest && q.Note == "" {
			return fmt.Errorf("site: queue %q is taken on request alone: its note has to say why", q.Name)
		}
		if err := q.validate(); err != nil {
			return err
		}
	}
	for _, r := range append(slices.Clone(s.Required), s.Forbidden...) {
		if r.Directive == "" || r.Why == "" || r.Remedy == "" {
			return fmt.Errorf("site: rule about %q: it wants a directive, why and remedy", r.Directive)
		}
	}
	return nil
}
