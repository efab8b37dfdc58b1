package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/oklog/run"
	"github.com/spf13/pflag"

	"muster/cluster"
	"muster/configs"
	"muster/launcher"
)

const startUsage = `
Usage: ipcluster start [flags] [-- controller flags]

Start a controller and engines, and keep them until "ipcluster stop", until a
client shuts the controller down, or until Ctrl-C, which on a terminal asks whether
to leave them running in the background.

  ipcluster start -n 4                          four engines on this machine
  ipcluster start -n 4 --engines mpi            the ranks of one mpirun
  ipcluster start -n 64 --engines slurm         a job of Slurm; so for sge, pbs, torque,
                                                lsf, flux, pjm and htcondor;
                                                --dry-run shows what is submitted
  ipcluster start --profile lab                 with [engines.ssh] in it: hosts by ssh
  ipcluster start --engines srun                in the Slurm job that the shell is in
  ipcluster start --profile perlmutter --account m1234 --nodes 2 --time 30m
  ipcluster start -n 64 --min-engines 40        begin with 40, the others join later
  ipcluster start -n 64 --engines slurm --elastic 1:8
                                                one such job to eight, as tasks wait
  ipcluster start --restart engine              an engine that dies is started again
  ipcluster start --restore                     so is the controller, with all tasks
  ipcluster start --profile mpi --daemonize     as a profile says, in the background
  ipcluster start --cluster-id big -n 16        a second cluster beside the first
  ipcluster start --ip 0.0.0.0 -- --reuse       flags for the controller after --

A profile is a directory profile_NAME in ~/.ipython. Its ipcluster.toml may say
all that the flags say and more; "local", "mpi", "slurm" and the other launchers, and named
machines, need no file (ipcluster profile list). What controller and engines print is in its log folder.
`

// start is "ipcluster start".
func start(args []string) error {
	var (
		sel        configs.Selection
		config     cluster.Config
		background bool
		dryRun     bool
		level      = configs.LogLevel{Level: slog.LevelWarn}
	)
	fs := newFlags(startUsage)
	fs.IntVarP(&config.N, "n", "n", 0, "number of engines (default one for each core)")
	fs.StringVar(&config.Engines, "engines", "", "launcher of the engines: "+strings.Join(launcher.Names, ", ")+" (default local)")
	fs.IntVar(&config.MinEngines, "min-engines", 0, "engines to begin with, the others join later (default all)")
	fs.Var((*bounds)(&config.Elastic), "elastic", "have sets of -n engines come and go with the load: the least and the most, as in 1:8")
	fs.StringVar(&config.Restart, "restart", "", "what to do when an engine dies: "+strings.Join(launcher.Restarts, ", ")+" (default never)")
	fs.BoolVar(&config.Restore, "restore", false, "keep tasks in a database, and start a controller that dies again with them")
	fs.BoolVar(&background, "daemonize", false, "return when the cluster is up, and leave it running")
	fs.BoolVar(&dryRun, "dry-run", false, "print what would be submitted to the batch system, and do nothing")
	sel.AddFlags(fs)
	jobFlags(fs, &config.Job)
	ip := fs.String("ip", "", "where the controller listens: addresses or interfaces of this machine, as in hsn0 or 10.0.0.1,ib0\n(default loopback; for engines elsewhere the site's interface, or all)")
	location := fs.String("location", "", "name or address by which others reach the controller")
	fs.DurationVar(&config.Timeout, "timeout", 0, "longest time until all engines are registered, but for time in a queue (default 1m)")
	fs.Var(&level, "log-level", "log level of ipcluster, controller and engines")
	err := fs.Parse(args)
	if err != nil {
		return err
	}
	if before := fs.ArgsLenAtDash(); before > 0 || before < 0 && fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: flags for the controller come after --", fs.Arg(0))
	}
	if config.Profile, err = sel.Profile(); err != nil {
		return err
	}
	if err := configs.Misspelt(config.Profile); err != nil {
		return err
	}
	config.ID = sel.ClusterID
	for _, f := range []struct{ name, value string }{{"ip", *ip}, {"location", *location}} {
		if f.value != "" {
			config.ControllerArgs = append(config.ControllerArgs, "--"+f.name+"="+f.value)
		}
	}
	if fs.Changed("log-level") {
		config.EngineArgs = append(config.EngineArgs, "--log-level="+level.String())
		config.ControllerArgs = append(config.ControllerArgs, "--log-level="+level.String())
	}
	config.ControllerArgs = append(config.ControllerArgs, fs.Args()...)

	if dryRun {
		script, err := cluster.Script(config)
		fmt.Print(script)
		return err
	}
	switch report, err := inBackground(); {
	case err != nil:
		return err
	case report != nil:
		return report.supervise(config, level.Level)
	case background || onTerminal():
		return view(config, args, stopCommand(fs), background)
	}
	progress := progressOn(os.Stderr)
	defer progress.end()
	config.Progress, config.Log = progress.show, newLog(progress, level.Level)
	return supervise(config, nil, func(c *cluster.Cluster) {
		progress.end()
		announce(os.Stdout, summary(c), "Ctrl-C stops it.")
	})
}

func newLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// supervise starts the cluster and keeps it until a signal comes, gone closes or the
// controller ends. Nothing is left when it returns.
func supervise(config cluster.Config, gone <-chan struct{}, up func(*cluster.Cluster)) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var g run.Group
	g.Add(run.SignalHandler(ctx, ends()...))
	g.Add(func() error {
		select {
		case <-gone:
			return errGone
		case <-ctx.Done():
			return nil
		}
	}, func(error) { cancel() })
	var isUp bool
	var failure error
	g.Add(func() error {
		c, err := cluster.Start(ctx, config)
		if err != nil {
			failure = err
			return err
		}
		isUp = true
		c.Client.Close() // it would be sent all that engines print
		up(c)
		failure = errors.Join(c.Wait(ctx), c.Stop(context.Background()))
		return failure
	}, func(error) { cancel() })
	if err := g.Run(); errors.Is(err, run.ErrSignal) && !isUp {
		return fmt.Errorf("%w before the cluster was up; nothing is left running", err)
	}
	return failure
}

// ends lists the signals that stop a cluster. Under nohup SIGHUP is not one.
func ends() []os.Signal {
	signals := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// summary describes a cluster that is up.
func summary(c *cluster.Cluster) string {
	up := fmt.Sprintf("%s (%s)", count(c.N(), "engine"), c.Launcher())
	if missing := c.Missing(); missing > 0 {
		up = fmt.Sprintf("%d of %s, the others join when they come", c.N()-missing, up)
	}
	if least, most := c.Bounds(); most > 0 {
		up += fmt.Sprintf(", from %d to %d as there is work", least, most)
	}
	return fmt.Sprintf("cluster %s is up: %s\nclients connect by %s", c.Name(), up, c.ClientFile())
}

// count is, for example, "1 engine" or "4 engines".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}

// stopCommand is what stops the cluster that the flags of start select.
func stopCommand(fs *pflag.FlagSet) string {
	command := "ipcluster stop"
	for _, name := range []string{"profile", "profile-dir", "ipython-dir", "cluster-id"} {
		if f := fs.Lookup(name); f.Changed {
			command += " --" + name + " " + f.Value.String()
		}
	}
	return command
}

func announce(w io.Writer, summary, how string) { fmt.Fprintf(w, "%s\n%s\n", summary, how) }
