package cluster

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/cluster/clustertest"
	"muster/launcher"
	"muster/launcher/launchertest"
)

// tide is an elastic cluster that is quick to change its mind.
func tide(c Config, low, high int) Config {
	c.Elastic = launcher.ElasticConfig{Min: low, Max: high, Patience: time.Second, Idle: 2 * time.Second, Pause: time.Second}
	return c
}

// lastDecision is what was decided last, as other shells see it.
func lastDecision(t *testing.T, c *Cluster) string {
	t.Helper()
	r, err := Find(c.Profile(), "")
	if err != nil {
		t.Fatal(err)
	}
	return r.Elastic.Last
}

// wantLast waits for a decision.
func wantLast(t *testing.T, c *Cluster, want string) {
	t.Helper()
	launchertest.Await(t, want, func() bool { return strings.Contains(lastDecision(t, c), want) })
}

// Sets come with a burst of tasks, and go when it is over. No task is lost by that.
func TestElastic(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	c := start(t, tide(config(p, 1), 1, 3))
	v := c.Client.LoadBalanced()
	sleep := client.Ref("func(x int) int { time.Sleep(50 * time.Millisecond); return x }")
	const burst = 300
	numbers := make([]int, burst)
	for i := range numbers {
		numbers[i] = i
	}
	ar := v.MapAsync(sleep, numbers)
	wantSets(t, p, "1 local 0 1/1; 2 local 1 1/1; 3 local 2 1/1")
	values, err := client.Values[int](ctx, ar)
	if err != nil || !slices.Equal(values, numbers) {
		t.Errorf("the burst: %v, %v", values, err)
	}
	wantLast(t, c, " is removed: its engines have nothing to do, and no task waits for them")
	// These come while sets leave.
	values, err = client.Values[int](ctx, v.MapAsync(sleep, numbers[:30]))
	if err != nil || !slices.Equal(values, numbers[:30]) {
		t.Errorf("while sets are removed: %v, %v", values, err)
	}
	wantSets(t, p, "1 local 0 1/1")
	wantEngines(t, c, 0)
	r, err := Find(p, "")
	if err != nil || len(r.Deaths) != 0 || r.Elastic.Min != 1 || r.Elastic.Max != 3 || time.Since(r.Elastic.Time) > time.Minute {
		t.Errorf("record %+v, %v", r, err)
	}
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, p)
}

// Without a least there is no engine until there is a task for it.
func TestElasticFromNothing(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	c := start(t, tide(config(p, 2), 0, 2))
	if r, err := Find(p, ""); err != nil || r.State() != Running || c.N() != 0 {
		t.Errorf("record %+v, %v", r, err)
	}
	v := c.Client.LoadBalanced()
	n, err := client.Call[int](ctx, v, client.Ref("func(x int) int { return x + 1 }"), 41)
	if err != nil || n[0] != 42 {
		t.Fatalf("%v, %v", n, err)
	}
	wantSets(t, p, "1 local 0-1 2/2")
	wantSets(t, p, "")
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, p)
}

// The least is there when the start is over, and when sets of it die.
func TestElasticLeast(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	conf := tide(config(p, 2), 2, 2)
	var last Progress
	conf.Progress = func(p Progress) { last = p }
	c := start(t, conf)
	if last.Have != 4 || last.Want != 4 || c.N() != 4 {
		t.Errorf("%d engines, and the last word was %v", c.N(), last)
	}
	wantSets(t, p, "1 local 0-1 2/2; 2 local 2-3 2/2")
	if err := c.RemoveEngines(ctx, RemoveConfig{Sets: []string{"1"}}); err != nil {
		t.Fatal(err)
	}
	wantLast(t, c, "set 3 is added: sets: 1, and at least 2 are wanted")
	wantSets(t, p, "2 local 2-3 2/2; 3 local 4-5 2/2")
}

// A set in the queue of a batch system counts, so that there are not more and more
// of them, and is given up when nobody needs it any more. What the batch system
// refuses is asked for again, later.
func TestElasticInTheQueue(t *testing.T) {
	ctx := limited(t)
	conf, s := underBatch(t, "slurm")
	c := start(t, tide(conf, 1, 3))
	s.Hold("Priority")
	v := c.Client.LoadBalanced()
	ar := v.MapAsync(client.Ref("func(int) { for {} }"), make([]int, 200))
	wantLast(t, c, "set 2 is added: tasks that wait: ")
	launchertest.Await(t, "a queued set", func() bool {
		r, err := Find(conf.Profile, "")
		return err == nil && len(r.Sets) == 2 && r.Sets[1].Queued
	})
	if _, err := ar.Cancel(ctx); err != nil {
		t.Fatal(err)
	}
	wantLast(t, c, "set 2 is removed: it is queued, and no task waits")
	launchertest.Await(t, "a cancelled job", func() bool { return slices.Equal(s.Jobs(), []string{"1"}) })

	// It is down, and then it is there again.
	s.Down(true)
	ar = v.MapAsync(client.Ref("func(int) { for {} }"), make([]int, 200))
	wantLast(t, c, "no change for 2s: ")
	s.Down(false)
	wantLast(t, c, " is added: tasks that wait: ")
	if _, err := ar.Cancel(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	clustertest.NothingLeft(t, conf.Profile)
}
