package site

import (
	"cmp"
	"slices"
	"time"
)

// A Request is a job that somebody wants: section [job] of a profile, and the
// flags of the command line. What is empty is left to the site.
type Request struct {
	Nodes   int           `toml:"nodes"`    // 0: as many as N engines need, or one
	PerNode int           `toml:"per_node"` // engines on each node; 0: as many as the nodes are made for
	N       int           `toml:"-"`        // engines; 0: those that fill the nodes
	Time    time.Duration `toml:"time"`     // longest run time; 0 is an hour
	Kind    string        `toml:"kind"`     // of nodes; "" is the site's first
	Queue   string        `toml:"queue"`    // "": the first that takes the job
	Account string        `toml:"account"`  // whom to charge
	// Warning is how long before its end the engines of a job drain; 0 is the site's lead.
	Warning time.Duration `toml:"warning"`
	// Chain is how many more jobs follow, each queued as soon as the one before has started.
	Chain int `toml:"chain"`
	// Directives are more options for the scheduler, Setup lines of shell after the site's own.
	Directives []string `toml:"directives"`
	Setup      []string `toml:"setup"`
	// Launch takes the place of the site's launcher: the words that start the engines on all nodes.
	Launch []string `toml:"launch"`
	// Broadcast brings the program to the local disks of all nodes first.
	Broadcast bool `toml:"broadcast"`
	// Template is the file of the script's template, in place of the shipped one, and
	// Text what is in it. Drop is options that scripts have and this one is not to have.
	Template string   `toml:"template"`
	Text     string   `toml:"-"`
	Drop     []string `toml:"drop"`
	// Poll is the time between two questions to the scheduler; 0 is what the site allows.
	Poll time.Duration `toml:"poll"`
	// Run is the directory of the run, which compute nodes must see.
	Run string `toml:"-"`
	// Outside says that the engines' controller is on the login node, outside of the job.
	Outside bool `toml:"-"`
}

// Or returns the request with what it leaves empty taken from another; options
// and lines of both count.
func (r Request) Or(other Request) Request {
	launch := r.Launch
	if len(launch) == 0 {
		launch = other.Launch
	}
	return Request{
		Nodes: cmp.Or(r.Nodes, other.Nodes), PerNode: cmp.Or(r.PerNode, other.PerNode), N: cmp.Or(r.N, other.N), Time: cmp.Or(r.Time, other.Time), Warning: cmp.Or(r.Warning, other.Warning), Chain: cmp.Or(r.Chain, other.Chain),
		Kind: cmp.Or(r.Kind, other.Kind), Queue: cmp.Or(r.Queue, other.Queue), Account: cmp.Or(r.Account, other.Account),
		Directives: slices.Concat(other.Directives, r.Directives), Setup: slices.Concat(other.Setup, r.Setup),
		Launch: launch, Broadcast: r.Broadcast || other.Broadcast,
		Template: cmp.Or(r.Template, other.Template), Text: cmp.Or(r.Text, other.Text), Drop: slices.Concat(other.Drop, r.Drop),
		Poll: cmp.Or(r.Poll, other.Poll), Run: cmp.Or(r.Run, other.Run), Outside: r.Outside || other.Outside,
	}
}

// defaultTime is the longest run time where nobody says one: nearly every queue
// takes that, and a job that is forgotten does not use up an account.
const defaultTime = time.Hour
