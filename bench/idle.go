package bench

import (
	"context"
	"fmt"
	"time"

	"muster/client"
	"muster/cluster"
	"muster/wire"
)

// start measures engines that start and then have nothing to do.
func start(ctx context.Context, config Config, profile wire.Profile, r *Report) error {
	config.Progress(fmt.Sprintf("starting %d engines", config.StartUp))
	started := time.Now()
	c, err := cluster.Start(ctx, cluster.Config{Profile: profile, Engines: config.Launcher, N: config.StartUp, ControllerArgs: config.ControllerArgs})
	if err != nil {
		return err
	}
	defer c.Stop(context.WithoutCancel(ctx))
	s := Start{Engines: config.StartUp, Seconds: time.Since(started).Seconds(), IdleSeconds: config.IdleFor.Seconds()}

	record, err := cluster.Find(profile, "")
	if err != nil {
		return err
	}
	if s.ControllerRSS, err = residentMB(record.Controller.Processes[0].PID); err != nil {
		return err
	}
	pids, err := client.Call[int](ctx, c.Client.Direct(client.All), client.Ref("os.Getpid"))
	if err != nil {
		return err
	}
	if s.EngineRSS, err = residentMB(pids[0]); err != nil {
		return err
	}
	config.Progress(fmt.Sprintf("watching %d idle engines for %v", config.StartUp, config.IdleFor))
	before, err := cpuSeconds(pids)
	if err != nil {
		return err
	}
	select {
	case <-time.After(config.IdleFor):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	after, err := cpuSeconds(pids)
	if err != nil {
		return err
	}
	s.IdlePercent = 100 * (after - before) / s.IdleSeconds
	r.Start = &s
	return c.Stop(ctx)
}
