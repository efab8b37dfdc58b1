// Ipcluster starts, lists and stops clusters: a controller and its engines.
//
//	$ ipcluster start -n 4 --daemonize
//	cluster default is up: 4 engines (local)
//	$ ipcluster list
//	$ ipcluster stop
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"muster/bench"
	"muster/cluster/doctor"
)

// A command is what the first argument of ipcluster names.
type command struct {
	name, about string
	run         func(args []string) error
}

func commands() []command {
	return []command{
		{"start", "start a controller and engines", start},
		{"stop", "stop a cluster, running or stale", stop},
		{"list", "list the clusters that were started", list},
		{"clean", "remove what crashed clusters have left", clean},
		{"attach", "show a cluster live; one behind ssh becomes one of this machine", attachCommand},
		{"engines", "list, add, remove and restart engines of a cluster that runs", engines},
		{"status", "say how a cluster and its engines are", showStatus},
		{"wait", "wait until engines are there", wait},
		{"logs", "print what controller and engines have printed", logs},
		{"explain", "say what tasks wait for", explain},
		{"script", "print a batch script that runs a whole cluster as one job", script},
		{"doctor", "say whether a cluster would start, and what to change", doctorCommand},
		{"profile", "list, show, create and check profiles", profiles},
		{"bench", "measure clusters on this machine, beside a bare ZeroMQ router", measure},
		{"completion", "print what shells complete commands by", completion},
		{"version", "print the version", printVersion},
		{"help", "print this text, or that of a command", help},
	}
}

func main() {
	switch err := dispatch(os.Args[1:]); {
	case errors.Is(err, pflag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "ipcluster:", err)
		os.Exit(1)
	}
}

func dispatch(args []string) error {
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" {
		return help(nil)
	}
	if args[0] == "--version" {
		return printVersion(nil)
	}
	if args[0] == bench.PeerCommand {
		return bench.Peer(args[1:])
	}
	if args[0] == doctor.NodeCommand {
		os.Exit(doctor.Node(args[1:]))
	}
	if args[0] == completeCommand {
		return complete(args[1:])
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(args[1:])
		}
	}
	if isFormer(args) {
		return startFormer(args)
	}
	return fmt.Errorf("unknown command %q: ipcluster help lists the commands", args[0])
}

func help(args []string) error {
	if len(args) > 0 && args[0] != "help" {
		return dispatch([]string{args[0], "--help"})
	}
	fmt.Print(`Ipcluster starts, lists and stops clusters: a controller and its engines.

  ipcluster start -n 4                   four engines on this machine, until Ctrl-C
  ipcluster start -n 4 --engines mpi     the same as ranks of one mpirun
  ipcluster start -n 4 --daemonize       in the background
  ipcluster stop                         stop it, or clear what a crash has left

Commands (ipcluster COMMAND --help says more):
`)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %s\t%s\n", c.name, c.about)
	}
	return w.Flush()
}

// newFlags makes the flags of a command, with its help text.
func newFlags(usage string) *pflag.FlagSet {
	fs := pflag.NewFlagSet("ipcluster", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.Usage = func() { showHelp(usage, fs) }
	return fs
}

// showHelp is what --help does. Completion has it tell the flags of a command.
var showHelp = func(usage string, fs *pflag.FlagSet) {
	fmt.Print(strings.TrimLeft(usage, "\n"))
	if fs.HasFlags() {
		fmt.Print("\nFlags:\n", fs.FlagUsages())
	}
}

// noArguments refuses what is left over after the flags.
func noArguments(fs *pflag.FlagSet) error {
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return nil
}

// version is set by the linker in builds by make.
var version = ""

func printVersion([]string) error {
	v := version
	if info, ok := debug.ReadBuildInfo(); ok && v == "" {
		v = info.Main.Version
	}
	fmt.Println("ipcluster", v)
	return nil
}
