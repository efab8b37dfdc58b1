package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/wire"
)

// Calls that are made while the controller is away are sent when it is back,
// after those that were made before, in order and for the first time.
func TestCallsMeanwhile(t *testing.T) {
	restore(t, 2, func(t *testing.T, f *restorable, c *Client) {
		f.holding()
		v := c.Direct(Engines(0))
		calls := []*AsyncResult{v.ApplyAsync(Ref("f"), 0), v.ApplyAsync(Ref("f"), 1)}
		synctest.Wait()
		f.commit()
		synctest.Wait()
		calls = append(calls, v.ApplyAsync(Ref("f"), 2))
		synctest.Wait()
		f.kill()
		synctest.Wait()
		x := []byte("as it is")
		for i := range 3 {
			calls = append(calls, v.ApplyAsync(Ref("f"), 3+i, x))
		}
		copy(x, "as it was")
		calls = append(calls, c.Broadcast(All).ApplyAsync(Ref("f"), 6))
		bounded, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.Apply(bounded, Ref("f"), 7); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a call that is bounded: %v", err)
		}
		check(t, c.Err())
		equal(t, c.IDs(), []EngineID{0, 1})
		f.start()
		time.Sleep(2 * seekPeriod)
		arrived, numbers := f.came()
		equal(t, arrived, []string{"stub", "stub", "again", "new", "new", "new", "new", "new", "new"})
		equal(t, numbers, []any{0, 1, 2, 3, 4, 5, 6, 6, 7})
		f.finish(nil)
		for i, ar := range calls {
			values, err := ar.Get(t.Context())
			check(t, err)
			equal(t, values[0], i)
		}
		f.once()
	})
}

// A call that is still on its way to the socket when the controller is back is
// sent by whoever resumes, and not once more.
func TestLateDispatch(t *testing.T) {
	restore(t, 1, func(t *testing.T, f *restorable, c *Client) {
		r, err := applyRequest("f", 1)
		check(t, err)
		engines, err := c.resolve(All)
		check(t, err)
		ar := &AsyncResult{client: c, done: make(chan struct{}), tasks: make([]task, 1), left: 1, decode: applied}
		late := &ar.tasks[0]
		late.result, late.engine, late.uuid = ar, engines[0].id, engines[0].uuid
		c.mu.Lock()
		parcels := c.pack(settings{}, engines, []*task{late}, []*request{r})
		c.register(ar, engines)
		all := c.keep(parcels, nil)
		c.mu.Unlock()
		f.kill()
		f.start()
		check(t, ar.Wait(t.Context()))
		c.dispatch(parcels, all, true, nil)
		synctest.Wait()
		arrived, _ := f.came()
		equal(t, arrived, []string{"new"})
	})
}

// When only the connection was lost, the controller is the same, and is told so.
func TestSameController(t *testing.T) {
	restore(t, 1, func(t *testing.T, f *restorable, c *Client) {
		f.holding()
		recorded := c.LoadBalanced().ApplyAsync(Ref("f"), 1)
		synctest.Wait()
		f.commit()
		synctest.Wait()
		for range 2 {
			f.mu.Lock()
			f.lossy = true
			f.mu.Unlock()
			lost := c.LoadBalanced().ApplyAsync(Ref("f"), 2)
			synctest.Wait()
			f.kill()
			f.open()
			time.Sleep(2 * seekPeriod)
			how, numbers := f.came()
			equal(t, how, []string{"stub", "again"})
			equal(t, numbers, []any{1, 2})
			equal(t, strings.Contains(string(f.work[lost.tasks[0].id].m.Metadata), `"sent_to":"`+f.instance+`"`), true)
			f.finish(nil)
			check(t, lost.Wait(t.Context()))
			if err := recorded.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			recorded = c.LoadBalanced().ApplyAsync(Ref("f"), 1)
			synctest.Wait()
			f.commit()
			synctest.Wait()
		}
		f.finish(nil)
		check(t, recorded.Wait(t.Context()))
		f.once()
	})
}

