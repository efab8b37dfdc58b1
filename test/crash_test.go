package test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"muster/client"
)

// number is a number of the environment, or what it is without.
func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// crashes runs a test for as many seeds as MUSTER_CRASH_POINTS says, from the one
// that MUSTER_CRASH_SEED says.
func crashes(t *testing.T, points uint64, test func(t *testing.T, f *farm)) {
	t.Parallel()
	points = number(t, "MUSTER_CRASH_POINTS", points)
	first := number(t, "MUSTER_CRASH_SEED", rand.Uint64N(1e9))
	for seed := first; seed < first+points; seed++ {
		t.Run(fmt.Sprint("MUSTER_CRASH_SEED=", seed), func(t *testing.T) {
			f := newFarm(t, seed)
			defer f.stop()
			test(t, f)
		})
	}
}

// jobsPerCrash is how many jobs a campaign has.
const jobsPerCrash = 2000

// A controller is killed at any moment of a campaign, and restored: no result is
// lost, none is wrong, and nothing is run twice that is not to be tried again.
// The engines and the client are the same as before.
func TestCrash(t *testing.T) {
	crashes(t, 3, func(t *testing.T, f *farm) {
		kills := 1 + f.rnd.IntN(4)/3 // sometimes it is killed again, perhaps before it has its engines back
		f.duringCampaign(kills, client.NoEngine)
		if pids := f.pids(); !maps.Equal(pids, f.engines) {
			t.Errorf("engines %v, which were %v", pids, f.engines)
		}
	})
}

// The same when an engine dies while the controller is away. What became of the
// tasks that it had is not known, and that is said of no others.
func TestCrashWithEngine(t *testing.T) {
	crashes(t, 1, func(t *testing.T, f *farm) {
		victim := client.EngineID(f.rnd.IntN(farmSize))
		f.duringCampaign(1, victim)
		f.until("the client to miss an engine", func() bool { return len(f.c.IDs()) < farmSize })
		pids := f.pids()
		if pids[victim] = f.engines[victim]; !maps.Equal(pids, f.engines) {
			t.Errorf("engines %v, which were %v", pids, f.engines)
		}
	})
}

// duringCampaign kills the controller so many times while a campaign is under
// way, and with it an engine if there is a victim.
func (f *farm) duringCampaign(kills int, victim client.EngineID) {
	f.t.Helper()
	at, whileHandedOver := f.rnd.IntN(jobsPerCrash), f.rnd.IntN(3) == 0
	outages := make([]outage, kills)
	for i := range outages {
		outages[i] = outage{before: f.moment(100), away: f.moment(200), victim: client.NoEngine}
		if i > 0 {
			outages[i].before += f.moment(1000)
		}
	}
	outages[0].victim = victim
	f.t.Logf("killed when job %d %s; %+v", at, map[bool]string{true: "is handed over", false: "has ended"}[whileHandedOver], outages)
	var crash sync.WaitGroup
	jobs := f.campaign(jobsPerCrash, func(id int) {
		if whileHandedOver && id == at {
			crash.Go(func() { f.suffer(outages) })
		}
	})
	if !whileHandedOver {
		if err := jobs[at].Wait(f.ctx()); err != nil {
			f.t.Fatal(err)
		}
		f.suffer(outages)
	}
	crash.Wait()
	f.collect(jobs, victim)
	if victim == client.NoEngine { // or the only copy of an answer that was delivered may be gone with it
		f.recorded(jobs)
	}
}

// What is sent to one engine is run in the order of the calls, whatever happens
// to the controller, by the direct channel as by the broadcast's.
func TestCrashOrder(t *testing.T) {
	crashes(t, 1, func(t *testing.T, f *farm) {
		if _, err := f.c.Direct(client.All).Execute(f.ctx(), "broad := []int{}\nfunc noteBroad(n int) { broad = append(broad, n) }"); err != nil {
			t.Fatal(err)
		}
		const calls = 400
		at := f.rnd.IntN(calls)
		var want []int
		var all []*client.AsyncResult
		for i := range calls {
			want = append(want, i)
			all = append(all,
				f.c.Direct(client.All).ApplyAsync(client.Ref("note"), i),
				f.c.Broadcast(client.All).ApplyAsync(client.Ref("noteBroad"), i))
			if i == at {
				f.suffer([]outage{{away: f.moment(200), victim: client.NoEngine}})
			}
		}
		for _, ar := range all {
			if _, err := ar.Get(f.ctx()); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"order", "broad"} {
			got, err := client.Get[[]int](f.ctx(), f.c.Direct(client.All), name)
			if err != nil {
				t.Fatal(err)
			}
			for i, order := range got {
				if !slices.Equal(order, want) {
					t.Errorf("%s of engine %d: %v", name, i, order)
				}
			}
		}
	})
}

// An engine drains in the midst of a campaign, or several do, and sometimes the
// controller is killed meanwhile: no task is lost by it or run twice. What was meant for
// such an engine alone, and did not run, is told.
func TestCrashWithDrain(t *testing.T) {
	crashes(t, 2, func(t *testing.T, f *farm) {
		at, drains := f.rnd.IntN(jobsPerCrash), 1+f.rnd.IntN(farmSize-1)
		outages := []outage{{before: f.moment(50), away: f.moment(200), victim: client.NoEngine}}[:f.rnd.IntN(2)]
		t.Logf("of %d engines, %d drain when job %d is handed over; %+v", farmSize, drains, at, outages)
		var crash sync.WaitGroup
		jobs := f.campaign(jobsPerCrash, func(id int) {
			if id != at {
				return
			}
			crash.Go(func() { f.suffer(outages) })
			for victim := range drains {
				if err := syscall.Kill(f.engines[client.EngineID(victim)], syscall.SIGUSR1); err != nil {
					t.Error(err)
				}
			}
		})
		crash.Wait()
		f.collectDrained(jobs, drains)
		f.until("the drained engines to leave", func() bool { return len(f.c.IDs()) == farmSize-drains })
	})
}
