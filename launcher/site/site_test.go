package site

import (
	"errors"
	"go/build"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/jobscripts"
)

// small is a site with one of each rule.
func small() Site {
	return Site{
		Name: "Small", Scheduler: "slurm",
		Account: Account{Required: true},
		Nodes:   []Kind{{Name: "cpu", Cores: 8, Threads: 2}, {Name: "gpu", Cores: 8, Usable: 6, GPUs: 2, GPUBind: []string{"--gpu-bind=closest"}}},
		Queues: []Queue{
			{Name: "work", Range: Range{MaxNodes: 4, MaxTime: 2 * time.Hour}},
			{Name: "steps", Range: Range{MinNodes: 5, MaxNodes: 20}, Limits: []Limit{
				{"low", Range{MaxNodes: 9, MaxTime: time.Hour}}, {"high", Range{MinNodes: 12, MaxTime: 3 * time.Hour}},
			}},
			{Name: "free", OnRequest: true, Note: "may be ended"},
		},
		Directives: []string{"--mem=0"}, Fixed: []string{"--exclusive"},
		Required:  []Rule{{"--time", "it is not known how long it runs", "give a time"}},
		Forbidden: []Rule{{"--export", "it interferes", "leave it out"}},
		Launcher: Launcher{Command: []string{"run"}, Ranks: []string{"-n", "{ranks}"}, PerNode: []string{"-p", "{per_node}"}, Depth: []string{"-d", "{depth}"},
			Bind: []string{"--bind"}, Env: []string{"--env={name}:{value}"}, Subrange: []string{"-n", "{ranks}", "-o", "{offset}"}, Hostfile: []string{"-f", "{file}"}},
		MPI:       MPI{Environment: []string{"A=1", "B=2"}},
		Broadcast: Broadcast{Before: `copy "$file"`, FromNodes: 3},
		Poll:      time.Minute,
	}
}

