package bench

import (
	"context"
	"path/filepath"
	"slices"

	"muster/cluster"
	"muster/wire"
)

// durable compares the rate of tasks, over so many that a queue of what is to be
// written does not help, with that of a second cluster, whose
// controller keeps its records in an SQLite database.
func (m measurement) durable() error {
	n := m.config.Engines
	m.config.Progress("tasks that are recorded in SQLite")
	d := m
	profile := wire.Profile{Dir: filepath.Join(m.profile.Dir, "sqlite")}
	stop, err := d.start(cluster.Config{
		Profile: profile, Engines: m.config.Launcher, N: n,
		ControllerArgs: append(slices.Clone(m.config.ControllerArgs), "--sqlitedb"),
	}, n)
	if err != nil {
		return err
	}
	defer stop(context.WithoutCancel(m.ctx))
	r := SQLite{Requests: 3 * m.config.Requests, Outstanding: m.config.Outstanding}
	with, without := d.client.LoadBalanced(), m.client.LoadBalanced()
	err = m.inTurn(
		load{&r.Memory, &r.MemoryCPU, r.Requests, m.spent, func() error { return m.tasks(without, r.Requests) }},
		load{&r.Task, &r.CPU, r.Requests, d.spent, func() error { return d.tasks(with, r.Requests) }},
	)
	if err != nil {
		return err
	}
	r.Ratio = r.Task / r.Memory
	m.report.SQLite = &r
	return stop(m.ctx)
}
