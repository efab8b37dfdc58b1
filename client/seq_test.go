package client

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// counter yields 0, 1, 2 and so on for ever, and notes how many were pulled.
func counter(pulled *int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for *pulled = 1; yield(*pulled - 1); *pulled++ {
		}
	}
}

// views are both kinds of view that map.
func views(c *Client) map[string]func(...Setting) Mapper {
	return map[string]func(...Setting) Mapper{
		"direct":   func(s ...Setting) Mapper { return c.Direct(All).With(s...) },
		"balanced": func(s ...Setting) Mapper { return c.LoadBalanced().With(s...) },
	}
}

// waiting is how many requests the engines have and do not answer.
func (f *fakeCluster) waiting() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.held)
}

// slowly has engines answer one at a time, in any order, whenever nothing else
// moves any more, until stop; most becomes how many requests waited at most.
func (f *fakeCluster) slowly(rng *rand.Rand, most *int) (stop func()) {
	f.holding()
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			synctest.Wait()
			select {
			case <-over:
				return
			default:
			}
			if n := f.waiting(); n > 0 {
				*most = max(*most, n)
				f.releaseAt(rng.IntN(n))
			}
		}
	}()
	return func() {
		close(over)
		<-ended
		f.release()
	}
}

// With engines that answer late and in any order, what is outstanding stays
// within the window, and the values are those of the items, in order or not.
func TestMapSeqWindow(t *testing.T) {
	for seed := range uint64(8) {
		for _, chunk := range []int{1, 3} {
			story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
				for name, view := range views(c) {
					rng := rand.New(rand.NewPCG(seed, 0))
					window := 1 + rng.IntN(5)
					settings := []Setting{Outstanding(window), Chunk(chunk)}
					ordered := rng.IntN(2) == 0
					if !ordered {
						settings = append(settings, Unordered())
					}
					var pulled, most int
					stop := f.slowly(rng, &most)
					var got []int
					for x, err := range MapSeq[int](t.Context(), view(settings...), Ref("double"), counter(&pulled)) {
						check(t, err)
						got = append(got, x/2)
						if ahead := pulled - len(got); ahead > window*chunk+chunk {
							t.Fatalf("%s: %d items pulled and %d taken, with %d chunks of %d outstanding", name, pulled, len(got), window, chunk)
						}
						if len(got) == 100 {
							break
						}
					}
					stop()
					if most != window {
						t.Errorf("%s: %d chunks outstanding instead of %d", name, most, window)
					}
					if ordered && !slices.IsSorted(got) {
						t.Errorf("%s: out of order: %v", name, got)
					}
					slices.Sort(got)
					equal(t, len(slices.Compact(got)), 100)
				}
			})
		}
	}
}

// However the loop is left, nothing more is pulled or sent, and the engines are
// told to skip what they have not begun.
func TestMapSeqLeft(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		for name, view := range views(c) {
			var pulled int
			synctest.Wait()
			f.mu.Lock()
			f.seen = nil
			f.mu.Unlock()
			f.holding()
			go func() {
				synctest.Wait()
				f.releaseAt(0)
			}()
			for x, err := range MapSeq[int](t.Context(), view(Outstanding(5)), Ref("double"), counter(&pulled)) {
				check(t, err)
				equal(t, x, 0)
				break
			}
			synctest.Wait()
			f.mu.Lock()
			aborts := slices.DeleteFunc(slices.Clone(f.seen), func(s string) bool { return s != "abort_request" })
			f.mu.Unlock()
			// Each engine is told, or the scheduler.
			if want := map[string]int{"direct": 2, "balanced": 1}[name]; pulled != 5 || len(aborts) != want {
				t.Errorf("%s: %d items pulled, %d told to abort", name, pulled, len(aborts))
			}
			f.release()
			synctest.Wait()

			ctx, cancel := context.WithCancelCause(t.Context())
			why := errors.New("enough")
			f.holding()
			go func() {
				synctest.Wait()
				cancel(why)
			}()
			n := 0
			for _, err := range MapSeq[int](ctx, view(Outstanding(3)), Ref("double"), counter(&pulled)) {
				n++
				if !errors.Is(err, why) {
					t.Errorf("%s: %v after the context", name, err)
				}
			}
			equal(t, n, 1)
			equal(t, pulled, 3)
			for _, err := range MapSeq[int](ctx, view(), Ref("double"), func(func(int) bool) { t.Error("pulled after the context") }) {
				if n++; !errors.Is(err, why) {
					t.Errorf("%s: %v after the context", name, err)
				}
			}
			equal(t, n, 2)
			f.release()
		}
		synctest.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		equal(t, len(c.pending), 0)
	})
}

