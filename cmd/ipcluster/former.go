package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// former are the words by which ipcluster was once told how to start engines, and
// the launchers that they stand for.
var former = map[string]string{
	"local": "local", "mpiexec": "mpi", "mpirun": "mpi", "pbs": "pbs", "sge": "sge", "lsf": "lsf", "ssh": "ssh",
}

// isFormer reports whether a command line is one of the first ipclusters':
// "ipcluster -n 4", "ipcluster mpiexec -n 4".
func isFormer(args []string) bool {
	_, launcher := former[args[0]]
	return launcher || strings.HasPrefix(args[0], "-n") || args[0] == "--n" || strings.HasPrefix(args[0], "--n=")
}

// startFormer starts what such a command line asks for, and says how that is written now.
func startFormer(args []string) error {
	now := slices.Clone(args)
	if l, ok := former[args[0]]; ok {
		now[0] = "--engines=" + l
	}
	for i, a := range now[:flagsEnd(now)] {
		name, value, has := strings.Cut(a, "=")
		switch name {
		case "-q":
			name = "--queue"
		case "-s", "--pbs-script", "--sge-script", "--lsf-script":
			return fmt.Errorf("%s: scripts of the first ipclusters are not read: ipcluster start --dry-run shows what is submitted, and --template FILE puts another in its place", name)
		case "--clusterfile":
			return fmt.Errorf("%s: lists of hosts in Python are not read: a profile says how engines are started (ipcluster profile --help)", name)
		default:
			continue
		}
		if now[i] = name; has {
			now[i] += "=" + value
		}
	}
	fmt.Fprintf(os.Stderr, "ipcluster: %q is now written %q\n", "ipcluster "+strings.Join(args, " "), "ipcluster start "+strings.Join(now, " "))
	return start(now)
}
