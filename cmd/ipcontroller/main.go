// Ipcontroller is the gateway of a cluster: clients and engines connect to it.
//
//	$ ipcontroller
//	level=INFO msg="controller runs" client=~/.ipython/profile_default/security/ipcontroller-client.json ...
//
// It takes the options of IPython parallel's ipcontroller, so that its
// launchers can start this one in its place.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/pflag"

	"muster/controller"
)

var version = ""

func main() {
	err := start(os.Args[1:])
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "ipcontroller:", err)
		os.Exit(1)
	}
}

func start(args []string) error {
	o, warnings, err := load(args)
	switch {
	case err != nil:
		return err
	case o.version:
		return printVersion()
	}
	log, err := o.logger()
	if err != nil {
		return err
	}
	for _, w := range warnings {
		log.Warn(w)
	}
	if o.workDir != "" {
		if err := os.Chdir(o.workDir); err != nil {
			return fmt.Errorf("--work-dir: %w", err)
		}
	}
	// From here on a signal ends the program in order; a second one, at once.
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	context.AfterFunc(ctx, stop)

	o.controller.Log = log
	c, err := controller.New(o.controller)
	if err != nil {
		return err
	}
	p := o.controller.Profile
	log.Info("controller runs", "client", p.ClientFile(o.controller.ClusterID), "engine", p.EngineFile(o.controller.ClusterID))
	return c.Run(ctx)
}

// logger writes to standard error, or to a file of the profile.
func (o *options) logger() (*slog.Logger, error) {
	var w io.Writer = os.Stderr
	if o.logToFile {
		p := o.controller.Profile
		if err := p.Create(); err != nil {
			return nil, err
		}
		f, err := os.Create(fmt.Sprintf("%s/ipcontroller-%d.log", p.LogDir(), os.Getpid()))
		if err != nil {
			return nil, fmt.Errorf("--log-to-file: %w", err)
		}
		w = f
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: o.level.Level})), nil
}

func printVersion() error {
	v := version
	if info, ok := debug.ReadBuildInfo(); ok && v == "" {
		v = info.Main.Version
	}
	fmt.Println("ipcontroller", v)
	return nil
}
