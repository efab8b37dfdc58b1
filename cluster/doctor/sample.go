package doctor

import (
	"fmt"
	"strings"
	"time"

	"muster/configs"
	"muster/launcher"
	"muster/launcher/site"
)

// sampleTime is what the job of nodes asks for.
const sampleTime = time.Minute

// sample is the launcher of the engines for a small job of a minute, and how many copies
// that has: one on each of two nodes, if the engines have two; with ssh, on every host.
func (x *examination) sample() (launcher.Config, int, error) {
	engines := x.profile.Engines
	switch engines.Launcher {
	case "ssh":
		for i, h := range engines.SSH.Hosts {
			engines.SSH.Hosts[i], _, _ = strings.Cut(h, ":")
		}
		engines.N = len(engines.SSH.Hosts)
	case "", "local":
		engines.N = 1
	case "mpi", "srun":
		engines.N = min(2, x.engines())
	default:
		return x.batchSample()
	}
	return engines, engines.N, nil
}

// batchSample has the site plan a small job and a short one. What the site does not take
// so is as large, or as long, as the cluster's own.
func (x *examination) batchSample() (engines launcher.Config, n int, err error) {
	small := x.Job
	small.Run, small.Time = x.Profile.Dir, sampleTime
	few := min(2, x.engines())
	if nodes := x.nodesAsked(); nodes > 0 {
		few = min(2, nodes)
		small.Nodes, small.PerNode = few, 1
	}
	large, slow, own := small, small, x.Job
	large.Nodes, large.PerNode = own.Nodes, own.PerNode
	slow.Time, own.Run = own.Time, small.Run
	for _, try := range []struct {
		site.Request
		n int
	}{{small, few}, {large, x.engines()}, {slow, few}, {own, x.engines()}} {
		if engines, err = x.place(try.Request, try.n); err == nil {
			return engines, try.n, nil
		}
	}
	return engines, 0, err
}

// place reads the profile once more, and has it plan another job than that of the cluster.
func (x *examination) place(job site.Request, n int) (launcher.Config, error) {
	var p configs.Config
	if err := configs.Load(x.Profile, &p); err != nil {
		return p.Engines, err
	}
	p.Engines.N, p.Engines.Launcher = n, x.Engines
	if x.Engines == "" {
		p.Engines.Launcher = x.profile.Engines.Launcher
	}
	err := p.Place(job, n)
	if err == nil {
		err = p.Engines.Validate()
	}
	if err != nil {
		return p.Engines, fmt.Errorf("a job to look at nodes: %w", err)
	}
	return p.Engines, nil
}

// nodesAsked is how many nodes the engines are on; 0 if that is left to the batch system.
func (x *examination) nodesAsked() int {
	e := &x.profile.Engines
	nodes, perNode := e.Slurm.Nodes, e.Slurm.PerNode
	if s := e.Submit(); s != nil {
		nodes, perNode = s.Nodes, s.PerNode
	}
	if b := e.Batch(); b.Site != nil {
		if plan, err := b.Site.Place(x.engines()); err == nil {
			nodes, perNode = plan.Nodes, plan.PerNode
		}
	}
	if nodes == 0 && perNode > 0 {
		nodes = (x.engines() + perNode - 1) / perNode
	}
	return nodes
}
