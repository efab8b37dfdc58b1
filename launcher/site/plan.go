package site

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/jobscripts"
)

// A Plan is a job as a site wants it.
type Plan struct {
	System  string // the scripts that the scheduler reads, one of jobscripts.Systems
	Kind    string // of nodes
	Queue   string // "" if the site does not say which there are
	Limit   string // of the queue's limits, that which applies; "" if it has none
	Nodes   int
	PerNode int // engines on each
	N       int // engines
	Depth   int // cores, or hardware threads, for each engine; 0 is not known
	Time    time.Duration
	Account string

	Partition  string   // Slurm: by which the queue is asked for, unless by directives
	Ask        string   // the others: likewise
	Chunk      string   // PBS Pro's select=
	Directives []string // all others
	Setup      []string
	Env        []string // "NAME=value"
	Launch     []string // starts a program N times
	Broadcast  jobscripts.Broadcast
	Form       jobscripts.Form
	Warning    Warning
	Interface  string // by which nodes reach each other; "" is not known
	Poll       time.Duration
}

// Plan fills in what a request leaves open, and chooses the queue. An error is a
// [*Refusal], or that of [Site.Validate].
func (s Site) Plan(r Request) (Plan, error) {
	if err := s.Validate(); err != nil {
		return Plan{}, err
	}
	p := Plan{System: s.System(), Interface: s.Network.Interface, Time: cmp.Or(r.Time, defaultTime), Warning: Warning{s.lead(r), s.Warning.Grace}, Form: jobscripts.Form{Template: r.Text, Drop: r.Drop}}
	if p.Warning.Lead < 0 || p.Warning.Lead >= p.Time {
		return Plan{}, s.refuse("job", "give a shorter warning: --warning, or job.warning", "a warning %s before the end of a job of %s", short(p.Warning.Lead), short(p.Time))
	}
	kind, err := s.kind(r)
	if err != nil {
		return Plan{}, err
	}
	p.Kind = kind.Name
	if err := s.shape(&p, r, kind); err != nil {
		return Plan{}, err
	}
	queue, err := s.queue(&p, r, kind)
	if err != nil {
		return Plan{}, err
	}
	if err := s.chain(r, queue); err != nil {
		return Plan{}, err
	}
	if p.Account, err = s.account(r, kind); err != nil {
		return Plan{}, err
	}
	if p.Poll = cmp.Or(r.Poll, s.Poll); p.Poll < s.Poll {
		return Plan{}, s.refuse("poll", "leave job.poll out", "a question every %s: the site asks for %s at least between two", short(p.Poll), short(s.Poll))
	}
	if err := s.seen(r.Run); err != nil {
		return Plan{}, err
	}
	if s.Network.Login != nil && !*s.Network.Login && r.Outside {
		return Plan{}, s.refuse("network.login_reachable", "let the whole cluster be one job, as ipcluster script prints it for this profile, or the controller be a job too (controller.launcher)",
			"engines of a job cannot reach a controller on a login node")
	}
	if err := s.directives(&p, r, kind, queue); err != nil {
		return Plan{}, err
	}
	p.Env = slices.Clone(s.MPI.Environment)
	if f := s.MPI.Engine(); f != "" {
		p.Env = append(p.Env, flavourEnv+"="+f)
	}
	p.Setup = slices.Concat(s.Setup, r.Setup)
	if p.Launch = p.fill(r.Launch); len(p.Launch) == 0 {
		var bind []string
		if p.PerNode == kind.GPUs {
			bind = kind.GPUBind
		}
		p.Launch = s.Launcher.words(p, bind)
	}
	if b := s.Broadcast; b.FromNodes > 0 && p.Nodes >= b.FromNodes || r.Broadcast && b.Before != "" {
		p.Broadcast = jobscripts.Broadcast{Before: b.Before, After: b.After, Dir: b.Dir}
	} else if r.Broadcast {
		return Plan{}, s.refuse("broadcast", "leave job.broadcast out, or say how in [site.broadcast]", "how a program is brought to all nodes is not known")
	}
	return p, nil
}

// lead is how long before its end a job is warned. That of the site is for jobs that are
// longer than twice as long.
func (s Site) lead(r Request) time.Duration {
	run := cmp.Or(r.Time, defaultTime)
	if s.Warning.Lead > 0 {
		return cmp.Or(r.Warning, min(s.Warning.Lead, run/2))
	}
	return cmp.Or(r.Warning, jobscripts.Warning(run))
}

