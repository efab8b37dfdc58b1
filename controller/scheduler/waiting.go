package scheduler

import (
	"cmp"
	"maps"
	"slices"

	"muster/wire"
)

// Of all that wait, so many reasons are told, and so many tasks of each are
// named. The tasks that depend on others, which may be a million, are looked at
// while they name no more than so many others in all.
const (
	maxReasons = 100
	maxNamed   = 10
	maxParents = 1 << 20
)

// roster is what tasks wait for, by reason, in the order in which it was found.
type roster struct {
	groups []wire.Waiting
	place  map[string]int // in groups, by reason
	more   int            // tasks that are in none
}

// add counts n jobs that wait for the same, of which it names some.
func (r *roster) add(reason string, n int, jobs func(yield func(*job) bool)) {
	i, known := r.place[reason]
	if !known {
		if i = len(r.groups); i == maxReasons {
			r.more += n
			return
		}
		r.place[reason] = i
		r.groups = append(r.groups, wire.Waiting{Reason: reason})
	}
	g := &r.groups[i]
	g.Count += n
	jobs(func(j *job) bool {
		if len(g.Tasks) < maxNamed {
			g.Tasks = append(g.Tasks, j.id)
		}
		return len(g.Tasks) < maxNamed
	})
}

// waiting says what all tasks wait for that do: for an engine, for others to be
// done, or in the queue of an engine.
func (b *Balanced) waiting() ([]wire.Waiting, int) {
	r := roster{place: make(map[string]int)}
	classes := slices.Collect(maps.Values(b.classes))
	if b.open.len() > 0 {
		classes = append(classes, &b.open)
	}
	slices.SortFunc(classes, func(x, y *class) int { return cmp.Compare(x.first().order, y.first().order) })
	for _, c := range classes {
		if len(r.groups) == maxReasons {
			r.more += c.len()
			continue
		}
		r.add(b.reason(c.first()), c.len(), c.all)
	}
	var bound []*job
	for _, j := range b.jobs {
		if j.on == nil && j.class == nil {
			bound = append(bound, j)
		}
	}
	slices.SortFunc(bound, func(x, y *job) int { return cmp.Compare(x.order, y.order) })
	parents := 0
	for i, j := range bound {
		for _, d := range [...]*dependency{j.after, j.follow} {
			if d != nil {
				parents += len(d.ids)
			}
		}
		if parents > maxParents {
			r.more += len(bound) - i
			break
		}
		r.add(b.reason(j), 1, func(yield func(*job) bool) { yield(j) })
	}
	for _, w := range append(b.byID(), b.lost...) {
		j, n := w.first, w.n
		if j != nil && !w.gone {
			j, n = j.next, n-1 // the first runs
		}
		if j != nil {
			r.add(b.reason(j), n, j.andBehind)
		}
	}
	return r.groups, r.more
}

// andBehind yields a job on an engine and those in the queue behind it.
func (j *job) andBehind(yield func(*job) bool) {
	for ; j != nil && yield(j); j = j.next {
	}
}