// The way to a controller that is far may be closed for hours. What engines did meanwhile
// is had when it is open again, what got lost is done, and nothing is done twice.
func TestFar(t *testing.T) {
	far(t, 2, func(t *testing.T, f *restorable, c *Client) {
		f.holding()
		var calls []*AsyncResult
		call := func(kind string) { calls = append(calls, viewKinds[kind](c, len(calls))) }
		for kind := range viewKinds {
			call(kind)
		}
		synctest.Wait()
		f.mu.Lock()
		f.lossy = true
		f.mu.Unlock()
		call("direct")
		call("balanced")
		synctest.Wait()
		f.cut()
		f.finish(nil) // whose answers go to nobody
		synctest.Wait()
		call("direct")
		time.Sleep(3 * time.Hour)
		check(t, c.Err())
		f.mend()
		time.Sleep(2 * farPeriod)
		f.finish(nil)
		for i, ar := range calls {
			values, err := ar.Get(t.Context())
			check(t, err)
			equal(t, values[0], i)
		}
		f.once()
		c.mu.Lock()
		defer c.mu.Unlock()
		equal(t, []int{len(c.pending), len(c.wholes), len(c.answered)}, []int{0, 0, 0})
	})
	far(t, 1, func(t *testing.T, f *restorable, c *Client) { // another one stands there
		f.holding()
		ar := c.Direct(All).ApplyAsync(Ref("f"), 1)
		synctest.Wait()
		f.kill()
		time.Sleep(time.Hour)
		f.start()
		if _, err := ar.Get(t.Context()); !errors.Is(err, ErrRestarted) {
			t.Errorf("error is %v", err)
		}
	})
	far(t, 1, func(t *testing.T, f *restorable, c *Client) { // it is never open again
		f.close()
		begun := time.Now()
		_, err := c.Direct(All).Apply(t.Context(), Ref("f"), 1)
		if took := time.Since(begun); !errors.Is(err, ErrGone) || took < farGrace || took > farGrace+time.Minute {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// What the hub was asked is asked again, and what engines were told to do is an
// error that says what is known.
func TestRequestsMeanwhile(t *testing.T) {
	restore(t, 1, func(t *testing.T, f *restorable, c *Client) {
		type outcome struct {
			what string
			err  error
		}
		outcomes := make(chan outcome)
		ask := func(what string, f func() error) { go func() { outcomes <- outcome{what, f()} }() }
		f.mu.Lock()
		f.mute, f.deafControl = true, true
		f.mu.Unlock()
		ask("status", func() error {
			s, err := c.QueueStatus(t.Context(), All)
			if err == nil && s.Unassigned != 2 {
				t.Errorf("status is %v", s)
			}
			return err
		})
		ask("clear", func() error { return c.Clear(t.Context(), All) })
		f.holding()
		ar := c.Direct(All).ApplyAsync(Ref("f"), 1)
		synctest.Wait()
		f.commit()
		ask("abort", func() error { return ar.Abort(t.Context()) })
		synctest.Wait()
		f.kill()
		synctest.Wait()
		ask("clear meanwhile", func() error { return c.Clear(t.Context(), All) })
		ask("wait meanwhile", func() error { return c.WaitForEngines(t.Context(), 2) })
		synctest.Wait()
		f.mu.Lock()
		f.mute, f.deafControl = false, false
		f.mu.Unlock()
		f.start()
		f.join()
		for range 5 {
			got := <-outcomes
			if got.what == "clear" {
				if !errors.Is(got.err, ErrRestarted) || !strings.Contains(got.err.Error(), "not known") {
					t.Errorf("clear: %v", got.err)
				}
			} else if got.err != nil {
				t.Errorf("%s: %v", got.what, got.err)
			}
		}
		f.finish(nil)
		check(t, ar.Wait(t.Context()))
	})
}

// With NoCopy the arguments are the client's until they are recorded.
func TestSentOfKept(t *testing.T) {
	free := func(ar *AsyncResult) bool {
		synctest.Wait()
		select {
		case <-ar.Sent():
			return true
		default:
			return false
		}
	}
	restore(t, 2, func(t *testing.T, f *restorable, c *Client) {
		f.holding()
		v := c.Direct(All).With(NoCopy())
		recorded, answered, flushed := v.ApplyAsync(Ref("f"), 1, make([]byte, 1<<20)), v.ApplyAsync(Ref("f"), 2), v.ApplyAsync(Ref("f"), 3)
		equal(t, free(recorded), false)
		f.kill()
		f.start()
		time.Sleep(2 * seekPeriod)
		equal(t, free(recorded), false)
		c.mu.Lock()
		for _, task := range flushed.tasks {
			c.settle(c.pending[task.id], ErrFlushed)
		}
		c.mu.Unlock()
		equal(t, free(flushed), true)
		f.commit()
		equal(t, free(recorded), true)
		unrecorded := v.ApplyAsync(Ref("f"), 4)
		equal(t, free(unrecorded), false)
		f.finish(nil)
		equal(t, free(unrecorded), true)
		check(t, answered.Wait(t.Context()))
		check(t, unrecorded.Wait(t.Context()))
	})
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) { // nothing is kept
		f.holding()
		equal(t, free(c.Direct(All).With(NoCopy()).ApplyAsync(Ref("double"), 1)), true)
	})
}

// Whatever a program waits by goes on, through several controllers.
func TestWaitsGoOn(t *testing.T) {
	restore(t, 2, func(t *testing.T, f *restorable, c *Client) {
		ctx := t.Context()
		done := make(chan string)
		wait := func(what string, f func() error) {
			go func() {
				check(t, f())
				done <- what
			}()
		}
		f.holding()
		wait("MapSeq", func() error {
			i := 0
			for v, err := range MapSeq[int](ctx, c.LoadBalanced(), Ref("f"), slices.Values([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})) {
				if err != nil || v != i {
					return fmt.Errorf("item %d is %d, %w", i, v, err)
				}
				i++
			}
			return nil
		})
		wait("Executor", func() error {
			e := c.LoadBalanced().Executor()
			ar := e.Submit(Ref("f"), 3)
			if err := e.Shutdown(ctx); err != nil {
				return err
			}
			_, err := ar.Get(ctx)
			return err
		})
		first := c.Direct(All).ApplyAsync(Ref("f"), 1)
		wait("WaitFor", func() error { return first.WaitFor(ctx, First) })
		wait("Barrier", func() error { return c.Barrier(ctx) })
		for ended := 0; ended < 4; {
			synctest.Wait()
			f.commit()
			synctest.Wait()
			f.kill()
			time.Sleep(time.Minute)
			f.start()
			time.Sleep(2 * seekPeriod)
			f.finish(nil)
			synctest.Wait()
			for more := true; more; {
				select {
				case <-done:
					ended++
				case <-time.After(time.Second):
					more = false
				}
			}
		}
		f.once()
	})
}

// A client that is closed while the controller is away does not wait for it.
func TestCloseMeanwhile(t *testing.T) {
	restore(t, 1, func(t *testing.T, f *restorable, c *Client) {
		f.holding()
		before := c.Direct(All).ApplyAsync(Ref("f"), 1)
		synctest.Wait()
		f.kill()
		time.Sleep(time.Minute)
		after := c.Direct(All).With(NoCopy()).ApplyAsync(Ref("f"), 1)
		begun := time.Now()
		check(t, c.Close())
		equal(t, time.Since(begun), time.Duration(0))
		for _, ar := range []*AsyncResult{before, after} {
			if _, err := ar.Get(t.Context()); !errors.Is(err, ErrClosed) {
				t.Errorf("error is %v", err)
			}
		}
		<-after.Sent()
	})
}

// One that never comes back is gone in the end.
func TestNeverBack(t *testing.T) {
	for _, restores := range []bool{true, false} {
		restore(t, 1, func(t *testing.T, f *restorable, c *Client) {
			grace := restoreGrace
			if !restores {
				grace = controllerGrace
				f.restores = false
				check(t, c.queryEngines(t.Context()))
			}
			f.holding()
			ar := c.Direct(All).ApplyAsync(Ref("f"), 1)
			synctest.Wait()
			f.kill()
			begun := time.Now()
			if _, err := ar.Get(t.Context()); !errors.Is(err, ErrGone) {
				t.Errorf("error is %v", err)
			}
			equal(t, time.Since(begun), grace)
			if _, err := c.Direct(All).Apply(t.Context(), Ref("f"), 1); !errors.Is(err, ErrGone) {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// A controller that came back without its records is told from one that has them:
// what was outstanding may have been done, and nothing is done twice.
func TestRecordsLost(t *testing.T) {
	restore(t, 1, func(t *testing.T, f *restorable, c *Client) {
		f.holding()
		before := c.Direct(All).ApplyAsync(Ref("f"), 1)
		synctest.Wait()
		f.kill()
		synctest.Wait()
		meanwhile := c.Direct(All).ApplyAsync(Ref("f"), 2)
		f.restores = false
		f.start()
		if _, err := before.Get(t.Context()); !errors.Is(err, ErrRestarted) {
			t.Errorf("error is %v", err)
		}
		synctest.Wait()
		f.finish(nil)
		check(t, meanwhile.Wait(t.Context()))
		arrived, _ := f.came()
		equal(t, arrived, []string{"new"})
		equal(t, c.keeps.Load(), false)
		f.once()
	})
}

// Engines are learned anew. What one had that is gone, the controller answers.
func TestEnginesMeanwhile(t *testing.T) {
	restore(t, 2, func(t *testing.T, f *restorable, c *Client) {
		news := c.Notifications(t.Context())
		f.holding()
		ar := c.Direct(All).ApplyAsync(Ref("f"), 1)
		synctest.Wait()
		f.commit()
		synctest.Wait()
		f.kill()
		delete(f.engines, 0)
		late := c.Direct(Engines(0)).ApplyAsync(Ref("f"), 2)
		f.start()
		f.join() // which is told while the client asks for the others
		came, went := <-news, <-news
		if went.Up {
			came, went = went, came
		}
		equal(t, []EngineID{came.Engine, went.Engine}, []EngineID{2, 0})
		time.Sleep(2 * seekPeriod)
		f.finish(nil)
		values, err := ar.Get(t.Context())
		if !errors.Is(err, ErrEngineDied) || values[1] != 1 {
			t.Errorf("%v, %v", values, err)
		}
		if _, err := late.Get(t.Context()); !errors.Is(err, ErrEngineDied) {
			t.Errorf("of a call to an engine that was gone: %v", err)
		}
		equal(t, c.IDs(), []EngineID{1, 2})
		delete(f.work, ar.tasks[0].id)
	})
}

// A controller that comes back elsewhere, with another key, is found by its file.
func TestFileMeanwhile(t *testing.T) {
	restore(t, 1, func(t *testing.T, f *restorable, c *Client) {
		f.holding()
		ar := c.Direct(All).ApplyAsync(Ref("f"), 1)
		synctest.Wait()
		f.kill()
		time.Sleep(time.Second)
		key := "another key"
		f.conn.Key = key
		f.session = wire.NewSession(key, "")
		f.conn.Registration, f.conn.Control, f.conn.Mux, f.conn.Task = 0, 0, 0, 0
		f.conn.Broadcast, f.conn.IOPub, f.conn.Notification = 0, 0, 0
		f.start()
		time.Sleep(2 * seekPeriod)
		f.finish(nil)
		values, err := ar.Get(t.Context())
		check(t, err)
		equal(t, values, []any{1})
	})
}

// The controller comes and goes, at any moment and also while the client is
// busy with its coming; engines work, and requests and replies get lost with it.
// Every call has one right answer, and was run once.
func TestComesAndGoes(t *testing.T) {
	comeAndGo(t, restore, (*restorable).kill, (*restorable).start)
}

// So does the connection to one that is far.
func TestConnectionComesAndGoes(t *testing.T) {
	comeAndGo(t, far, (*restorable).cut, (*restorable).mend)
}

func comeAndGo(t *testing.T, story func(*testing.T, int, func(*testing.T, *restorable, *Client)), goes, comes func(*restorable)) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			story(t, 3, func(t *testing.T, f *restorable, c *Client) {
				rng := rand.New(rand.NewPCG(seed, 2))
				f.holding()
				var calls []*AsyncResult
				up := true
				for range 400 {
					switch rng.IntN(12) {
					case 0:
						if up {
							goes(f)
						} else {
							comes(f)
						}
						up = !up
					case 1:
						if up && f.restores {
							f.commit()
						}
					case 2:
						f.finish(rng)
					case 3: // until the controller is killed
						f.mu.Lock()
						f.lossy, f.silent, f.detached = up && rng.IntN(2) == 0, up && rng.IntN(2) == 0, up && rng.IntN(2) == 0 && f.restores
						f.mu.Unlock()
					case 4:
						time.Sleep(time.Duration(rng.Int64N(int64(2 * seekPeriod))))
					default:
						kinds := []string{"direct", "balanced", "broadcast", "coalescing"}
						calls = append(calls, viewKinds[kinds[rng.IntN(4)]](c, len(calls), make([]byte, rng.IntN(40000))))
					}
					if rng.IntN(3) > 0 {
						synctest.Wait()
						f.sanity(t, c)
					}
				}
				if up { // what got lost on the way is not missed before
					goes(f)
				}
				comes(f)
				time.Sleep(2 * farPeriod)
				f.finish(nil)
				for i, ar := range calls {
					values, err := ar.Get(t.Context())
					check(t, err)
					for _, v := range values {
						equal(t, v, i)
					}
				}
				f.once()
				if n := len(f.work); n < 200 {
					t.Errorf("too little to tell: %d tasks", n)
				}
				c.mu.Lock()
				defer c.mu.Unlock()
				if len(c.pending)+len(c.wholes)+len(c.dropped) > 0 {
					t.Errorf("left: %d tasks, %d broadcasts, %d dropped", len(c.pending), len(c.wholes), len(c.dropped))
				}
				for _, e := range c.engines {
					equal(t, e.outstanding, [2]int{})
				}
			})
		})
	}
}
