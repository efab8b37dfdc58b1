package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/client"
	"muster/cluster"
	"muster/cluster/clustertest"
	"muster/wire"
)

// crashed leaves what a cluster leaves whose controller and ipcluster are killed:
// its record, its connection files, and a program that its engine had started.
func crashed(t *testing.T) wire.Profile {
	t.Helper()
	p := profile(t)
	if _, diag, ok := ipcluster(t, "start", "-n", "1", "--daemonize"); !ok {
		t.Fatal(diag)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := client.Connect(ctx, client.WithProfileDir(p.Dir))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Direct(client.All).Execute(ctx, `exec.Command("sleep", "1000").Start()`); err != nil {
		t.Fatal(err)
	}
	r, err := cluster.Find(p, "")
	if err != nil {
		t.Fatal(err)
	}
	controller := r.Controller.Processes[0]
	for _, kill := range []func() error{
		func() error { return r.Supervisor.Signal(syscall.SIGSTOP) }, // it would clear up
		func() error { return controller.Signal(syscall.SIGKILL) },
		func() error { return r.Supervisor.Signal(syscall.SIGKILL) },
	} {
		if err := kill(); err != nil {
			t.Fatal(err)
		}
	}
	for r.Supervisor.Alive() || controller.Alive() || len(r.Sets[0].Handle.Alive()) > 0 {
		if ctx.Err() != nil {
			t.Fatal("processes survive SIGKILL, or their parent")
		}
		time.Sleep(time.Millisecond)
	}
	return p
}

// What crashed clusters have left is named, and removed; clusters that run are not touched.
func TestClean(t *testing.T) {
	p := crashed(t)
	if _, diag, ok := ipcluster(t, "start", "-n", "1", "--cluster-id", "runs", "--daemonize"); !ok {
		t.Fatal(diag)
	}
	r, err := cluster.Find(p, "")
	if err != nil {
		t.Fatal(err)
	}
	left := r.Left().Processes
	if len(left) != 1 {
		t.Fatalf("%d processes are left, want sleep", len(left))
	}
	elsewhere := filepath.Join(p.PidDir(), "ipcluster-far.json")
	if err := os.WriteFile(elsewhere, []byte(`{"host": "far"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	stray := p.ClientFile("stray")
	if err := os.WriteFile(stray, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	const kept = "kept the record of cluster test:far, which was started on far: run ipcluster clean there, or remove %s if that machine is gone\n"
	text := fmt.Sprintf("cluster test: would end process %d\n", left[0].PID)
	for _, f := range []string{p.ClientFile(""), p.EngineFile(""), filepath.Join(p.Dir, "security", "cluster-.json"), filepath.Join(p.PidDir(), "ipcluster.json")} {
		text += "cluster test: would remove " + f + "\n"
	}
	text += fmt.Sprintf(kept, elsewhere) + "kept " + stray + ": no record says whose it is; remove it if no controller is to use it again (--reuse)\n"
	if out, diag, ok := ipcluster(t, "clean", "--dry-run"); out != text || !ok {
		t.Errorf("clean --dry-run printed\n%s%swant\n%s", out, diag, text)
	}
	if !left[0].Alive() {
		t.Error("--dry-run has ended a process")
	}
	text = strings.NewReplacer("would end", "ended", "would remove", "removed").Replace(text)
	if out, diag, ok := ipcluster(t, "clean"); out != text || !ok {
		t.Errorf("clean printed\n%s%swant\n%s", out, diag, text)
	}
	if left[0].Alive() {
		t.Error("the process is still there")
	}
	if err := os.Remove(stray); err != nil {
		t.Error(err)
	}
	if err := os.Remove(elsewhere); err != nil {
		t.Error(err)
	}
	if out, diag, ok := ipcluster(t, "clean"); out != "nothing is left of crashed clusters\n" || !ok {
		t.Errorf("clean again: %s%s", out, diag)
	}
	if out, diag, ok := ipcluster(t, "stop", "--cluster-id", "runs"); out != "stopped cluster test:runs (it was running)\n" || !ok {
		t.Errorf("stop: %s%s", out, diag)
	}
	clustertest.NothingLeft(t, p)
}
