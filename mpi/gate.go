package mpi

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
)

// gate counts the calls that are inside MPI, so that MPI is not finalized
// under them, and lets none in once it is closed.
type gate struct {
	inside atomic.Int64  // plus closed, once closing has begun
	empty  chan struct{} // told when the last one leaves; set before closing
}

const closed = math.MinInt64 / 2

func (g *gate) enter() bool {
	if g.inside.Add(1) < 0 {
		g.leave()
		return false
	}
	return true
}

func (g *gate) leave() {
	if g.inside.Add(-1) == closed {
		select {
		case g.empty <- struct{}{}:
		default:
		}
	}
}

// close waits until nobody is inside.
func (g *gate) close(ctx context.Context) error {
	g.empty = make(chan struct{}, 1)
	n := g.inside.Add(closed) - closed
	if n == 0 {
		return nil
	}
	select {
	case <-g.empty:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d calls are still blocked in MPI: %w", n, context.Cause(ctx))
	}
}
