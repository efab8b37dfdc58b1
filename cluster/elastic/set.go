package elastic

import (
	"cmp"
	"math"
)

// A set is what is remembered of a Set. Times are the machine's.
type set struct {
	Set
	born    int // when it was first seen
	entered int // when it came into its state
	rested  int // since when it runs and its engines have had nothing to do
	worked  bool
	order   int // among those that there are
}

// update takes what is seen of the set now.
func (s *set) update(seen Set, now int) {
	if s.State != seen.State {
		s.entered = now
	}
	if s.State != seen.State || seen.Busy > 0 {
		s.rested = now
	}
	s.Set = seen
	s.worked = s.worked || seen.Busy > 0
}

// before orders sets as they are removed: those first that have not got so far,
// of those the one whose job ends first, as it is of the least use; if there is no
// telling, the youngest.
func before(s, t *set) int {
	return cmp.Or(cmp.Compare(s.State, t.State), cmp.Compare(s.left(), t.left()), cmp.Compare(t.order, s.order))
}

// left is how long the job has left, most of all if there is no telling.
func (s *set) left() int {
	if s.Left > 0 {
		return s.Left
	}
	return math.MaxInt
}