// flavourEnv is mpi.FlavourEnv, by which engines try the shim of the site's MPI first.
const flavourEnv = "MUSTER_MPI_FLAVOUR"

// chain checks whether jobs may follow: while one runs the next one waits.
func (s Site) chain(r Request, queue Queue) error {
	switch {
	case r.Chain < 0:
		return s.refuse("job", "give a number above zero", "%d more jobs after the first", r.Chain)
	case r.Chain == 0:
	case jobscripts.Chains(s.System()) != nil:
		return s.refuse("scheduler", "leave job.chain out", "%s after the first: %v", count(r.Chain, "more job"), jobscripts.Chains(s.System()))
	case queue.Jobs == 1:
		return s.refuse("queues."+queue.Name+".jobs", "ask for another queue, or leave job.chain out", "%s after the first: queue %s lets a user have one job at a time", count(r.Chain, "more job"), queue.Name)
	case s.MaxChain > 0 && r.Chain > s.MaxChain:
		return s.refuse("max_chain", fmt.Sprintf("ask for %d at most", s.MaxChain), "%s after the first", count(r.Chain, "more job"))
	}
	return nil
}

// kind finds the nodes that are asked for, by name, or by a queue that has but one kind.
func (s Site) kind(r Request) (Kind, error) {
	if len(s.Nodes) == 0 {
		return Kind{}, nil
	}
	want := r.Kind
	if i := slices.IndexFunc(s.Queues, func(q Queue) bool { return q.Name == r.Queue }); want == "" && i >= 0 && len(s.Queues[i].Nodes) > 0 {
		want = s.Queues[i].Nodes[0]
	}
	if want == "" {
		return s.Nodes[0], nil
	}
	var names []string
	for _, k := range s.Nodes {
		if k.Name == want {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return Kind{}, s.refuse("nodes", "ask for one of these kinds", "it has no nodes of kind %q, but %s", want, strings.Join(names, ", "))
}

// shape finds how many nodes there are, and how many engines on each.
func (s Site) shape(p *Plan, r Request, kind Kind) error {
	if r.Nodes < 0 || r.PerNode < 0 || r.N < 0 || p.Time < time.Second {
		return s.refuse("job", "give numbers above zero", "%d nodes, %d engines on each, %d engines, for %v", r.Nodes, r.PerNode, r.N, p.Time)
	}
	p.Nodes, p.PerNode = r.Nodes, r.PerNode
	if p.PerNode == 0 && p.Nodes > 0 && r.N > 0 {
		p.PerNode = (r.N + p.Nodes - 1) / p.Nodes
	}
	p.PerNode = cmp.Or(p.PerNode, kind.perNode())
	if p.PerNode == 0 {
		return s.refuse("nodes", "say how many engines: --per-node, or job.per_node", "how many cores its nodes have is not known")
	}
	if p.Nodes == 0 {
		p.Nodes = max(1, (r.N+p.PerNode-1)/p.PerNode)
	}
	p.N = cmp.Or(r.N, p.Nodes*p.PerNode)
	if p.N > p.Nodes*p.PerNode {
		return s.refuse("job", "ask for more nodes, or for more engines on each", "%s do not fit on %s of %d", count(p.N, "engine"), count(p.Nodes, "node"), p.PerNode)
	}
	if s.System() == "htcondor" && p.Nodes > 1 {
		return s.refuse("scheduler", "ask for one node, with all engines on it", "%d nodes: a job of HTCondor is on one machine", p.Nodes)
	}
	if kind.Cores == 0 {
		return nil
	}
	threads := max(kind.Threads, 1)
	if most := kind.usable() * threads; p.PerNode > most {
		return s.refuse("nodes."+kind.Name+".cores", fmt.Sprintf("give each node %d at most", most),
			"%d engines on a node of %s with %s each for jobs", p.PerNode, count(kind.usable(), "core"), count(threads, "thread"))
	}
	p.Depth = max(1, kind.usable()/p.PerNode)
	if s.Launcher.DepthCounts == "threads" {
		p.Depth = max(1, kind.usable()*threads/p.PerNode)
	}
	return nil
}

// account checks whom to charge.
func (s Site) account(r Request, kind Kind) (string, error) {
	remedy := "give one: --account, or job.account in the profile"
	if s.Account.Env != "" {
		remedy += ", or $" + s.Account.Env
	}
	switch a := r.Account; {
	case a == "" && s.Account.Required:
		return "", s.refuse("account.required", remedy, "every job names the account that is charged")
	case a == "":
	case !strings.HasPrefix(a, s.Account.Prefix):
		return "", s.refuse("account.prefix", "name the project's account", "account %q: those of this site begin with %s", a, s.Account.Prefix)
	case !strings.HasSuffix(a, kind.AccountSuffix):
		return "", s.refuse("nodes."+kind.Name+".account_suffix", "try "+a+kind.AccountSuffix, "account %q: those that are charged for nodes of kind %s end in %s", a, kind.Name, kind.AccountSuffix)
	}
	return r.Account, nil
}

// seen checks that compute nodes see the directory of the run.
func (s Site) seen(dir string) error {
	for _, hidden := range s.Files.Hidden {
		if dir == hidden || strings.HasPrefix(dir, filepath.Clean(hidden)+"/") {
			return s.refuse("files.hidden", fmt.Sprintf("put the profile under %s: IPYTHONDIR=%s/ipython, or --profile-dir", s.Files.Root, s.Files.Root),
				"compute nodes do not see %s, where %s is", hidden, dir)
		}
	}
	return nil
}

// directives gathers the options beyond those that scripts have in any case.
func (s Site) directives(p *Plan, r Request, kind Kind, queue Queue) error {
	sch := s.scheduler()
	p.Chunk = p.fill([]string{cmp.Or(kind.Chunk, s.Chunk)})[0]
	said := map[string]bool{}
	for _, d := range r.Directives {
		for _, o := range sch.options(d) {
			said[o.key] = true
			for _, f := range s.Fixed {
				if fixed := sch.options(f)[0]; fixed.key == o.key && fixed.value != o.value {
					return s.refuse("fixed "+o.key, "leave it out", "the option %s: the site sets %s, and refuses any other", d, f)
				}
			}
			if err := s.forbid(o); err != nil {
				return err
			}
		}
	}
	for _, d := range slices.Concat(queue.Directives, kind.Directives, s.Directives, s.Fixed) {
		if !said[sch.options(d)[0].key] {
			p.Directives = append(p.Directives, p.fill([]string{d})[0])
		}
	}
	p.Directives = append(p.Directives, r.Directives...)
	return nil
}

// fill puts the plan's numbers into words.
func (p Plan) fill(words []string) []string {
	fill := strings.NewReplacer("{ranks}", strconv.Itoa(p.N), "{nodes}", strconv.Itoa(p.Nodes), "{per_node}", strconv.Itoa(p.PerNode), "{depth}", strconv.Itoa(p.Depth))
	filled := make([]string, len(words))
	for i, w := range words {
		filled[i] = fill.Replace(w)
	}
	return filled
}

// Engines is the plan as the script of a set of engines is rendered for it, but
// for the program and its files.
func (p Plan) Engines() jobscripts.Engines {
	return jobscripts.Engines{
		N: p.N, Nodes: p.Nodes, PerNode: p.PerNode, Time: p.Time, Warning: p.Warning.Lead, Grace: p.Warning.Grace, Account: p.Account, Partition: p.Partition, Queue: p.Ask, PE: "mpi", Chunk: p.Chunk,
		Directives: p.Directives, Setup: p.Setup, Env: p.Env, Launch: p.Launch, Broadcast: p.Broadcast, Form: p.Form,
	}
}

// Cluster is the plan as the script of a whole cluster is rendered for it.
func (p Plan) Cluster() jobscripts.Cluster {
	return jobscripts.Cluster{
		Nodes: p.Nodes, PerNode: p.PerNode, Time: p.Time, Warning: p.Warning.Lead, Grace: p.Warning.Grace, Account: p.Account, Partition: p.Partition, Queue: p.Ask, Chunk: p.Chunk,
		Directives: p.Directives, Setup: p.Setup, Env: p.Env, Interface: p.Interface, Launch: jobscripts.Words(p.Launch), Broadcast: p.Broadcast, Form: p.Form,
	}
}

// String words the plan: what is asked for, where, and who is charged.
func (p Plan) String() string {
	s := fmt.Sprintf("a job of %s for %s with %s", count(p.Nodes, "node"), short(p.Time), count(p.N, "engine"))
	if p.Queue != "" {
		s += ", queue " + p.Queue
	}
	if p.Limit != "" {
		s += " (" + p.Limit + ")"
	}
	if p.Account != "" {
		s += ", charged to " + p.Account
	}
	return s
}