// An error is that of its item, and the map goes on.
func TestMapSeqErrors(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		for name, view := range views(c) {
			for chunk, want := range map[int][]float64{
				1: {2, 4, -6, 8, 0, 12, 14},
				2: {2, 4, 0, 0, 0, 0, 14}, // the items of a chunk share its fate
			} {
				var got []float64
				items := []any{1.0, 2.0, -3.0, 4.0, make(chan int), 6.0, 7.0}
				for x, err := range MapSeq[float64](t.Context(), view(Chunk(chunk)), Ref("double"), slices.Values(items)) {
					got = append(got, x)
					var m *MapError
					if failed := errors.As(err, &m); failed != (want[len(got)-1] == 0) || failed && m.Missing[0].Low != len(got)-1 {
						t.Errorf("%s: item %d: %v", name, len(got)-1, err)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: %v", name, got)
				}
			}
		}
		// Several arguments.
		calls := []Args{{1, 2}, {3, 4}, {5, 6}}
		for name, view := range views(c) {
			var got []int
			for x, err := range MapSeq[int](t.Context(), view(), Ref("add"), slices.Values(calls)) {
				check(t, err)
				got = append(got, x)
			}
			if !slices.Equal(got, []int{3, 7, 11}) {
				t.Errorf("%s: %v", name, got)
			}
			for _, err := range MapSeq[int](t.Context(), view(Chunk(2)), Ref("add"), slices.Values([]Args{{1}, {1, 2}})) {
				if err == nil || !strings.Contains(err.Error(), "calls of 1 and of 2 arguments") {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})
}

// Engines that die fail what they had; the others do the rest. When none is
// left the map ends, and an engine that joins a view of All has its share.
func TestMapSeqDeaths(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		for _, v := range []*DirectView{c.Direct(Engines(0, 1, 2)), c.Direct(All)} {
			for len(c.IDs()) < 3 {
				f.join()
				synctest.Wait()
			}
			ids := c.IDs()
			v := v.On(v.targets).With(Outstanding(6))
			if !v.targets.all {
				v = c.Direct(Engines(ids...)).With(Outstanding(6))
			}
			f.holding()
			step := 0
			died := make(map[EngineID]int)
			served := make(map[int]int)
			var pulled int
			var last error
			go func() {
				synctest.Wait()
				f.kill(ids[1])
				synctest.Wait()
				f.release()
			}()
			for id, err := range MapSeq[int](t.Context(), v, Ref("whoami"), func(yield func(Args) bool) {
				for range counter(&pulled) {
					if !yield(Args{}) {
						return
					}
				}
			}) {
				var r *RemoteError
				if last = err; errors.As(err, &r) && errors.Is(err, ErrEngineDied) {
					died[r.Engine]++
				} else if err == nil {
					served[id]++
				}
				switch step++; step {
				case 30:
					f.join()
					synctest.Wait()
				case 60:
					for _, id := range c.IDs() {
						f.kill(id)
					}
					synctest.Wait()
				}
			}
			equal(t, died[ids[1]], 2) // of six, evenly
			if !errors.Is(last, ErrUnknownEngine) && !errors.Is(last, ErrNoEngines) {
				t.Errorf("the last error is %v", last)
			}
			joined := served[int(ids[2])+1] > 0
			if served[int(ids[0])] < 10 || served[int(ids[2])] < 10 || joined != v.targets.all {
				t.Errorf("items by engine: %v", served)
			}
		}
		n := 0
		for _, err := range MapSeq[int](t.Context(), c.Direct(Engines(99)), Ref("whoami"), slices.Values([]int{1})) {
			if n++; !errors.Is(err, ErrUnknownEngine) {
				t.Errorf("on no engine: %v", err)
			}
		}
		equal(t, n, 1)
	})
}

// The client's end ends every map, also one that does not look at errors.
func TestMapSeqClosed(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		for name, view := range views(c) {
			var pulled, n int
			var last error
			for _, err := range MapSeq[int](t.Context(), view(), Ref("double"), counter(&pulled)) {
				if n++; n == 10 {
					check(t, c.Close())
				}
				last = err
			}
			if !errors.Is(last, ErrClosed) {
				t.Errorf("%s: %v", name, last)
			}
		}
	})
}

// With retries, what engines had that die is done by the others, with the
// arguments that it was called with.
func TestMapSeqRetries(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		v := c.Direct(All).With(Outstanding(6), Retries(1))
		f.holding()
		go func() {
			synctest.Wait()
			f.kill(1)
			synctest.Wait()
			f.release()
		}()
		reused := []float64{0} // as a program that reads records does
		n := 0.0
		for x, err := range MapSeq[float64](t.Context(), v, Ref("first"), func(yield func([]float64) bool) {
			for i := range 20 {
				if reused[0] = float64(i); !yield(reused) {
					return
				}
			}
		}) {
			check(t, err)
			equal(t, x, n)
			n++
		}
		equal(t, n, 20.0)

		// They are counted: the second engine that dies with a chunk fails it.
		f.join()
		synctest.Wait()
		f.holding()
		go func() {
			for range 2 {
				synctest.Wait()
				f.mu.Lock()
				id := f.held[len(f.held)-1].engine.id
				f.mu.Unlock()
				f.kill(id)
			}
			synctest.Wait()
			f.release()
		}()
		var last error
		for _, err := range MapSeq[float64](t.Context(), v, Ref("double"), slices.Values([]float64{1})) {
			last = err
		}
		if !errors.Is(last, ErrEngineDied) {
			t.Errorf("an item that has killed two engines: %v", last)
		}
		if _, err := v.Apply(t.Context(), Ref("double"), 1); err == nil || !strings.Contains(err.Error(), "the setting Retries") {
			t.Errorf("a call with retries: %v", err)
		}
	})
}
