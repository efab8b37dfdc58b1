package main

import (
	"os"
	"path/filepath"
	"testing"

	"muster/client"
	"muster/cluster/clustertest"
	"muster/launcher/launchertest"
)

// A terminal shows how far a removal is. Ctrl-C ends the wait alone, and --now the
// engines that it waits for.
func TestCtrlCDuringRemoval(t *testing.T) {
	p := profile(t)
	if out, diag, ok := ipcluster(t, "start", "-n", "2", "--daemonize"); !ok {
		t.Fatalf("start: %s%s", out, diag)
	}
	c, err := client.Connect(t.Context(), client.WithFile(p.ClientFile("")))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun := filepath.Join(t.TempDir(), "begun")
	c.LoadBalanced().On(client.Engines(1)).ApplyAsync(client.Ref(`func(file string) { os.WriteFile(file, nil, 0o600); for {} }`), begun)
	launchertest.Await(t, "a task that runs", func() bool {
		_, err := os.Stat(begun)
		return err == nil
	})
	term := onATerminal(t, "engines", "remove", "--set", "1")
	term.says("set 1: 1 of 2 engines have left, 1 finishes what it runs")
	term.types(ctrlC)
	term.says("no longer waited for set 1: the removal goes on: ipcluster engines list tells how far it is, and the same with --now ends them at once")
	term.ends(1)
	if l := listed(t); len(l) != 1 || len(l[0].Sets) != 1 || !l[0].Sets[0].Removing {
		t.Errorf("listed %+v", l)
	}
	if out, diag, ok := ipcluster(t, "engines", "remove", "--set", "1", "--now"); !ok || out != "removed set 1\n" {
		t.Errorf("printed %q%s", out, diag)
	}
	if out, diag, ok := ipcluster(t, "stop"); !ok {
		t.Errorf("stop: %s%s", out, diag)
	}
	clustertest.NothingLeft(t, p)
}
