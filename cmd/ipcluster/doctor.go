package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"muster/cluster/doctor"
	"muster/configs"
	"muster/launcher"
)

const doctorUsage = `
Usage: ipcluster doctor [flags]

Find out whether a cluster would start, and say what to change: programs, ZeroMQ,
MPI, limits, the profile and its directory, network and scheduler of this machine.
Where the engines run on other machines a job of a minute, started as they are, looks at
these: whether they see the profile's directory, reach this machine and at which
address, have the same time, start the programs, and are one MPI world.

  ipcluster doctor                                  a cluster of this machine
  ipcluster doctor --profile perlmutter --account m1234
  ipcluster doctor --profile slurm --no-job         this machine alone
  ipcluster doctor -o json                          for scripts

The exit status is 1 if a cluster would not start, or not all of it. Ctrl-C cancels the
job. Nothing is left of it.
`

// doctorCommand is "ipcluster doctor".
func doctorCommand(args []string) error {
	var (
		sel    configs.Selection
		config doctor.Config
		level  = configs.LogLevel{Level: slog.LevelWarn}
	)
	fs := newFlags(doctorUsage)
	sel.AddFlags(fs)
	fs.IntVarP(&config.N, "n", "n", 0, "number of engines that there are going to be")
	fs.StringVar(&config.Engines, "engines", "", "their launcher: "+strings.Join(launcher.Names, ", "))
	job := fs.Bool("job", false, "start a job to look at nodes, whatever the launcher")
	noJob := fs.Bool("no-job", false, "start no job")
	fs.DurationVar(&config.Patience, "timeout", 10*time.Minute, "longest time that the job may be queued")
	jobFlags(fs, &config.Job)
	format := fs.StringP("output", "o", "text", "text or json")
	fs.Var(&level, "log-level", "log level: info tells of what is run")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if err := noArguments(fs); err != nil {
		return err
	}
	if *format != "text" && *format != "json" {
		return fmt.Errorf("output %q: want text or json", *format)
	}
	switch {
	case *job && *noJob:
		return errors.New("doctor: --job and --no-job: give one of them")
	case *job:
		config.Nodes = doctor.Always
	case *noJob:
		config.Nodes = doctor.Never
	}
	var err error
	if config.Profile, err = sel.Profile(); err != nil {
		return err
	}
	config.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level.Level}))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	var found []doctor.Finding
	tell := func(f doctor.Finding) { found = append(found, f) }
	done := func() {}
	if *format == "text" {
		show := showsOn(os.Stdout)
		config.Progress, done = progressLine(os.Stderr)
		tell = func(f doctor.Finding) {
			found = append(found, f)
			done()
			show(f)
		}
	}
	err = doctor.Examine(ctx, config, tell)
	done()
	if ctx.Err() != nil {
		err = errors.New("doctor: interrupted; nothing is left running")
	}
	if *format == "json" {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return errors.Join(err, e.Encode(found))
	}
	summary := summarize(found)
	if errors.Is(err, doctor.ErrFailure) {
		return errors.New("doctor: " + summary)
	}
	if err == nil {
		fmt.Println(summary)
	}
	return err
}

// marks are what lines begin with, and their colours on a terminal.
var marks = map[doctor.State]struct{ word, colour string }{
	doctor.OK: {"ok", "32"}, doctor.Warning: {"warn", "33"}, doctor.Failure: {"FAIL", "31"},
}

// showsOn writes findings for people.
func showsOn(f *os.File) func(doctor.Finding) {
	colours := term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""
	return func(finding doctor.Finding) { showFinding(f, finding, colours) }
}

func showFinding(w io.Writer, f doctor.Finding, colours bool) {
	m := marks[f.State]
	word := fmt.Sprintf("%-4s", m.word)
	if colours {
		word = "\x1b[" + m.colour + "m" + word + "\x1b[0m"
	}
	nodes := f.Nodes
	if nodes != "" {
		nodes += ": "
	}
	fmt.Fprintf(w, "%s  %-10s  %s%s\n", word, f.Check, nodes, f.Found)
	for _, more := range []struct{ what, text string }{{"why:", f.Why}, {"do:", f.Do}} {
		if more.text != "" {
			fmt.Fprintf(w, "%18s%-5s%s\n", "", more.what, more.text)
		}
	}
}

// summarize counts findings.
func summarize(found []doctor.Finding) string {
	count := make(map[doctor.State]int)
	for _, f := range found {
		count[f.State]++
	}
	return fmt.Sprintf("%d ok, warnings: %d, failures: %d", count[doctor.OK], count[doctor.Warning], count[doctor.Failure])
}

// progressLine shows what is waited for on a line of a terminal that is rewritten, and
// nothing anywhere else. done clears the line.
func progressLine(f *os.File) (show func(string), done func()) {
	if !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	return func(what string) { fmt.Fprintf(f, "\r\x1b[K%s", what) }, func() { fmt.Fprint(f, "\r\x1b[K") }
}
