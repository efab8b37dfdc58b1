package scheduler

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"muster/wire"
)

// A line is a sorted list, with less to do.
func TestLine(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var l line
		var sorted []*job
		priorities := 1 + rng.IntN(3)
		for order := range uint64(2000) {
			switch n := rng.IntN(10); {
			case n < 5 || len(sorted) == 0 && n < 9:
				j := &job{asked: asked{order: order}, priority: rng.IntN(priorities)}
				if rng.IntN(5) == 0 {
					j.order -= uint64(rng.IntN(int(order + 1))) // it has been here before
				}
				l.push(j)
				i, _ := slices.BinarySearchFunc(sorted, j, func(x, y *job) int {
					if x.before(y) {
						return -1
					}
					return 1
				})
				sorted = slices.Insert(sorted, i, j)
			case n < 8 && len(sorted) > 0:
				l.remove(l.first())
				sorted = slices.Delete(sorted, 0, 1)
			case len(sorted) > 0:
				i := rng.IntN(len(sorted))
				l.remove(sorted[i])
				sorted = slices.Delete(sorted, i, i+1)
			}
			if l.len() != len(sorted) {
				t.Fatalf("seed %d: %d jobs, want %d", seed, l.len(), len(sorted))
			}
			if first := l.first(); len(sorted) > 0 && (first.order != sorted[0].order || first.priority != sorted[0].priority) || len(sorted) == 0 && first != nil {
				t.Fatalf("seed %d: the first is %+v", seed, first)
			}
			if len(sorted) > 0 && l.first() != sorted[0] {
				sorted[slices.Index(sorted, l.first())], sorted[0] = sorted[0], l.first() // equals
			}
		}
		if left := len(slices.Collect(l.all)); left != len(sorted) {
			t.Fatalf("seed %d: %d are listed, %d are there", seed, left, len(sorted))
		}
	}
}

// Outcomes are remembered whatever ids look like, and within a bound.
func TestFinished(t *testing.T) {
	var f finished
	ids := []wire.MsgID{"s_1_7", "s_1_07", "s_1_", "s_1", "7", "07", "", "x", "s_1_99999999999999999999", "s_1_9223372036854775807", "s_2_7"}
	for i, id := range ids {
		if _, _, known := f.outcome(id); known {
			t.Errorf("%q is known before it came", id)
		}
		f.record(id, wire.EngineUUID(fmt.Sprint(i%3)), i%2 == 0)
	}
	for i, id := range ids {
		if engine, ok, known := f.outcome(id); engine != wire.EngineUUID(fmt.Sprint(i%3)) || ok != (i%2 == 0) || !known {
			t.Errorf("%q: %q, %t, %t", id, engine, ok, known)
		}
	}
	f.record("s_1_7", "", true)
	if engine, ok, _ := f.outcome("s_1_7"); engine != "" || !ok {
		t.Errorf("the last outcome of an id counts, not %q, %t", engine, ok)
	}
	for n := range 2 * maxPages * pageSize {
		f.record(wire.MsgID(fmt.Sprint("t_", n)), "e", true)
	}
	if _, _, known := f.outcome("s_2_7"); known || len(f.pages) != maxPages {
		t.Errorf("%d pages are kept", len(f.pages))
	}
	for _, n := range []int{maxPages * pageSize, 2*maxPages*pageSize - 1} {
		if _, _, known := f.outcome(wire.MsgID(fmt.Sprint("t_", n))); !known {
			t.Errorf("t_%d is forgotten, one of the latest", n)
		}
	}
}
