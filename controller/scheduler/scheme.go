package scheduler

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A Scheme is a way to pick an engine for a task (protocol section 10).
type Scheme string

// The schemes. Pure is least recently used with no bound on what an engine
// holds, as ZeroMQ's round robin would do; clients offer no options under it.
// None schedules nothing: each task is answered with an error that says so.
const (
	LeastLoad   Scheme = "leastload"
	LRU         Scheme = "lru"
	PlainRandom Scheme = "plainrandom"
	TwoBin      Scheme = "twobin"
	Weighted    Scheme = "weighted"
	Pure        Scheme = "pure"
	None        Scheme = "none"
)

// A chooser picks an engine: it is given the loads of those that may take the
// task, least recently used first and at least one, and returns an index.
type chooser func(loads []int, rng *rand.Rand) int

var choosers = map[Scheme]chooser{
	LeastLoad:   leastLoad,
	LRU:         leastRecent,
	PlainRandom: plainRandom,
	TwoBin:      twoBin,
	Weighted:    weighted,
	Pure:        leastRecent,
	None:        nil,
}

// Validate refuses a scheme that is not known.
func (s Scheme) Validate() error {
	if _, known := choosers[s]; !known {
		var known []string
		for s := range choosers {
			known = append(known, string(s))
		}
		slices.Sort(known)
		return fmt.Errorf("scheme %q: want one of %s", s, strings.Join(known, ", "))
	}
	return nil
}

// leastLoad picks the lowest load, and of equals the least recently used.
func leastLoad(loads []int, _ *rand.Rand) int {
	best := 0
	for i, l := range loads {
		if l < loads[best] {
			best = i
		}
	}
	return best
}

// leastRecent picks the least recently used.
func leastRecent([]int, *rand.Rand) int { return 0 }

// plainRandom picks any.
func plainRandom(loads []int, rng *rand.Rand) int { return rng.IntN(len(loads)) }

// twoBin picks two at random, and of these the less recently used.
func twoBin(loads []int, rng *rand.Rand) int {
	return min(rng.IntN(len(loads)), rng.IntN(len(loads)))
}

// weighted picks two at random, and one of these with odds against its load.
func weighted(loads []int, rng *rand.Rand) int {
	a, b := rng.IntN(len(loads)), rng.IntN(len(loads))
	// An engine with no load counts as one tenth of a task.
	la, lb := 10*loads[a]+1, 10*loads[b]+1
	if rng.IntN(la+lb) < lb {
		return a
	}
	return b
}
