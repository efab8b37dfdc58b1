package scheduler

import (
	"math"
	"slices"
)

// assign sends a job to an engine that it may go to and that has room, as the
// scheme has it, and tells whether there is one. By default one that has
// nothing to do comes before one that only has room.
func (b *Balanced) assign(j *job) bool {
	if !j.after.ready() || !j.follow.ready() {
		return false
	}
	engines, except := j.reach()
	b.free = b.free[:0]
	least := math.MaxInt
	for _, w := range b.workers {
		if w.room && (except && len(engines) == 0 || slices.Contains(engines, w.uuid) != except) && b.serves(w, j.condition, j.walltime) {
			b.free = append(b.free, w)
			least = min(least, w.n)
		}
	}
	if b.hwm == 0 && least == 0 {
		b.free = slices.DeleteFunc(b.free, func(w *worker) bool { return w.n > 0 })
	}
	switch len(b.free) {
	case 0:
		return false
	case 1:
		b.give(j, b.free[0])
		return true
	}
	b.loads = b.loads[:0]
	for _, w := range b.free {
		b.loads = append(b.loads, w.n)
	}
	b.give(j, b.free[b.choose(b.loads, b.rng)])
	return true
}

// give sends a job to an engine, which becomes the most recently used.
func (b *Balanced) give(j *job, w *worker) {
	if j.class != nil {
		b.unwait(j)
	}
	b.calm(j)
	w.add(j)
	b.update(w)
	i := slices.Index(b.workers, w)
	copy(b.workers[i:], b.workers[i+1:])
	b.workers[len(b.workers)-1] = w
	b.do(Placed{j.id, w.uuid}, j.send(w))
}

// next returns the waiting job whose turn it is at an engine, or nil.
func (b *Balanced) next(w *worker) *job {
	j := b.open.first()
	if len(w.seats) > 0 {
		if k := w.seats[0].class.first(); j == nil || k.before(j) {
			return k
		}
	}
	return j
}

// fill gives an engine waiting jobs while it has room. No other has room for
// these, or they would not wait.
func (b *Balanced) fill(w *worker) {
	for w.room && !b.moved {
		j := b.next(w)
		if j == nil {
			return
		}
		b.give(j, w)
	}
}

// dispatch assigns waiting jobs in order while some engine has room for one.
func (b *Balanced) dispatch() {
	for b.vacant > 0 && b.ready > 0 {
		var first *job
		for _, w := range b.workers {
			if !w.room {
				continue
			}
			if j := b.next(w); j != nil && (first == nil || j.before(first)) {
				first = j
			}
		}
		if first == nil {
			return
		}
		b.assign(first)
	}
}
