package cluster

import (
	"slices"
	"strings"
	"testing"

	"muster/client"
	"muster/cluster/clustertest"
	"muster/jobscripts"
	"muster/launcher"
	"muster/launcher/launchertest"
)

// number is the number of a job of a stand-in.
func number(h launcher.Handle) string { return strings.Trim(h.Batch.ID, "f.standi") }

// follows waits until the only set is one job, and the next one is in the queue; "" is none.
func follows(t *testing.T, conf Config, job, next string) (set Set) {
	t.Helper()
	launchertest.Await(t, "job "+job+" and then "+next, func() bool {
		r, err := Find(conf.Profile, "")
		if err != nil {
			t.Fatal(err)
		}
		if set = r.Sets[0]; set.Handle.Batch == nil || number(set.Handle) != job || set.Next != nil && set.Next.Batch == nil {
			return false
		}
		return next == "" && set.Next == nil || next != "" && set.Next != nil && number(*set.Next) == next
	})
	return set
}

// The next job of a chain is in the queue while one runs, and takes over the ids from
// it however that ends.
func TestChain(t *testing.T) {
	for _, system := range append([]string{"slurm", "sge"}, launcher.Submitted...) {
		if jobscripts.Chains(strings.Replace(system, "torque", "pbs", 1)) != nil {
			continue
		}
		t.Run(system, func(t *testing.T) {
			ctx := limited(t)
			conf, s := underBatch(t, system)
			conf.Job.Chain = 2
			c := start(t, conf)
			if set := follows(t, conf, "1", "2"); set.Chain != 1 {
				t.Errorf("first job: %+v", set)
			}
			news := c.Client.Notifications(ctx)
			s.End("1", "NODE_FAIL")
			allBack(t, news, 3)
			second := follows(t, conf, "2", "3")
			if second.Chain != 0 || second.Name != "1" {
				t.Errorf("second job: %+v", second)
			}
			if d := deaths(t, conf.Profile); len(d) != 1 || !strings.HasPrefix(d[0], "engines died: "+system+" job ") || !strings.HasSuffix(d[0], "; "+second.Handle.Batch.String()+" takes over") {
				t.Errorf("deaths %q", d)
			}
			s.Warn("2") // of which the engines drain
			allBack(t, news, 3)
			follows(t, conf, "3", "")
			if d := deaths(t, conf.Profile); len(d) != 1 {
				t.Errorf("that the next job takes over in good order is a death: %q", d)
			}
			if ids := c.Client.IDs(); !slices.Equal(ids, []client.EngineID{0, 1, 2}) {
				t.Errorf("engines %v", ids)
			}
			s.Warn("3") // after which there is none
			launchertest.Await(t, "the end of the last job", func() bool { return len(deaths(t, conf.Profile)) == 2 })
			if d := deaths(t, conf.Profile); d[1] != "engines ended: its job's time was nearly over" {
				t.Errorf("deaths %q", d)
			}
			if err := c.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			if jobs := s.Jobs(); len(jobs) > 0 {
				t.Errorf("left in the queue: %v", jobs)
			}
			clustertest.NothingLeft(t, conf.Profile)
		})
	}
}

// allBack waits until the first n engines are there again, in whatever order they come.
func allBack(t *testing.T, news <-chan client.EngineEvent, n int) {
	t.Helper()
	up := make(map[client.EngineID]bool)
	for e := range news {
		if e.Up && int(e.Engine) < n {
			up[e.Engine] = true
		}
		if len(up) == n {
			return
		}
	}
	t.Fatalf("of %d engines came back %v", n, up)
}

// Whoever stops a cluster stops the jobs that are to follow; so does who clears what a
// crashed one has left.
func TestChainIsStopped(t *testing.T) {
	for name, stop := range map[string]func(c *Cluster, r *Record) error{
		"by its supervisor":        func(c *Cluster, _ *Record) error { return c.Stop(t.Context()) },
		"by another process":       func(_ *Cluster, r *Record) error { return r.Stop(t.Context()) },
		"as its engines are ended": func(c *Cluster, _ *Record) error { return c.Client.Shutdown(t.Context(), client.All) },
	} {
		t.Run(name, func(t *testing.T) {
			conf, s := underBatch(t, "slurm")
			conf.Job.Chain = 3
			c := start(t, conf)
			follows(t, conf, "1", "2")
			r, err := Find(conf.Profile, "")
			if err != nil {
				t.Fatal(err)
			}
			if left := r.Left().Batch; len(left) != 2 || left[1].ID != "2" {
				t.Errorf("of a crashed one there would be left: %v", left)
			}
			if err := stop(c, r); err != nil {
				t.Fatal(err)
			}
			launchertest.Await(t, "an empty queue", func() bool { return len(s.Jobs()) == 0 })
			if err := c.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := len(s.Calls("sbatch")); n != 2 {
				t.Errorf("%d jobs were submitted: %q", n, s.Calls("sbatch"))
			}
		})
	}
}
