package configs

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"muster/jobscripts"
	"muster/launcher"
	"muster/launcher/site"
)

// Request is what the profile's site is asked for: what the command line says, or
// else the environment (the account), or else the profile. The template that is
// named is read.
func (c Config) Request(said site.Request) (site.Request, error) {
	if said.Account == "" && c.Site.Account.Env != "" {
		said.Account = os.Getenv(c.Site.Account.Env)
	}
	r := said.Or(c.Job)
	if r.Template == "" {
		return r, nil
	}
	text, err := os.ReadFile(r.Template)
	if err != nil {
		return r, fmt.Errorf("configs: template of the job script: %w", err)
	}
	r.Text = string(text)
	return r, nil
}

// Place has the engines started as jobs of a batch system the way that the profile
// and said ask for. Said goes over the profile; n is the number of engines, 0 for
// those that fill the nodes; said.Run is the profile's directory. A profile that
// describes a site has it plan the jobs, unless it names another launcher, and it
// is an error if the site would refuse them. Launchers of this machine take no
// notice of any of it.
func (c *Config) Place(said site.Request, n int) error {
	request, err := c.Request(said)
	if err != nil {
		return err
	}
	system := c.Site.LauncherName()
	if !c.Site.Known() || c.Engines.Launcher != "" && c.Engines.Launcher != system {
		return c.ask(said, request)
	}
	p := placer{c.Site, request}
	plan, err := p.plan(cmp.Or(n, c.Engines.N))
	if err != nil {
		return err
	}
	c.Engines.Launcher, c.Engines.N = system, plan.N
	config := c.Engines.Batch()
	config.Site, config.Poll, config.Chain = p, plan.Poll, request.Chain
	return nil
}

// PlaceController returns how the controller is started that the profile, or said,
// asks for: as Place has it, as a job of one node if that is of a batch system.
func (c Config) PlaceController(said site.Request) (launcher.Config, error) {
	c.Engines.Launcher = c.Controller.Launcher
	switch c.Engines.Name() {
	case "local", "ssh", "srun":
		return c.Engines, nil
	case "sge":
		c.Job.Nodes, c.Job.PerNode, said.Nodes, said.PerNode = 0, 0, 0, 0
	default:
		said.Nodes, said.PerNode = 1, 1
	}
	if !slices.Contains(launcher.Names, c.Engines.Launcher) || c.Engines.Batch() == nil {
		return c.Engines, fmt.Errorf("configs: controller.launcher is %q: a controller is started by ssh, srun or a batch system, or as a process of this machine", c.Engines.Launcher)
	}
	c.Engines.Restart = ""
	c.Job.Broadcast, said.Broadcast = false, false
	err := c.Place(said, 1)
	return c.Engines, err
}

// PlaceMore is Place for n engines beyond those that the profile is about. Unless
// said names nodes they are on as many as they need, no closer than the profile's own are.
func (c *Config) PlaceMore(said site.Request, n int) error {
	if n == 0 && said.Nodes == 0 && said.PerNode == 0 {
		return c.Place(said, 0)
	}
	shapes := []struct{ nodes, perNode *int }{{&c.Job.Nodes, &c.Job.PerNode}, {&c.Engines.Slurm.Nodes, &c.Engines.Slurm.PerNode}}
	if s := c.Engines.Submit(); s != nil {
		shapes = append(shapes, struct{ nodes, perNode *int }{&s.Nodes, &s.PerNode})
	}
	for _, shape := range shapes {
		if *shape.perNode == 0 && *shape.nodes > 0 {
			*shape.perNode = (c.Engines.N + *shape.nodes - 1) / *shape.nodes
		}
		if n > 0 {
			*shape.nodes, *shape.perNode = 0, min(n, *shape.perNode)
		}
	}
	c.Engines.N = n
	return c.Place(said, n)
}

// ask has a request, of which the command line said a part, over what the sections of
// the launchers say.
func (c *Config) ask(said, r site.Request) error {
	config := c.Engines.Batch()
	if config == nil {
		if said.Chain > 0 {
			return fmt.Errorf("configs: %d more jobs after the first: engines of launcher %q are no job of a batch system, and have no end of their time", said.Chain, c.Engines.Name())
		}
		return nil
	}
	switch c.Engines.Launcher {
	case "slurm":
		s := &c.Engines.Slurm
		s.Nodes, s.PerNode = cmp.Or(r.Nodes, s.Nodes), cmp.Or(r.PerNode, s.PerNode)
		s.Account, s.Partition = cmp.Or(r.Account, s.Account), cmp.Or(r.Queue, s.Partition)
	case "sge":
		if r.Nodes > 0 || r.PerNode > 0 {
			return errors.New("configs: Grid Engine gives slots, not nodes: say how many engines (-n), and leave job.nodes and job.per_node out")
		}
		s := &c.Engines.SGE
		s.Project, s.Queue = cmp.Or(r.Account, s.Project), cmp.Or(r.Queue, s.Queue)
	default:
		s := c.Engines.Submit()
		s.Nodes, s.PerNode = cmp.Or(r.Nodes, s.Nodes), cmp.Or(r.PerNode, s.PerNode)
		s.Account, s.Queue = cmp.Or(r.Account, s.Account), cmp.Or(r.Queue, s.Queue)
	}
	if r.Kind != "" || r.Broadcast {
		return fmt.Errorf("configs: job.kind and job.broadcast are for profiles that describe a site: this one asks %s alone", c.Engines.Launcher)
	}
	config.Time, config.Warning, config.Poll = cmp.Or(r.Time, config.Time), cmp.Or(r.Warning, config.Warning), cmp.Or(r.Poll, config.Poll)
	config.Chain = r.Chain
	config.Directives, config.Setup = slices.Concat(config.Directives, r.Directives), slices.Concat(config.Setup, r.Setup)
	if len(r.Launch) > 0 {
		config.Launch = r.Launch
	}
	config.Form = jobscripts.Form{Template: r.Text, Drop: r.Drop}
	return nil
}

// A placer plans jobs for a launcher.
type placer struct {
	site    site.Site
	request site.Request
}

func (p placer) plan(n int) (site.Plan, error) {
	r := p.request
	r.N = n
	return p.site.Plan(r)
}

// Place implements [launcher.Site].
func (p placer) Place(n int) (jobscripts.Engines, error) {
	plan, err := p.plan(n)
	return plan.Engines(), err
}

// Check implements [launcher.Site].
func (p placer) Check(script string) error { return p.site.Check(script) }