func plan(t *testing.T, s Site, r Request) Plan {
	t.Helper()
	r.Account = "a"
	p, err := s.Plan(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlanFillsIn(t *testing.T) {
	p := plan(t, small(), Request{})
	if p.Nodes != 1 || p.PerNode != 8 || p.N != 8 || p.Depth != 1 || p.Time != time.Hour || p.Queue != "work" || p.Kind != "cpu" || p.Poll != time.Minute {
		t.Errorf("an empty request becomes %+v", p)
	}
	if want := []string{"run", "-n", "8", "-p", "8", "-d", "1", "--bind", "--env=A:1", "--env=B:2"}; !slices.Equal(p.Launch, want) {
		t.Errorf("launched by %q, want %q", p.Launch, want)
	}
	if want := []string{"--mem=0", "--exclusive"}; !slices.Equal(p.Directives, want) || p.Partition != "work" {
		t.Errorf("directives %q, want %q, partition %q", p.Directives, want, p.Partition)
	}
	if p.Broadcast.Before != "" {
		t.Errorf("one node is broadcast to: %+v", p.Broadcast)
	}
}

func TestPlanShapes(t *testing.T) {
	for _, tt := range []struct {
		request                  Request
		nodes, perNode, n, depth int
	}{
		{Request{N: 20}, 3, 8, 20, 1},
		{Request{N: 20, PerNode: 4}, 5, 4, 20, 2},
		{Request{N: 5, Nodes: 2}, 2, 3, 5, 2},
		{Request{Nodes: 2, PerNode: 16}, 2, 16, 32, 1},
		{Request{Nodes: 2, Kind: "gpu"}, 2, 2, 4, 3},
		{Request{Nodes: 2, PerNode: 3, Kind: "gpu"}, 2, 3, 6, 2},
	} {
		p := plan(t, small(), tt.request)
		if p.Nodes != tt.nodes || p.PerNode != tt.perNode || p.N != tt.n || p.Depth != tt.depth {
			t.Errorf("%+v becomes %d nodes of %d, %d engines of %d cores", tt.request, p.Nodes, p.PerNode, p.N, p.Depth)
		}
		if bound := slices.Contains(p.Launch, "--gpu-bind=closest"); bound != (tt.request.Kind == "gpu" && p.PerNode == 2) || bound == slices.Contains(p.Launch, "--bind") {
			t.Errorf("%+v is bound by %q", tt.request, p.Launch)
		}
		if (p.Broadcast.Before != "") != (p.Nodes >= 3) {
			t.Errorf("%d nodes: broadcast %+v", p.Nodes, p.Broadcast)
		}
	}
	s := small()
	s.Launcher.DepthCounts = "threads"
	if p := plan(t, s, Request{PerNode: 4}); p.Depth != 4 {
		t.Errorf("4 engines on 8 cores of 2 threads have %d threads each", p.Depth)
	}
}

func TestPlanChoosesTheQueue(t *testing.T) {
	for _, tt := range []struct {
		nodes int
		time  time.Duration
		queue string // asked for
		want  string // queue and limit, or a part of the refusal
	}{
		{4, 2 * time.Hour, "", "work/"},
		{5, time.Hour, "", "steps/low"},
		{12, 3 * time.Hour, "", "steps/high"},
		{20, 1 * time.Hour, "", "steps/high"},
		{1, 9 * time.Hour, "free", "free/"},
		{5, 2 * time.Hour, "", "no queue takes a job of 5 nodes for 2h: work gives no more than 4 nodes; steps (low, for 1 to 9 nodes) gives no more than 1h (rule queues.work.max_nodes, queues.steps.low.max_time)"},
		{10, time.Hour, "", "steps has no limit for 10 nodes (rule queues.work.max_nodes, queues.steps.limits): ask for a job within these limits, or for a queue that takes it by name: free (may be ended)"},
		{5, time.Hour, "work", "(rule queues.work.max_nodes)"},
		{5, time.Hour, "low", "nothing can be submitted to low directly: steps routes jobs there by their size (rule queues.steps.limits): ask for steps"},
		{5, time.Hour, "none", `it has no queue "none", but work, steps, free (rule queues)`},
	} {
		p, err := small().Plan(Request{Nodes: tt.nodes, Time: tt.time, Queue: tt.queue, Account: "a"})
		got := p.Queue + "/" + p.Limit
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) || err == nil && got != tt.want {
			t.Errorf("%d nodes, %v, queue %q: %s, want %s", tt.nodes, tt.time, tt.queue, got, tt.want)
		}
	}
	s := small()
	s.Queues = nil // not known
	if p := plan(t, s, Request{Nodes: 1000, Queue: "mine"}); p.Partition != "mine" {
		t.Errorf("partition %q, want the one that is asked for", p.Partition)
	}
	s.Queues = []Queue{{Name: "free", OnRequest: true, Note: "costs"}}
	if _, err := s.Plan(Request{Account: "a"}); err == nil || !strings.Contains(err.Error(), "by itself (rule queues)") {
		t.Errorf("a queue on request is taken by itself: %v", err)
	}
}

func TestPlanRefuses(t *testing.T) {
	for rule, r := range map[string]Request{
		"job":                {Nodes: -1, Account: "a"},
		"nodes.cpu.cores":    {PerNode: 17, Account: "a"},
		"account.required":   {},
		"poll":               {Poll: time.Second, Account: "a"},
		"fixed --exclusive":  {Directives: []string{"--exclusive=user"}, Account: "a"},
		"forbidden --export": {Directives: []string{"--export ALL"}, Account: "a"},
	} {
		_, err := small().Plan(r)
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Rule != rule || refusal.Site != "Small" || refusal.Remedy == "" {
			t.Errorf("%+v: %v, want a refusal by rule %s", r, err, rule)
		}
	}
	if _, err := small().Plan(Request{N: 9, Nodes: 1, PerNode: 8, Account: "a"}); err == nil || !strings.Contains(err.Error(), "9 engines do not fit on 1 node of 8 (rule job): ask for more nodes") {
		t.Errorf("nine engines for eight places: %v", err)
	}
	s := small()
	s.Broadcast = Broadcast{}
	if _, err := s.Plan(Request{Broadcast: true, Account: "a"}); err == nil || !strings.Contains(err.Error(), "(rule broadcast)") {
		t.Errorf("a broadcast that is not known: %v", err)
	}
}

func TestPlanWarns(t *testing.T) {
	s := small()
	for _, tt := range []struct{ lead, run, asked, want time.Duration }{
		{0, 0, 0, time.Minute},
		{0, 2 * time.Minute, 0, 12 * time.Second},
		{5 * time.Minute, time.Hour, 0, 5 * time.Minute},
		{5 * time.Minute, 4 * time.Minute, 0, 2 * time.Minute},
		{5 * time.Minute, 4 * time.Minute, 3 * time.Minute, 3 * time.Minute},
	} {
		s.Warning = Warning{Lead: tt.lead, Grace: time.Minute}
		p := plan(t, s, Request{Time: tt.run, Warning: tt.asked})
		if p.Warning.Lead != tt.want || p.Engines().Warning != tt.want || p.Cluster().Warning != tt.want || p.Engines().Grace != time.Minute {
			t.Errorf("%+v: warned %v before the end", tt, p.Warning.Lead)
		}
	}
	if _, err := s.Plan(Request{Account: "a", Warning: time.Hour}); err == nil || !strings.Contains(err.Error(), "a warning 1h before the end of a job of 1h (rule job): give a shorter warning") {
		t.Errorf("a warning before the job begins: %v", err)
	}
}

func TestPlanChains(t *testing.T) {
	s := small()
	s.MaxChain = 3
	plan(t, s, Request{Chain: 3})
	for want, change := range map[string]func(*Site, *Request){
		"4 more jobs after the first (rule max_chain): ask for 3 at most":                                                          func(_ *Site, r *Request) { r.Chain = 4 },
		"-1 more jobs after the first (rule job)":                                                                                  func(_ *Site, r *Request) { r.Chain = -1 },
		"1 more job after the first: queue work lets a user have one job at a time (rule queues.work.jobs): ask for another queue": func(s *Site, _ *Request) { s.Queues[0].Jobs = 1 },
		"HTCondor orders nothing but the nodes of a DAG":                                                                           func(s *Site, _ *Request) { s.Scheduler = "htcondor" },
	} {
		s, r := s, Request{Account: "a", Chain: 1}
		s.Queues = slices.Clone(s.Queues)
		change(&s, &r)
		if _, err := s.Plan(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestTheUsersOptionsCountMore(t *testing.T) {
	p := plan(t, small(), Request{Directives: []string{"--mem=4G", "--exclusive", "-C big"}, Launch: []string{"mine", "{ranks}"}})
	if want := []string{"--mem=4G", "--exclusive", "-C big"}; !slices.Equal(p.Directives, want) {
		t.Errorf("directives %q, want %q", p.Directives, want)
	}
	if want := []string{"mine", "8"}; !slices.Equal(p.Launch, want) {
		t.Errorf("launched by %q, want %q", p.Launch, want)
	}
}

func TestRequestOr(t *testing.T) {
	got := Request{Nodes: 2, Launch: []string{"b"}, Setup: []string{"second"}}.Or(Request{Nodes: 3, Account: "a", Launch: []string{"a"}, Setup: []string{"first"}, Broadcast: true})
	if got.Nodes != 2 || got.Account != "a" || !got.Broadcast || !slices.Equal(got.Launch, []string{"b"}) || !slices.Equal(got.Setup, []string{"first", "second"}) {
		t.Errorf("got %+v", got)
	}
}

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*Site){
		`scheduler "cron": known are slurm, pbspro, torque, sge, lsf, flux, pjm, htcondor`: func(s *Site) { s.Scheduler = "cron" },
		`as_of "May": want a day`:              func(s *Site) { s.AsOf = "May" },
		"poll, max_chain, warning.lead":        func(s *Site) { s.Poll = -1 },
		`mpi.flavour "lam"`:                    func(s *Site) { s.MPI.Flavour = "lam" },
		`depth_counts "sockets"`:               func(s *Site) { s.Launcher.DepthCounts = "sockets" },
		`nodes "cpu": every kind`:              func(s *Site) { s.Nodes[1].Name = "cpu" },
		`nodes "cpu": 8 cores, of which 9`:     func(s *Site) { s.Nodes[0].Usable = 9 },
		`queue "work": every queue`:            func(s *Site) { s.Queues[1].Name = "work" },
		`nodes of kind "tpu"`:                  func(s *Site) { s.Queues[0].Nodes = []string{"tpu"} },
		"no job fits":                          func(s *Site) { s.Queues[0].MinNodes = 5 },
		`queue "steps, limit high"`:            func(s *Site) { s.Queues[1].Limits[1].MinTime = 4 * time.Hour },
		"its note has to say why":              func(s *Site) { s.Queues[2].Note = "" },
		"it wants a directive, why and remedy": func(s *Site) { s.Forbidden[0].Why = "" },
	} {
		s := small()
		change(&s)
		if _, err := s.Plan(Request{Account: "a"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if err := small().Validate(); err != nil {
		t.Error(err)
	}
}

func TestPartsOfAJob(t *testing.T) {
	l := small().Launcher
	if got := l.Part(32, 16); !slices.Equal(got, []string{"run", "-n", "16", "-o", "32"}) {
		t.Errorf("16 ranks from the 32nd on: %q", got)
	}
	if got := l.On("/tmp/hosts"); !slices.Equal(got, []string{"-f", "/tmp/hosts"}) {
		t.Errorf("on the hosts of a file: %q", got)
	}
	if got := (Launcher{Command: []string{"run"}}).Part(0, 1); got != nil {
		t.Errorf("a launcher without words for parts: %q", got)
	}
}

func TestOptions(t *testing.T) {
	for _, tt := range []struct{ scheduler, directive, want string }{
		{"slurm", "--mem=4G", "--mem 4G"},
		{"slurm", "--mem 4G", "--mem 4G"},
		{"slurm", "-C cpu", "--constraint cpu"},
		{"slurm", "-qdebug", "--qos debug"},
		{"slurm", "--exclusive", "--exclusive "},
		{"pbspro", "-l select=2:system=x,walltime=1:00:00", "-l select 2:system=x; -l walltime 1:00:00"},
		{"pbspro", "-A p", "-A p"},
		{"sge", "-l h_rt=5", "-l h_rt 5"},
		{"lsf", "-q normal", "-q normal"},
		{"flux", "--setattr=bank=b", "--setattr=bank b"},
		{"flux", "-B b", "--setattr=bank b"},
		{"flux", "-x", "--exclusive "},
		{"pjm", `-L "node=2,rscgrp=small"`, "-L node 2; -L rscgrp small"},
		{"pjm", "--mpi max-proc-per-node=4", "--mpi max-proc-per-node 4"},
	} {
		var got []string
		for _, o := range (Site{Scheduler: tt.scheduler}).scheduler().options(tt.directive) {
			got = append(got, o.key+" "+o.value)
		}
		if g := strings.Join(got, "; "); g != tt.want {
			t.Errorf("%s reads %q as %q, want %q", tt.scheduler, tt.directive, g, tt.want)
		}
	}
}

// Every scheduler has its scripts, and reads in them what is asked for.
func TestEveryScheduler(t *testing.T) {
	for _, name := range Schedulers() {
		s := small()
		s.Scheduler, s.Chunk, s.Directives, s.Fixed, s.Required, s.Forbidden = name, "", nil, nil, nil, nil
		if name == "pbspro" {
			s.Chunk = "{nodes}:ncpus=8:mpiprocs={per_node}"
		}
		r := Request{Nodes: 2, PerNode: 4}
		if name == "htcondor" {
			if _, err := s.Plan(r); err == nil || !strings.Contains(err.Error(), "2 nodes: a job of HTCondor is on one machine") {
				t.Errorf("two nodes: %v", err)
			}
			r.Nodes = 1
		}
		p := plan(t, s, r)
		e := p.Engines()
		e.Name, e.Args, e.Dir, e.Log, e.Report = "e", []string{"ipengine"}, "/run", "/run/log", "/run/report"
		script, err := jobscripts.RenderEngines(p.System, e)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		whole, err := jobscripts.Render(p.System, p.Cluster())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, script := range []string{script, whole} {
			if err := s.Check(script); err != nil { // the account is read back
				t.Errorf("%s: %v\n%s", name, err, script)
			}
			given := s.scheduler().given(script)
			if s.scheduler().queue != "" && !slices.Contains(given, option{s.scheduler().queue, "work"}) || !slices.Contains(given, option{s.scheduler().account, "a"}) {
				t.Errorf("%s: queue and account are not among %v", name, given)
			}
			if chunk := slices.Contains(given, option{"-l select", "2:ncpus=8:mpiprocs=4"}); chunk != (name == "pbspro") {
				t.Errorf("%s: chunks: %v", name, given)
			}
			if torque := slices.Contains(given, option{"-l nodes", "2:ppn=4"}); torque != (name == "torque") {
				t.Errorf("%s: nodes: %v", name, given)
			}
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("slurm", "#SBATCH --mem=4G\n#SBATCH -C\n#SBATCH \n")
	f.Add("pbspro", "#PBS -l select=2,,walltime\n#PBS -l\n")
	f.Add("pjm", "#PJM -L \"node=2\n#PJM --mpi\n")
	f.Fuzz(func(t *testing.T, scheduler, script string) {
		s := small()
		s.Scheduler = scheduler
		if err := s.Check(script); err == nil && !strings.Contains(script, "exclusive") {
			t.Errorf("%q has no account, and nothing that is fixed, and is not refused", script)
		}
	})
}

// What this package decides depends on what it is given alone.
func TestImportsAreThoseOfAPureRoom(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, impure := range []string{"os", "net", "io/fs", "os/exec", "math/rand", "syscall"} {
		if slices.Contains(pkg.Imports, impure) {
			t.Errorf("it imports %s", impure)
		}
	}
}
