package client

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
)

// Engines come, go, answer late, twice and out of turn, while calls are made,
// aborted and given up: in the end every call has exactly one answer for each
// engine, and nothing is left in the client.
func TestSimulation(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) { simulate(t, f, c, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func simulate(t *testing.T, f *fakeCluster, c *Client, rng *rand.Rand) {
	f.counts = rng.IntN(2) == 0
	f.holding()
	dead := make(map[EngineID]bool)
	var calls []*AsyncResult
	for range 300 {
		switch rng.IntN(10) {
		case 0:
			f.join()
		case 1:
			if ids := c.IDs(); len(ids) > 1 {
				id := ids[rng.IntN(len(ids))]
				dead[id] = true
				f.kill(id)
			}
		case 2:
			if len(calls) > 0 {
				check(t, calls[rng.IntN(len(calls))].Abort(t.Context()))
			}
		case 3, 4:
			f.releaseSome(rng)
		case 5:
			calls = append(calls, c.LoadBalanced().ApplyAsync(Ref("whoami")))
		case 6:
			calls = append(calls, c.Direct(All).ExecuteAsync("print ID"))
		case 7:
			calls = append(calls, c.Broadcast(All).ApplyAsync(Ref("whoami")))
		case 8:
			calls = append(calls, c.Broadcast(All).With(Coalescing()).ExecuteAsync("print ID"))
		default:
			calls = append(calls, c.Direct(All).ApplyAsync(Ref("whoami")))
		}
		synctest.Wait()
		f.sanity(t, c)
	}
	f.release()
	for i, ar := range calls {
		values, err := ar.Get(t.Context())
		if ar.client == nil {
			continue
		}
		var composite *CompositeError
		errs := 0
		if errors.As(err, &composite) {
			errs = len(composite.Errors)
		} else if err != nil {
			errs = 1
		}
		for k, r := range ar.Metadata() {
			switch r.Status {
			case "ok":
				if ar.code == "" && values[k] != int(r.Engine) {
					t.Errorf("call %d: engine %d answered %v", i, r.Engine, values[k])
				}
				continue
			case "aborted":
			case "error":
				if !dead[r.Engine] {
					t.Errorf("call %d: engine %d lives, and failed: %v", i, r.Engine, r.Err)
				}
			default:
				t.Errorf("call %d: status %q", i, r.Status)
			}
			errs--
		}
		if errs != 0 {
			t.Errorf("call %d: %v for results\n%v", i, err, ar.Metadata())
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending)+len(c.wholes)+len(c.dropped) > 0 {
		t.Errorf("%d tasks are left, %d broadcasts, %d dropped", len(c.pending), len(c.wholes), len(c.dropped))
	}
}

// sanity checks that the client's indices agree with each other.
func (f *fakeCluster) sanity(t *testing.T, c *Client) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	left := make(map[*AsyncResult]int)
	for id, task := range c.pending {
		if task.id != id || task.err != nil {
			t.Fatalf("pending %s: %+v", id, task)
		}
		if task.uuid != "" {
			at, ok := c.find(task.engine)
			if !ok || c.engines[at].uuid != task.uuid {
				t.Fatalf("%s waits for engine %d, which is gone", id, task.engine)
			}
		}
		left[task.result]++
	}
	for ar, n := range left {
		if ar.left != n || ar.Ready() {
			t.Fatalf("%s waits for %d, %d are pending", ar.what, ar.left, n)
		}
	}
	for i, e := range c.engines {
		for way, n := range e.outstanding {
			for _, task := range c.pending {
				if task.outstanding == &e.outstanding[way] {
					n--
				}
			}
			if n != 0 {
				t.Fatalf("engine %d is counted to have %d requests more by lane %d than are pending", e.id, n, way)
			}
		}
		if c.ids[e.uuid] != e.id || i > 0 && c.engines[i-1].id >= e.id {
			t.Fatalf("engines out of order: %v", c.engines)
		}
	}
}
