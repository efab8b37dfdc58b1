package scheduler

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestLeastLoad(t *testing.T) {
	for _, c := range []struct {
		loads []int
		want  int
	}{{[]int{0}, 0}, {[]int{1, 0, 0}, 1}, {[]int{3, 2, 1}, 2}, {[]int{1, 1}, 0}} {
		if got := leastLoad(c.loads, nil); got != c.want {
			t.Errorf("of %v: %d, want %d", c.loads, got, c.want)
		}
	}
}

// Every scheme stays within the list, and the random ones spread as they say.
func TestChoosers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 30000
	share := func(s Scheme, loads []int) []float64 {
		hits := make([]float64, len(loads))
		for range n {
			hits[choosers[s](loads, rng)] += 1.0 / n
		}
		return hits
	}
	near := func(s Scheme, loads []int, want ...float64) {
		t.Helper()
		for i, got := range share(s, loads) {
			if got < want[i]-0.02 || got > want[i]+0.02 {
				t.Errorf("%s of %v: engine %d is chosen %.3f of the time, want %.3f", s, loads, i, got, want[i])
			}
		}
	}
	near(LeastLoad, []int{2, 1, 1}, 0, 1, 0)
	near(LRU, []int{9, 0}, 1, 0)
	near(Pure, []int{9, 0}, 1, 0)
	near(PlainRandom, []int{5, 0, 0}, 1./3, 1./3, 1./3)
	near(TwoBin, []int{0, 0, 0}, 5./9, 3./9, 1./9)
	// Of two different ones, which are drawn half of the time, the idle one
	// wins by 11 to 1.
	near(Weighted, []int{1, 0}, 0.25+0.5/12, 0.25+0.5*11/12)
}

func TestSchemeValidate(t *testing.T) {
	for s := range choosers {
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
	}
	if err := Scheme("fastest").Validate(); err == nil || !strings.Contains(err.Error(), "leastload, lru, none, plainrandom") {
		t.Errorf("an unknown scheme: %v", err)
	}
}
