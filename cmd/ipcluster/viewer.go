package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"muster/cluster"
)

// A viewer shows the user a cluster that a daemon supervises: its start, what is
// logged, its end. Ctrl-C asks what is to become of it.
type viewer struct {
	daemon   *daemon
	progress *progress
	stop     string // the command that stops the cluster
	leaves   bool   // as soon as it is up
	up       bool
	told     int           // by signals to stop
	failure  string        // what the daemon reported
	answers  chan answered // while a question is asked
}

type answered struct {
	text string
	err  error
}

// onTerminal reports whether there is somebody to ask, and to show things to: input and
// messages are a terminal's.
func onTerminal() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))
}

// view starts a daemon and shows it until its cluster has ended or, if leaves is
// set, is up.
func view(config cluster.Config, args []string, stop string, leaves bool) error {
	d, err := startDaemon(config, args)
	if err != nil {
		return err
	}
	v := &viewer{daemon: d, progress: progressOn(os.Stderr), stop: stop, leaves: leaves}
	defer v.progress.end()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, ends()...)
	defer signal.Stop(signals)
	reports := d.reports()
	for {
		var over bool
		select {
		case r, more := <-reports:
			if !more {
				return v.ended()
			}
			over, err = v.show(r)
		case sig := <-signals:
			v.signalled(sig)
		case a := <-v.answers:
			over, err = v.answered(a)
		}
		if over || err != nil {
			return err
		}
	}
}

// show shows a report. over says that there is nothing more to see.
func (v *viewer) show(r report) (over bool, err error) {
	switch {
	case r.Error != "":
		v.failure = r.Error
	case r.Log != "":
		fmt.Fprint(v.progress, r.Log)
	case r.Progress != nil:
		v.progress.show(*r.Progress)
	case r.Up != "":
		v.up = true
		v.progress.end()
		how := "Ctrl-C stops it, or leaves it running in the background."
		if v.leaves {
			how = v.stop + " ends it."
		}
		announce(os.Stdout, r.Up, how)
		if v.leaves {
			return true, v.daemon.leave()
		}
		if v.answers != nil {
			v.progress.ask(question)
		}
	}
	return false, nil
}

// ended says how the daemon has ended.
func (v *viewer) ended() error {
	err := v.daemon.process.Wait()
	v.progress.end()
	switch {
	case v.failure != "":
		return errors.New(v.failure)
	case err != nil:
		return fmt.Errorf("the ipcluster in the background ended without a word (%w), see %s", err, v.daemon.log)
	}
	return nil
}

// signalled asks what is to be done, if there is somebody to ask, or has the daemon
// end its cluster. A second Ctrl-C answers the question.
func (v *viewer) signalled(sig os.Signal) {
	if sig == os.Interrupt && v.answers == nil && v.told == 0 && onTerminal() && inForeground() {
		v.ask()
		return
	}
	v.end(sig)
}

// end has the daemon end its cluster.
func (v *viewer) end(sig os.Signal) {
	if v.told++; v.told > 1 { // it is about to
		fmt.Fprintln(v.progress, "still stopping, see", v.daemon.log)
		return
	}
	v.answers = nil
	v.progress.end()
	if onTerminal() {
		fmt.Fprintln(v.progress, "stopping")
	}
	v.daemon.process.Process.Signal(sig)
}

const question = "Stop the cluster (s), leave it running in the background (l), or go on (g)? "

// ask asks the question. What is shown meanwhile waits for the answer.
func (v *viewer) ask() {
	v.progress.ask(question)
	v.answers = make(chan answered, 1)
	go func(to chan<- answered) {
		line := make([]byte, 256) // a terminal gives a line at a time
		n, err := os.Stdin.Read(line)
		to <- answered{strings.ToLower(strings.TrimSpace(string(line[:n]))), err}
	}(v.answers)
}

// answered does what the user wants.
func (v *viewer) answered(a answered) (over bool, err error) {
	v.answers = nil
	switch {
	case a.err != nil: // the terminal is gone, or Ctrl-D
		v.end(syscall.SIGTERM)
	case a.text == "s" || a.text == "stop":
		v.end(os.Interrupt)
	case a.text == "g" || a.text == "go" || a.text == "go on":
		v.progress.answered()
		fmt.Fprintln(v.progress, "going on")
	case a.text == "l" || a.text == "leave":
		err := v.daemon.leave()
		if err == nil && v.up {
			fmt.Printf("the cluster goes on in the background; %s ends it\n", v.stop)
		} else if err == nil {
			fmt.Printf("the cluster goes on starting in the background; ipcluster list shows how far it is, %s ends it\n", v.stop)
		}
		return true, err
	default:
		v.ask()
	}
	return false, nil
}

// inForeground reports whether this process may read from its terminal.
func inForeground() bool {
	group, err := unix.IoctlGetInt(int(os.Stdin.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
