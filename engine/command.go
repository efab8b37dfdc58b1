package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/oklog/run"
	"github.com/spf13/pflag"

	"muster/mpi"
)

const (
	// initLimit bounds MPI_Init, which waits for all ranks of the job.
	initLimit = 2 * time.Minute
	// shutdownLimit bounds MPI_Finalize after a shutdown by a client: the other
	// ranks may be told a little later, or not at all.
	shutdownLimit = time.Minute
	// signalLimit bounds it after a signal: launchers kill soon after.
	signalLimit = 4 * time.Second
)

// Command runs the command ipengine with the given arguments, and returns the
// exit status: 0 when the engine was told to end, 1 when something went wrong,
// 2 when the arguments make no sense.
func Command(args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case "version", "--version":
			fmt.Println("ipengine", Version())
			return 0
		case "mpi":
			return status(mpiCommand(args[1:]))
		case "help":
			args = []string{"--help"}
		}
	}
	start, err := begun()
	if err != nil {
		return status(err)
	}
	f := newFlags()
	unknown, err := f.parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ipengine:", err)
		return 2
	}
	cfg, err := f.config()
	if err == nil {
		cfg.Log, err = f.logger()
	}
	if err == nil && f.workDir != "" {
		err = os.Chdir(f.workDir)
	}
	if err != nil {
		return status(err)
	}
	if cfg.JobEnd, err = environJobEnd(); err != nil {
		cfg.Log.Warn(err.Error())
	}
	for _, u := range unknown {
		cfg.Log.Warn("trait has no meaning here", "argument", u)
	}
	cfg.mpi, cfg.ids = f.mpi, f.ids
	return status(runProcess(cfg, start))
}

func status(err error) int {
	if err != nil {
		fmt.Fprintln(stderr, "ipengine:", err)
		return 1
	}
	return 0
}

// stderr is the process's own, also while os.Stderr is captured.
var stderr = os.Stderr

// runProcess runs an engine that has the process for itself.
func runProcess(cfg Config, start birth) error {
	warnings := make(chan os.Signal, 1)
	signal.Notify(warnings, syscall.SIGUSR1) // for good: a late one must not end what finalizes
	if cfg.mpi {
		ctx, cancel := context.WithTimeout(context.Background(), initLimit)
		defer cancel()
		if err := mpi.Init(ctx, mpi.Config{}); err != nil {
			return err
		}
	}
	job, launched := mpi.Launched()
	if err := cfg.choose(mpi.World(), job, launched); err != nil {
		return err
	}
	cfg.kill = func(sig syscall.Signal) error { return syscall.Kill(os.Getpid(), sig) }
	e, err := New(cfg)
	if err != nil {
		return err
	}
	restore, err := e.capture()
	if err != nil {
		return err
	}
	var group run.Group
	ctx, cancel := context.WithCancel(context.Background())
	group.Add(func() error { return e.Run(ctx) }, func(error) { cancel() })
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	signalled := false
	stop := make(chan struct{})
	group.Add(func() error { signalled = e.untilSignal(signals, warnings, stop); return nil }, func(error) { close(stop) })
	err = group.Run()
	restore()
	var asked shutdown
	if err == nil && errors.As(context.Cause(e.life), &asked) && asked.restart {
		return start.again(e)
	}
	if cfg.mpi {
		var done drained
		limit := shutdownLimit
		switch {
		case signalled || err != nil:
			limit = signalLimit
		case errors.As(context.Cause(e.life), &done):
			limit = e.drainLimit()
		}
		err = errors.Join(err, finalize(limit, signals))
	}
	return err
}

// untilSignal waits for a signal that ends the engine. SIGINT interrupts the
// code that runs first, and ends the engine if that was to no avail. A warning has
// it drain, as has SIGTERM where the job says how long that is before the kill.
func (e *Engine) untilSignal(signals, warnings <-chan os.Signal, stop <-chan struct{}) bool {
	var interrupted *request
	preempted := os.Getenv(jobGraceVar) != ""
	for {
		select {
		case <-stop:
			return false
		case <-warnings:
			e.Drain(NearlyOver)
		case sig := <-signals:
			running := e.queue.current()
			switch {
			case sig == syscall.SIGINT && running != nil && running != interrupted && e.Interrupt():
				interrupted = running
				continue
			case sig == syscall.SIGTERM && preempted:
				preempted = false
				e.Drain("its job is preempted")
				continue
			}
			e.log.Info("signal", "signal", sig.String())
			return true
		}
	}
}

// finalize ends MPI, for which all ranks have to come: it is bounded, and cut
// short by a signal. What is left then is to exit without.
func finalize(limit time.Duration, signals <-chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	go func() {
		select {
		case <-signals:
			time.AfterFunc(signalLimit, cancel)
		case <-ctx.Done():
		}
	}()
	return mpi.Finalize(ctx)
}

// mpiCommand is ipengine mpi build and ipengine mpi info.
func mpiCommand(args []string) error {
	set := pflag.NewFlagSet("ipengine mpi", pflag.ContinueOnError)
	cc := set.String("cc", "mpicc", "MPI compiler wrapper to build with")
	output := set.String("output", "", "where to put the shim (default: the user's cache, where engines look)")
	set.Usage = func() {
		fmt.Print("ipengine mpi build [--cc mpicc] [--output FILE]   compile the shim for an MPI; needs a C compiler, no Go\n" +
			"ipengine mpi info                                 tell which MPI an engine would use\n" + set.FlagUsages())
	}
	err := set.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	switch {
	case set.NArg() == 1 && set.Arg(0) == "build":
		path, err := mpi.Build(ctx, *cc, *output)
		if err != nil {
			return err
		}
		fmt.Println(path)
		return nil
	case set.NArg() == 1 && set.Arg(0) == "info":
		info, err := mpi.Describe(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("flavour  %s\nlibrary  %s\nshim     %s\n", info.Flavour, info.Library, info.Shim)
		return nil
	}
	set.Usage()
	return errors.New("mpi: want build or info")
}
