package mpitest

import (
	"testing"

	"muster/mpi"
)

// collectives tries those calls that only move values, for one element type.
func collectives[T comparable](of func(int) T) func(*testing.T, mpi.Comm) {
	const n = 5
	// part is what rank r has: n elements, or fewer.
	part := func(r, n int) []T {
		p := make([]T, n)
		for i := range p {
			p[i] = of(10*r + i)
		}
		return p
	}
	return func(t *testing.T, c mpi.Comm) {
		rank, size := c.Rank(), c.Size()
		var all []T
		for r := range size {
			all = append(all, part(r, n)...)
		}
		ok(t, "Barrier", c.Barrier())
		for root := range size {
			b := part(rank, n)
			ok(t, "Bcast", c.Bcast(b, root))
			same(t, "Bcast", b, part(root, n))

			// What is nil here is so on purpose: it is the root's alone.
			var gathered, dealt []T
			var recv, send any
			if rank == root {
				gathered, dealt = make([]T, size*n), all
				recv, send = gathered, dealt
			}
			ok(t, "Gather", c.Gather(part(rank, n), recv, root))
			if rank == root {
				same(t, "Gather", gathered, all)
			}
			got := make([]T, n)
			ok(t, "Scatter", c.Scatter(send, got, root))
			same(t, "Scatter", got, part(rank, n))

			// In place: the root's part is where it belongs, and stays.
			if rank == root {
				g := make([]T, size*n)
				copy(g[rank*n:], part(rank, n))
				ok(t, "Gather in place", c.Gather(mpi.InPlace, g, root))
				same(t, "Gather in place", g, all)
				ok(t, "Scatter in place", c.Scatter(all, mpi.InPlace, root))
			} else {
				ok(t, "Gather in place", c.Gather(part(rank, n), nil, root))
				got := make([]T, n)
				ok(t, "Scatter in place", c.Scatter(nil, got, root))
				same(t, "Scatter in place", got, part(rank, n))
			}
			unequal(t, c, part, root)
		}
		got := make([]T, size*n)
		ok(t, "Allgather", c.Allgather(part(rank, n), got))
		same(t, "Allgather", got, all)
		clear(got)
		copy(got[rank*n:], part(rank, n))
		ok(t, "Allgather in place", c.Allgather(mpi.InPlace, got))
		same(t, "Allgather in place", got, all)
	}
}

// unequal tries the calls for parts of unequal length: rank r has r elements.
func unequal[T comparable](t *testing.T, c mpi.Comm, part func(r, n int) []T, root int) {
	rank, size := c.Rank(), c.Size()
	mine := part(rank, rank)

	var packed []T
	counts := make([]int, size)
	for r := range size {
		counts[r] = r
		packed = append(packed, part(r, r)...)
	}
	// With displacements: backwards, and one element between the parts.
	displs := make([]int, size)
	at := 0
	for r := size - 1; r >= 0; r-- {
		displs[r] = at
		at += r + 1
	}
	spread := make([]T, at)
	for r := range size {
		copy(spread[displs[r]:], part(r, r))
	}

	for _, layout := range []struct {
		name   string
		displs []int
		whole  []T
	}{{"packed", nil, packed}, {"spread", displs, spread}} {
		got := make([]T, len(layout.whole))
		if rank == root {
			ok(t, "Gatherv", c.Gatherv(mine, got, counts, layout.displs, root))
			same(t, "Gatherv "+layout.name, got, layout.whole)
		} else {
			ok(t, "Gatherv", c.Gatherv(mine, nil, nil, nil, root))
		}
		part := make([]T, rank)
		if rank == root {
			ok(t, "Scatterv", c.Scatterv(layout.whole, counts, layout.displs, part, root))
		} else {
			ok(t, "Scatterv", c.Scatterv(nil, nil, nil, part, root))
		}
		same(t, "Scatterv "+layout.name, part, mine)

		clear(got)
		ok(t, "Allgatherv", c.Allgatherv(mine, got, counts, layout.displs))
		same(t, "Allgatherv "+layout.name, got, layout.whole)
	}
}
