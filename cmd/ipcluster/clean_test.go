package main

import (
	"context"
	"syscall"
	"testing"
	"time"

	"muster/client"
	"muster/cluster"
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
	for r.Supervisor.Alive() || controller.Alive() || len(r.Engines.Alive()) > 0 {
		if ctx.Err() != nil {
			t.Fatal("processes survive SIGKILL, or their parent")
		}
		time.Sleep(time.Millisecond)
	}
	return p
}
