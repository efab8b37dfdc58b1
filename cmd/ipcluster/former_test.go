package main

import (
	"strings"
	"testing"

	"muster/cluster/clustertest"
)

// What the first ipclusters were told still starts a cluster, and what is now
// written is said.
func TestFormerCommands(t *testing.T) {
	p := profile(t)
	for _, args := range []string{"-n 1", "local -n 1"} {
		now := strings.Replace(args, "local", "--engines=local", 1) + " --daemonize"
		out, diag, ok := ipcluster(t, strings.Fields(args+" --daemonize")...)
		want := `ipcluster: "ipcluster ` + args + ` --daemonize" is now written "ipcluster start ` + now + "\"\n"
		if !ok || diag != want || !strings.HasPrefix(out, "cluster test is up: 1 engine (local)\n") {
			t.Errorf("%s: %s%s", args, out, diag)
		}
		if _, diag, ok := ipcluster(t, "stop"); !ok {
			t.Error(diag)
		}
		clustertest.NothingLeft(t, p)
	}
	for args, now := range map[string]string{
		"mpiexec -n 4":    "--engines=mpi -n 4",
		"mpirun -n 4":     "--engines=mpi -n 4",
		"sge -n 4 -q all": "--engines=sge -n 4 --queue all",
		"pbs -n 4 -q=big": "--engines=pbs -n 4 --queue=big",
		"lsf -n 4":        "--engines=lsf -n 4",
		"ssh -n 4 -- -q":  "--engines=ssh -n 4 -- -q",
	} {
		// What is given last has it end before anything is started.
		before, after, dash := strings.Cut(args, " -- ")
		flags := strings.Fields(before + " --log-level=no")
		if dash {
			flags = append(flags, "--", after)
		}
		_, diag, ok := ipcluster(t, flags...)
		first, _, _ := strings.Cut(diag, "\n")
		if ok || strings.Replace(first, " --log-level=no", "", 2) != `ipcluster: "ipcluster `+args+`" is now written "ipcluster start `+now+`"` {
			t.Errorf("%s: %s", args, diag)
		}
	}
}
