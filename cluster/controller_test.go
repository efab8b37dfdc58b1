package cluster

import (
	"context"
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
)

// A controller may be a job of its own, of each batch system.
func TestControllerAsAJob(t *testing.T) {
	for _, system := range append([]string{"slurm", "sge"}, launcher.Submitted...) {
		t.Run(system, func(t *testing.T) {
			ctx := limited(t)
			conf, s := underBatch(t, system)
			text, err := os.ReadFile(filepath.Join(conf.Profile.Dir, "ipcluster.toml"))
			if err != nil {
				t.Fatal(err)
			}
			writeProfile(t, conf.Profile, string(text)+"[controller]\nlauncher = \""+system+"\"\n")
			c := start(t, conf)
			r, err := Find(conf.Profile, "")
			if err != nil {
				t.Fatal(err)
			}
			if r.State() != Running || r.Controller.Batch == nil || len(s.Jobs()) != 2 || r.EnginesAlive() != 3 {
				t.Errorf("record %+v, state %v, jobs %v", r, r.State(), s.Jobs())
			}
			// Clients of this machine, and engines of others, have to reach it.
			for _, file := range []string{conf.Profile.EngineFile(""), conf.Profile.ClientFile("")} {
				if got := interfaceOf(t, file); got != "tcp://0.0.0.0" {
					t.Errorf("%s says %s", file, got)
				}
			}
			script, err := os.ReadFile(filepath.Join(conf.Profile.LogDir(), "ipcontroller.sh"))
			if err != nil || !strings.Contains(string(script), "\nenv ") || strings.Contains(string(script), " --mpi &") {
				t.Errorf("%v, script\n%s", err, script)
			}
			if _, err := client.Call[int](ctx, c.Client.Direct(client.All), client.Ref("os.Getpid")); err != nil {
				t.Error(err)
			}
			if left := r.Left(); len(left.Batch) != 2 {
				t.Errorf("of a crashed one there would be left %+v", left)
			}
			if err := c.Stop(ctx); err != nil {
				t.Fatal(err)
			}
			clustertest.NothingLeft(t, conf.Profile)
			if jobs := s.Jobs(); len(jobs) > 0 {
				t.Errorf("left in the queue: %v", jobs)
			}
		})
	}
}

// Its time in the queue does not count, and other shells are told; where it ends is known.
func TestControllerInTheQueue(t *testing.T) {
	ctx := limited(t)
	conf, s := underBatch(t, "slurm")
	writeProfile(t, conf.Profile, "[engines]\nn = 2\n[controller]\nlauncher = \"slurm\"\n[engines.slurm]\npoll = \"1s\"\n")
	s.Hold("Priority")
	waits := make(chan string, 100)
	conf.Progress = func(p Progress) { waits <- p.Job }
	type result struct {
		c   *Cluster
		err error
	}
	started := make(chan result, 1)
	go func() {
		c, err := Start(ctx, conf)
		started <- result{c, err}
	}()
	if job := <-waits; job != "slurm job 1" {
		t.Errorf("the user was told of %q", job)
	}
	if r, err := Find(conf.Profile, ""); err != nil || r.State() != Queued {
		t.Errorf("record %+v, %v", r, err)
	}
	s.Release("1")
	up := <-started
	if up.err != nil {
		t.Fatal(up.err)
	}
	c := up.c
	defer c.Stop(context.Background())
	r, err := Find(conf.Profile, "")
	if err != nil || r.State() != Running || r.Sets[0].Launcher != "local" || r.EnginesAlive() != 2 {
		t.Errorf("record %+v, %v", r, err)
	}
	s.End("1", "TIMEOUT")
	if err := c.Wait(ctx); err == nil || !strings.Contains(err.Error(), "slurm job 1: its time was over") {
		t.Errorf("the cluster ended with %v", err)
	}
	launchertest.Await(t, "a stale record", func() bool { r, err := Find(conf.Profile, ""); return err == nil && r.State() == Stale })
}

// A job that is submitted again has the tasks of the one before.
func TestControllerAsAJobIsRestored(t *testing.T) {
	ctx := limited(t)
	conf, s := underBatch(t, "slurm")
	writeProfile(t, conf.Profile, "[engines]\nn = 2\n[controller]\nlauncher = \"slurm\"\nrestore = true\n[engines.slurm]\npoll = \"1s\"\n")
	c := start(t, conf)
	zero := c.Client.Direct(client.Engines(0))
	if _, err := zero.Execute(ctx, "kept := 42"); err != nil {
		t.Fatal(err)
	}
	s.End("1", "NODE_FAIL")
	if got, err := client.Call[int](ctx, zero, client.Ref("func() int { return kept }")); err != nil || got[0] != 42 {
		t.Errorf("kept is %v, %v", got, err)
	}
	if jobs := s.Jobs(); !slices.Equal(jobs, []string{"2"}) {
		t.Errorf("in the queue: %v", jobs)
	}
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, conf.Profile)
}

func TestControllerOverSSH(t *testing.T) {
	ctx := limited(t)
	s := launchertest.NewSSHD(t)
	p := clustertest.Profile(t)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	writeProfile(t, p, fmt.Sprintf("[engines]\nlauncher = \"ssh\"\n[engines.ssh]\nhosts = [\"n1:2\", \"far\"]\ncommand = [\"ssh\", \"-F\", %q]\n[controller]\nlauncher = \"ssh\"\n", s.Config))
	c := start(t, config(p, 0))
	r, err := Find(p, "")
	if err != nil || r.State() != Running || r.Controller.Remote == nil || !slices.Equal(r.Controller.Remote.Hosts, []string{"n1"}) {
		t.Errorf("record %+v, %v", r, err)
	}
	wantEngines(t, c, 0, 1, 2)
	// Single engines of hosts can be removed as well, and the rest has its ids when it is started again.
	add(t, c, AddConfig{N: 3})
	if err := c.RemoveEngines(ctx, RemoveConfig{IDs: []client.EngineID{1, 4}}); err != nil {
		t.Fatal(err)
	}
	if err := c.RestartSets(ctx); err != nil {
		t.Fatal(err)
	}
	wantEngines(t, c, 0, 2, 3, 5)
	if d := deaths(t, p); len(d) > 0 {
		t.Errorf("taken for deaths: %q", d)
	}
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, p)
}

func TestControllerLaunchersThatCannotBe(t *testing.T) {
	for name, want := range map[string]string{
		"mpi":   `configs: controller.launcher is "mpi": a controller is started by ssh, srun or a batch system`,
		"slrum": `configs: controller.launcher is "slrum"`,
		"ssh":   "launcher: engines.ssh.hosts names no host",
	} {
		p := clustertest.Profile(t)
		if err := p.Create(); err != nil {
			t.Fatal(err)
		}
		writeProfile(t, p, "[controller]\nlauncher = \""+name+"\"\n")
		if _, err := Start(t.Context(), config(p, 1)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		clustertest.NothingLeft(t, p)
	}
}
