package client

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

func TestExecutor(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		e := c.LoadBalanced().With(Chunk(2)).Executor()
		f.holding()
		a := e.Submit(Ref("add"), 1, 2)
		bad := e.Submit(Ref("add"), make(chan int)) // is not sent, and not waited for
		items := e.Map(t.Context(), Ref("double"), []int{1, 2, 3})
		synctest.Wait()
		equal(t, f.waiting(), 3)
		for range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := e.Shutdown(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("shutdown with a context that has ended: %v", err)
			}
		}
		for _, late := range []*AsyncResult{e.Submit(Ref("add"), 1)} {
			if _, err := late.Get(t.Context()); !errors.Is(err, ErrExecutorShutdown) {
				t.Errorf("submitted after shutdown: %v", err)
			}
		}
		for _, err := range e.Map(t.Context(), Ref("double"), []int{1}) {
			if !errors.Is(err, ErrExecutorShutdown) {
				t.Errorf("mapped after shutdown: %v", err)
			}
		}
		go func() {
			synctest.Wait() // it waits
			f.release()
		}()
		check(t, e.Shutdown(t.Context()))
		equal(t, a.Ready() && bad.Ready(), true)
		for range 2 {
			var got []any
			for x, err := range items {
				check(t, err)
				got = append(got, x)
			}
			equal(t, got, []any{2.0, 4.0, 6.0})
		}
		check(t, e.Shutdown(t.Context()))
		check(t, c.LoadBalanced().Executor().Shutdown(t.Context()))
	})
}

// Whatever is submitted beside Shutdown is either refused or waited for.
func TestExecutorConcurrently(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		e := c.LoadBalanced().Executor()
		var users sync.WaitGroup
		results := make([][]*AsyncResult, 8)
		for i := range results {
			users.Go(func() {
				for range 50 {
					results[i] = append(results[i], e.Submit(Ref("add"), 1, 2))
				}
			})
		}
		check(t, e.Shutdown(t.Context()))
		users.Wait()
		for _, rs := range results {
			for _, ar := range rs {
				if !ar.Ready() {
					t.Fatal("submitted and not waited for")
				}
				if values, err := ar.Get(t.Context()); !errors.Is(err, ErrExecutorShutdown) && (err != nil || values[0] != 3.0) {
					t.Fatal(values, err)
				}
			}
		}
	})
}
