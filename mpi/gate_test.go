package mpi

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// Once close has returned nobody is inside, and nobody gets in.
func TestGate(t *testing.T) {
	var g gate
	var inside atomic.Int64
	var shut atomic.Bool
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for g.enter() {
				inside.Add(1)
				if shut.Load() {
					t.Error("someone is inside a closed gate")
				}
				inside.Add(-1)
				g.leave()
			}
		})
	}
	if err := g.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := inside.Load(); n != 0 {
		t.Errorf("%d inside after close", n)
	}
	shut.Store(true)
	wg.Wait()
}

func TestGateDoesNotWaitForEver(t *testing.T) {
	var g gate
	if !g.enter() {
		t.Fatal("an open gate is shut")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v, want that the context was canceled", err)
	}
	if g.enter() {
		t.Error("the gate is open again")
	}
	g.leave()
}
