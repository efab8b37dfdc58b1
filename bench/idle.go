package bench

import (
	"context"
	"fmt"
	"time"

	"muster/client"
	"muster/cluster"
	"muster/wire"
)

// start measures engines that start, beside as many bare workers that do, and
// engines that then have nothing to do.
func start(ctx context.Context, config Config, profile wire.Profile, r *Report) error {
	s := Start{Engines: config.StartUp, IdleSeconds: config.IdleFor.Seconds()}
	var ours, bare []float64
	for range config.Rounds {
		config.Progress(fmt.Sprintf("starting %d engines, and as many bare workers", config.StartUp))
		begun := time.Now()
		b, err := startBare(ctx, config.StartUp, false)
		bare = append(bare, time.Since(begun).Seconds())
		b.stop()
		if err != nil {
			return err
		}
		begun = time.Now()
		c, err := cluster.Start(ctx, cluster.Config{Profile: profile, Engines: config.Launcher, N: config.StartUp, ControllerArgs: config.ControllerArgs})
		if err != nil {
			return err
		}
		ours = append(ours, time.Since(begun).Seconds())
		if len(ours) == config.Rounds {
			err = s.idle(ctx, config, c)
		}
		if stopErr := c.Stop(context.WithoutCancel(ctx)); err == nil {
			err = stopErr
		}
		if err != nil {
			return err
		}
	}
	s.Seconds, s.Bare = median(ours), median(bare)
	s.Ratio = s.Seconds / s.Bare
	r.Start = &s
	return nil
}

// idle watches engines that have nothing to do.
func (s *Start) idle(ctx context.Context, config Config, c *cluster.Cluster) error {
	record, err := cluster.Find(c.Profile(), "")
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
	return nil
}
