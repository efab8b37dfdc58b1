package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/client"
	"muster/cluster/clustertest"
	"muster/launcher"
	"muster/launcher/launchertest"
	"muster/wire"
)

// add adds engines, and waits for them.
func add(t *testing.T, c *Cluster, config AddConfig) Set {
	t.Helper()
	ctx := limited(t)
	s, err := c.AddEngines(ctx, config)
	if err == nil {
		err = c.WaitForSet(ctx, s.Name, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sets describes the sets on record: name, launcher, ids, and how many run.
func sets(t *testing.T, p wire.Profile) string {
	t.Helper()
	r, err := Find(p, "")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range r.Sets {
		all = append(all, fmt.Sprintf("%s %s %s %d/%d", s.Name, s.Launcher, wire.FormatIDs(s.IDs), s.Alive(), s.N))
	}
	return strings.Join(all, "; ")
}

// wantSets waits for what is on record, which processes that have just ended may delay.
func wantSets(t *testing.T, p wire.Profile, want string) {
	t.Helper()
	launchertest.Await(t, want, func() bool { return sets(t, p) == want })
}

// wantEngines waits until a client sees engines of these ids, and no others.
func wantEngines(t *testing.T, c *Cluster, want ...client.EngineID) {
	t.Helper()
	launchertest.Await(t, fmt.Sprint("engines ", want), func() bool { return slices.Equal(c.Client.IDs(), want) })
}

func TestEnginesAreAddedAndRemoved(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	c := start(t, config(p, 2))
	s := add(t, c, AddConfig{N: 3})
	if s.Name != "2" || wire.FormatIDs(s.IDs) != "2-4" {
		t.Errorf("added %+v", s)
	}
	wantSets(t, p, "1 local 0-1 2/2; 2 local 2-4 3/3")
	wantEngines(t, c, 0, 1, 2, 3, 4)
	if c.N() != 5 {
		t.Errorf("%d engines", c.N())
	}
	for id := range 5 {
		if _, err := os.Stat(filepath.Join(p.LogDir(), fmt.Sprintf("ipengine-%d.log", id))); err != nil {
			t.Error(err)
		}
	}
	// An engine that runs for ever goes as well.
	c.Client.Direct(client.Engines(3)).ExecuteAsync("for {}")
	if err := c.RemoveEngines(ctx, RemoveConfig{IDs: []wire.EngineID{3, 0, 3}, Now: true}); err != nil {
		t.Fatal(err)
	}
	wantSets(t, p, "1 local 1 1/1; 2 local 2,4 2/2")
	wantEngines(t, c, 1, 2, 4)
	if _, err := c.Client.Direct(client.Engines(4)).Execute(ctx, "kept := 1"); err != nil {
		t.Fatal(err)
	}
	if err := c.RestartSets(ctx, "2"); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitForSet(ctx, "2", nil); err != nil {
		t.Fatal(err)
	}
	wantEngines(t, c, 1, 2, 4)
	if keys, err := c.Client.Direct(client.Engines(4)).Keys(ctx); err != nil || len(keys[0]) != 0 {
		t.Errorf("names after the restart: %v, %v", keys, err)
	}
	if _, err := os.Stat(filepath.Join(p.LogDir(), "ipengine-4.1.log")); err != nil {
		t.Error(err)
	}
	if err := c.RemoveEngines(ctx, RemoveConfig{Sets: []string{"2"}}); err != nil {
		t.Fatal(err)
	}
	wantSets(t, p, "1 local 1 1/1")
	wantEngines(t, c, 1)
	// Names are not given twice, ids are.
	if s := add(t, c, AddConfig{}); s.Name != "3" || wire.FormatIDs(s.IDs) != "2-3" {
		t.Errorf("added %+v", s)
	}
	// The last engine of a set takes it along.
	if err := c.RemoveEngines(ctx, RemoveConfig{IDs: []wire.EngineID{1}}); err != nil {
		t.Fatal(err)
	}
	wantSets(t, p, "3 local 2-3 2/2")
	if d := deaths(t, p); len(d) > 0 {
		t.Errorf("taken for deaths: %q", d)
	}
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, p)
	for _, err := range []error{c.RemoveEngines(ctx, RemoveConfig{Sets: []string{"3"}}), c.RemoveEngines(ctx, RemoveConfig{IDs: []wire.EngineID{2}}), c.RestartSets(ctx)} {
		if err == nil || !strings.Contains(err.Error(), "the cluster is being stopped") {
			t.Errorf("after the end: %v", err)
		}
	}
}

// Deaths are those of the set that they are in, and so is what is done about them.
func TestDeathsInSeveralSets(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	conf := config(p, 1)
	conf.Restart = launcher.RestartEngine
	c := start(t, conf)
	add(t, c, AddConfig{N: 2})
	news := c.Client.Notifications(ctx)
	c.Client.Direct(client.Engines(2)).ApplyAsync(client.Ref("test.Kill"), 9)
	if e := gone(t, news, 2); e.Cause != "killed by signal 9 (SIGKILL)" {
		t.Errorf("news %v", e)
	}
	back(t, news, 2)
	wantSets(t, p, "1 local 0 1/1; 2 local 1-2 2/2")
	// Also one that was started again can be removed, and the rest be started again.
	if err := c.RemoveEngines(ctx, RemoveConfig{IDs: []wire.EngineID{2}}); err != nil {
		t.Fatal(err)
	}
	if err := c.RestartSets(ctx); err != nil {
		t.Fatal(err)
	}
	wantSets(t, p, "1 local 0 1/1; 2 local 1 1/1")
	wantEngines(t, c, 0, 1)
	if got, want := deaths(t, p), []string{"engine 2 died: killed by signal 9 (SIGKILL); started again in 1s"}; !slices.Equal(got, want) {
		t.Errorf("on record: %q", got)
	}
}

func TestChangesThatCannotBe(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	c := start(t, config(p, 1))
	for _, tt := range []struct {
		do   func() error
		want string
	}{
		{func() error { _, err := c.AddEngines(ctx, AddConfig{N: -1}); return err }, "cluster: add engines: -1 engines: want a number above zero"},
		{func() error { _, err := c.AddEngines(ctx, AddConfig{Engines: "slrum"}); return err }, `cluster: add engines: launcher: engines.launcher is "slrum"`},
		{func() error { _, err := c.AddEngines(ctx, AddConfig{N: 1, Engines: "slurm"}); return err },
			"cluster: add engines: the controller listens on 127.0.0.1, where engines of other machines cannot reach it"},
		{func() error { return c.RemoveEngines(ctx, RemoveConfig{Sets: []string{"7"}}) }, `cluster: remove engines: there is no set "7", but 1 (ipcluster engines list)`},
		{func() error { return c.RestartSets(ctx, "") }, `cluster: restart engines: there is no set ""`},
		{func() error { return c.RemoveEngines(ctx, RemoveConfig{IDs: []wire.EngineID{0, 9}}) }, "cluster: remove engines: there is no engine 9 (ipcluster status)"},
		{func() error { return c.WaitForSet(ctx, "2", nil) }, `cluster: there is no set "2", but 1`},
	} {
		if err := tt.do(); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
	wantSets(t, p, "1 local 0 1/1")
}

// Each MPI world has its ranks in the order of its ids, also when it is started again.
func TestSetsUnderMpirun(t *testing.T) {
	if os.Getenv("MUSTER_MPI") == "none" {
		t.Skip("MUSTER_MPI=none: NOT tried with any mpirun")
	}
	ctx := limited(t)
	p := clustertest.Profile(t)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	writeProfile(t, p, "[engines]\nlauncher = \"mpi\"\n[engines.mpi]\ncommand = [\"mpirun.openmpi\"]\n")
	c := start(t, config(p, 2))
	add(t, c, AddConfig{N: 3})
	wantSets(t, p, "1 mpi 0-1 2/2; 2 mpi 2-4 3/3")
	ranks := func() {
		t.Helper()
		got, err := client.Call[string](ctx, c.Client.Direct(client.All), client.Ref("func() string { w := mpi.World(); return fmt.Sprint(w.Rank(), w.Size()) }"))
		if want := []string{"0 2", "1 2", "0 3", "1 3", "2 3"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("ranks and sizes %q, %v", got, err)
		}
	}
	ranks()
	err := c.RemoveEngines(ctx, RemoveConfig{IDs: []wire.EngineID{3}})
	if want := "cluster: remove engines: engine 3 is of set 2, a job of 3 engines that live and die together: remove the set (ipcluster engines remove --set 2)"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err := c.RestartSets(ctx, "2"); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitForSet(ctx, "2", nil); err != nil {
		t.Fatal(err)
	}
	ranks()
	for _, name := range []string{"ipengine-mpi.log", "ipengine-mpi+2.log", "ipengine-mpi+2.1.log"} {
		if _, err := os.Stat(filepath.Join(p.LogDir(), name)); err != nil {
			t.Error(err)
		}
	}
	// The death of a rank is that of its own world.
	news := c.Client.Notifications(ctx)
	c.Client.Direct(client.Engines(4)).ApplyAsync(client.Ref("test.Kill"), 9)
	for range 3 {
		e := <-news
		if want := map[bool]string{true: "killed by signal 9 (SIGKILL)", false: "rank 2 of its MPI world died: killed by signal 9 (SIGKILL)"}[e.Engine == 4]; e.Cause != want {
			t.Errorf("%v, want %s", e, want)
		}
	}
	wantEngines(t, c, 0, 1)
	want := []string{"engines of set 2 died: rank 2: killed by signal 9 (SIGKILL)"}
	launchertest.Await(t, want[0], func() bool { return slices.Equal(deaths(t, p), want) })
	if err := c.RemoveEngines(ctx, RemoveConfig{Sets: []string{"1", "2"}}); err != nil {
		t.Fatal(err)
	}
	wantSets(t, p, "")
	add(t, c, AddConfig{N: 1})
	wantEngines(t, c, 0)
}

func TestSetsUnderABatchSystem(t *testing.T) {
	ctx := limited(t)
	conf, s := underBatch(t, "slurm")
	c := start(t, conf)
	add(t, c, AddConfig{})
	add(t, c, AddConfig{N: 1})
	wantSets(t, conf.Profile, "1 slurm 0-2 3/3; 2 slurm 3-5 3/3; 3 slurm 6 1/1")
	wantEngines(t, c, 0, 1, 2, 3, 4, 5, 6)
	if jobs := s.Jobs(); !slices.Equal(jobs, []string{"1", "2", "3"}) {
		t.Errorf("in the queue: %v", jobs)
	}
	if err := c.RemoveEngines(ctx, RemoveConfig{IDs: []wire.EngineID{4}}); err == nil || !strings.Contains(err.Error(), "(ipcluster engines remove --set 2)") {
		t.Errorf("%v", err)
	}
	if err := c.RestartSets(ctx, "2"); err != nil {
		t.Fatal(err)
	}
	wantEngines(t, c, 0, 1, 2, 3, 4, 5, 6)
	if err := c.RemoveEngines(ctx, RemoveConfig{Sets: []string{"1", "3"}}); err != nil {
		t.Fatal(err)
	}
	wantSets(t, conf.Profile, "2 slurm 3-5 3/3")
	wantEngines(t, c, 3, 4, 5)
	// One that waits in the queue can be waited for, and be removed.
	s.Hold("Priority")
	held, err := c.AddEngines(ctx, AddConfig{N: 2})
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan Progress, 100)
	done := make(chan error, 1)
	go func() { done <- c.WaitForSet(ctx, held.Name, func(p Progress) { waits <- p }) }()
	for p := range waits {
		if p.Job == "slurm job 5" && p.Want == 2 {
			break
		}
	}
	if err := c.RemoveEngines(ctx, RemoveConfig{Sets: []string{held.Name}}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || err.Error() != "cluster: set 4 was removed" {
		t.Errorf("the wait ended with %v", err)
	}
	wantSets(t, conf.Profile, "2 slurm 3-5 3/3")
	if d := deaths(t, conf.Profile); len(d) > 0 {
		t.Errorf("taken for deaths: %q", d)
	}
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, conf.Profile)
}
