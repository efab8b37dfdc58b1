package cluster

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/client"
	"muster/cluster/clustertest"
	"muster/launcher/launchertest"
	"muster/wire"
)

// heldTask says that it has begun by a file, and ends when another is there.
const heldTask = `func(dir string) int {
	os.WriteFile(dir+"/begun", nil, 0o600)
	for {
		if _, err := os.Stat(dir + "/end"); err == nil {
			return os.Getpid()
		}
		time.Sleep(10 * time.Millisecond)
	}
}`

// hold has an engine run a held task, and returns the directory of its files.
func hold(t *testing.T, v *client.LoadBalancedView, id client.EngineID) (*client.AsyncResult, string) {
	t.Helper()
	dir := t.TempDir()
	ar := v.On(client.Engines(id)).ApplyAsync(client.Ref(heldTask), dir)
	launchertest.Await(t, "a task that runs", func() bool {
		_, err := os.Stat(filepath.Join(dir, "begun"))
		return err == nil
	})
	return ar, dir
}

func letGo(t *testing.T, dir string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "end"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// removal begins a removal, and returns when it waits for what engines run.
func removal(t *testing.T, c *Cluster, r RemoveConfig) (over <-chan error, waits <-chan Progress) {
	t.Helper()
	done, told := make(chan error, 1), make(chan Progress, 100)
	r.Progress = func(p Progress) { told <- p }
	go func() { done <- c.RemoveEngines(limited(t), r) }()
	select {
	case p := <-told:
		if p.Leaving == "" || p.Want == 0 {
			t.Errorf("progress %+v", p)
		}
	case err := <-done:
		t.Fatalf("removed while a task runs: %v", err)
	}
	return done, told
}

// What runs on engines that are removed ends, and what waits there runs elsewhere
// without a retry.
func TestRemovalLosesNothing(t *testing.T) {
	for _, launcher := range []string{"local", "mpi"} {
		t.Run(launcher, func(t *testing.T) {
			if launcher == "mpi" && os.Getenv("MUSTER_MPI") == "none" {
				t.Skip("MUSTER_MPI=none: NOT tried with any mpirun")
			}
			ctx := limited(t)
			p := clustertest.Profile(t)
			if err := p.Create(); err != nil {
				t.Fatal(err)
			}
			writeProfile(t, p, "[engines.mpi]\ncommand = [\"mpirun.openmpi\"]\n")
			c := start(t, config(p, 1))
			add(t, c, AddConfig{N: 2, Engines: launcher})
			wantEngines(t, c, 0, 1, 2)
			v := c.Client.LoadBalanced()
			runs, dir := hold(t, v, 1)
			waiting := v.On(client.Engines(0, 1)).MapAsync(client.Ref("func(x int) int { return x }"), slices.Repeat([]int{7}, 200))
			over, _ := removal(t, c, RemoveConfig{Sets: []string{"2"}})
			if values, err := client.Values[int](ctx, waiting); err != nil || len(values) != 200 {
				t.Errorf("tasks that waited: %v, %v", values, err)
			}
			if r, err := Find(p, ""); err != nil || r.Set("2").State() != Removing {
				t.Errorf("meanwhile: %+v, %v", r, err)
			}
			if err := c.RemoveEngines(ctx, RemoveConfig{Sets: []string{"2"}}); err == nil || !strings.Contains(err.Error(), "(ipcluster engines remove --now --set 2 ends it at once)") {
				t.Errorf("removed once more: %v", err)
			}
			letGo(t, dir)
			if pids, err := client.Values[int](ctx, runs); err != nil || len(pids) != 1 {
				t.Errorf("the task that ran: %v, %v", pids, err)
			}
			if err := <-over; err != nil {
				t.Error(err)
			}
			wantEngines(t, c, 0)
			wantSets(t, p, "1 local 0 1/1")
			if d := deaths(t, p); len(d) > 0 {
				t.Errorf("taken for deaths: %q", d)
			}
		})
	}
}

// Single engines leave alike, and others of the set can be removed meanwhile.
func TestRemovalOfSingleEngines(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	c := start(t, config(p, 4))
	v := c.Client.LoadBalanced()
	first, dir := hold(t, v, 1)
	second, _ := hold(t, v, 2)
	over, waits := removal(t, c, RemoveConfig{IDs: []wire.EngineID{1, 2}})
	if err := c.RemoveEngines(ctx, RemoveConfig{IDs: []wire.EngineID{3}}); err != nil {
		t.Error(err)
	}
	for _, r := range []RemoveConfig{{IDs: []wire.EngineID{1}}, {Sets: []string{"1"}}} {
		if err := c.RemoveEngines(ctx, r); err == nil || !strings.Contains(err.Error(), "at once)") {
			t.Errorf("%+v: %v", r, err)
		}
	}
	// One of them is not waited for any more.
	if err := c.RemoveEngines(ctx, RemoveConfig{IDs: []wire.EngineID{2}, Now: true}); err != nil {
		t.Error(err)
	}
	if _, err := second.Get(ctx); err == nil {
		t.Error("the task of an engine that was ended has ended well")
	}
	if p := <-waits; p.String() != "engines 1-2: 1 of 2 engines have left, 1 finishes what it runs" {
		t.Errorf("progress: %v", p)
	}
	wantSets(t, p, "1 local 0-1 2/2")
	letGo(t, dir)
	if _, err := first.Get(ctx); err != nil {
		t.Error(err)
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	wantEngines(t, c, 0)
	wantSets(t, p, "1 local 0 1/1")
	if d := deaths(t, p); len(d) > 0 {
		t.Errorf("taken for deaths: %q", d)
	}
}

// What runs fails when it is not to be waited for, also if it was at first.
func TestRemovalNow(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	c := start(t, config(p, 1))
	v := c.Client.LoadBalanced()
	now := RemoveConfig{Sets: []string{"2"}, Now: true}
	fails := func(ar *client.AsyncResult) {
		t.Helper()
		if _, err := ar.Get(ctx); err == nil || !strings.Contains(err.Error(), "EngineError") {
			t.Errorf("what ran: %v", err)
		}
	}
	add(t, c, AddConfig{N: 2})
	wantEngines(t, c, 0, 1, 2)
	ar, _ := hold(t, v, 1)
	if err := c.RemoveEngines(ctx, now); err != nil {
		t.Error(err)
	}
	fails(ar)

	for _, r := range []RemoveConfig{{Sets: []string{"3"}}, {IDs: []wire.EngineID{1}}} {
		s := add(t, c, AddConfig{N: 2})
		wantEngines(t, c, 0, 1, 2)
		if len(r.Sets) > 0 {
			r.Sets = []string{s.Name}
		}
		ar, _ = hold(t, v, 1)
		over, _ := removal(t, c, r)
		now.Sets = []string{s.Name}
		if err := c.RemoveEngines(ctx, now); err != nil {
			t.Error(err)
		}
		fails(ar)
		if err := <-over; err != nil {
			t.Error(err)
		}
		wantSets(t, p, "1 local 0 1/1")
	}
	wantEngines(t, c, 0)
}

// Who only waits may stop that: the removal goes on.
func TestRemovalThatNobodyWaitsFor(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	c := start(t, config(p, 1))
	add(t, c, AddConfig{N: 1})
	wantEngines(t, c, 0, 1)
	ar, dir := hold(t, c.Client.LoadBalanced(), 1)
	record, err := Find(p, "")
	if err != nil {
		t.Fatal(err)
	}
	waiting, giveUp := context.WithCancel(ctx)
	if _, err := record.Ask(waiting, Request{Do: Remove, Sets: []string{"2"}}, func(Set, Progress) { giveUp() }); err == nil {
		t.Error("given up, and no error")
	}
	letGo(t, dir)
	if _, err := ar.Get(ctx); err != nil {
		t.Error(err)
	}
	wantSets(t, p, "1 local 0 1/1")
}

// Without the controller engines cannot be told to finish, but can be ended.
func TestRemovalWithoutTheController(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	c := start(t, config(p, 1))
	file := c.ClientFile()
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(file + ".away") })
	err := c.RemoveEngines(ctx, RemoveConfig{Sets: []string{"1"}})
	if err == nil || !strings.Contains(err.Error(), "engines could not be told to finish what they run: ") || !strings.Contains(err.Error(), "(ipcluster engines remove --now ends them at once)") {
		t.Errorf("%v", err)
	}
	wantSets(t, p, "1 local 0 1/1")
	if err := c.RemoveEngines(ctx, RemoveConfig{Sets: []string{"1"}, Now: true}); err != nil {
		t.Error(err)
	}
	wantSets(t, p, "")
}
