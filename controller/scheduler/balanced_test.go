package scheduler

import (
	"slices"
	"testing"
)

// check walks the whole state: every index agrees with every other, nothing
// waits that could run, and what has finished is nowhere.
func (b *Balanced) check(t *testing.T) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("invariant: "+format, args...)
	}
	if b.out != nil && (len(b.ended) > 0 || b.moved) {
		fail("%d ends are untold, moved is %t", len(b.ended), b.moved)
	}
	vacant, held, waiting, alarms := 0, 0, 0, 0
	for i, w := range append(slices.Clone(b.workers), b.lost...) {
		if w.gone != (i >= len(b.workers)) {
			fail("engine %s is among the dead, or not", w.uuid)
		}
		if w.room != (!w.gone && !w.draining && w.away == 0 && w.n < b.limit(w)) {
			fail("engine %s has %d of %d tasks and is counted otherwise", w.uuid, w.n, b.limit(w))
		}
		if w.room {
			vacant++
		}
		if !w.gone && (w.away > 0) != slices.Contains(b.away, w) || w.gone && slices.Contains(b.away, w) {
			fail("engine %s is not connected, or it is", w.uuid)
		}
		if b.cfg.HWM > 0 && b.cfg.Scheme != Pure && w.n > b.cfg.HWM {
			fail("engine %s has %d tasks, more than %d", w.uuid, w.n, b.cfg.HWM)
		}
		n, last := 0, (*job)(nil)
		for j := w.first; j != nil; j = j.next {
			if j.on != w || j.prev != last || b.jobs[j.id] != j || j.class != nil || j.deadline != 0 {
				fail("task %s is on %s and does not know it", j.id, w.uuid)
			}
			n, last = n+1, j
		}
		if n != w.n || last != w.last {
			fail("engine %s counts %d tasks, has %d", w.uuid, w.n, n)
		}
		held += n
		for i, s := range w.seats {
			if s.worker != w || s.slot != i || !slices.Contains(s.class.seats, s) || b.classes[s.class.key] != s.class || !b.takes(w, s.class) || w.gone {
				fail("engine %s has a seat that is not right", w.uuid)
			}
			if i > 0 && s.before(w.seats[(i-1)/2]) {
				fail("the seats of engine %s are out of order", w.uuid)
			}
		}
	}
	for _, w := range b.workers {
		ends := 0
		for _, s := range w.seats {
			if s.ends() {
				ends++
			}
		}
		if ends != len(w.lapses) || w.lapsed() <= b.now || w.draining && (w.room || len(w.seats) > 0) {
			fail("engine %s lasts for %d ticks, %d classes leave it then, %d are counted", w.uuid, w.end-b.now, ends, len(w.lapses))
		}
		for i, l := range w.lapses {
			if l.exit != i || i > 0 && l.before(w.lapses[(i-1)/2]) || !slices.Contains(w.seats, l.seat) {
				fail("the classes that leave engine %s are out of order", w.uuid)
			}
		}
	}
	if vacant != b.vacant {
		fail("%d engines have room, %d are counted", vacant, b.vacant)
	}
	classes := []*class{&b.open}
	for key, c := range b.classes {
		if c.key != key || c.len() == 0 || !slices.IsSorted(c.engines) || c.except && len(c.engines) == 0 && c.condition == nil && c.walltime == 0 {
			fail("class %q of %d is filed under %q", c.key, c.len(), key)
		}
		seats := 0
		for _, w := range b.workers {
			if b.takes(w, c) {
				seats++
			}
		}
		refused := slices.ContainsFunc(b.workers, func(w *worker) bool {
			return slices.Contains(c.engines, w.uuid) && (c.condition.refuses(w.uuid) || !b.fits(w, c.walltime))
		})
		if seats != len(c.seats) || seats == 0 && !c.except && !refused {
			fail("class %q has %d seats, %d engines may take it", key, len(c.seats), seats)
		}
		classes = append(classes, c)
	}
	for _, c := range classes {
		n := 0
		for j := range c.all {
			n++
			if j.class != c || j.on != nil || b.jobs[j.id] != j {
				fail("task %s waits in class %q and does not know it", j.id, c.key)
			}
			if j != c.first() && j.before(c.first()) {
				fail("task %s is before %s, the first of class %q", j.id, c.first().id, c.key)
			}
			engines, except := j.reach()
			if !slices.Equal(engines, c.engines) || j.condition != c.condition || j.walltime != c.walltime || except != c.except || !j.after.ready() || !j.follow.ready() {
				fail("task %s waits in class %q", j.id, c.key)
			}
			for _, w := range b.workers {
				if w.room && b.takes(w, c) {
					fail("task %s waits, though %s could take it", j.id, w.uuid)
				}
			}
		}
		if n != c.len() {
			fail("class %q counts %d tasks, has %d", c.key, c.len(), n)
		}
		waiting += n
	}
	if waiting != b.ready {
		fail("%d tasks wait for room, %d are counted", waiting, b.ready)
	}
	for id, j := range b.jobs {
		if j.id != id {
			fail("task %s is filed under %s", j.id, id)
		}
		if j.on == nil && j.class == nil {
			held++ // waits for others
			engines, _ := j.reach()
			live := slices.ContainsFunc(b.workers, func(w *worker) bool { return !w.draining && slices.Contains(engines, w.uuid) })
			if j.after.ready() && (j.follow == nil || j.follow.ready() && (live || j.follow.open == 0)) {
				fail("task %s waits for nothing", id)
			}
		}
		if j.on == nil && j.hopeless() != "" {
			fail("task %s waits, though %s", id, j.hopeless())
		}
		if j.deadline > 0 {
			alarms++
			if j.on != nil || b.alarms[j.alarm].job != j || j.deadline <= b.now {
				fail("task %s has a deadline at %d, it is %d", id, j.deadline, b.now)
			}
		}
		if (j.deadline > 0) != (j.on == nil && j.timeout > 0) {
			fail("task %s has a deadline, or lacks one", id)
		}
		for child, roles := range j.children {
			if b.jobs[child.id] != child {
				fail("task %s remembers %s, which has finished", id, child.id)
			}
			if roles&isAfter != 0 && !slices.Contains(child.after.ids, id) || roles&isFollow != 0 && !slices.Contains(child.follow.ids, id) {
				fail("task %s has %s for a child", id, child.id)
			}
		}
		for _, d := range [...]*dependency{j.after, j.follow} {
			open := 0
			for i := 0; d != nil && i < len(d.ids); i++ {
				if p := b.jobs[d.ids[i]]; p != nil && p.children[j] != 0 {
					open++
				}
			}
			if d != nil && open != d.open {
				fail("task %s waits for %d tasks, counts %d", id, open, d.open)
			}
		}
	}
	checkConditions(t, b)
	if held+waiting != len(b.jobs) || alarms != len(b.alarms) {
		fail("%d tasks and %d alarms are somewhere, %d and %d are known", held+waiting, alarms, len(b.jobs), len(b.alarms))
	}
}

// checkConditions walks what engines have refused.
func checkConditions(t *testing.T, b *Balanced) {
	t.Helper()
	jobs := make(map[*condition]int)
	for _, j := range b.jobs {
		if c := j.condition; c != nil {
			jobs[c]++
			if !c.own() && b.conditions[c.key] != c {
				t.Fatalf("invariant: the condition %s of task %s is not known", c.key, j.id)
			}
		}
	}
	for c, n := range jobs {
		if n != c.jobs || c.own() && n > 1 {
			t.Fatalf("invariant: condition %s is of %d tasks, counts %d", c.key, n, c.jobs)
		}
		for _, k := range c.classes {
			if k.condition != c || b.classes[k.key] != k {
				t.Fatalf("invariant: condition %s has class %s", c.key, k.key)
			}
		}
		for uuid, r := range c.refusals {
			w := r.worker
			if r.condition != c || w.uuid != uuid || !r.lifted && (w.gone || w.refusals[r.slot] != r) {
				t.Fatalf("invariant: the refusal of %s by %s is not its", c.key, uuid)
			}
		}
	}
	for key, c := range b.conditions {
		if jobs[c] == 0 {
			t.Fatalf("invariant: nothing has the condition %s", key)
		}
	}
	for _, w := range append(slices.Clone(b.workers), b.lost...) {
		for i, r := range w.refusals {
			if r.lifted || r.slot != i || r.worker != w || r.condition.refusals[w.uuid] != r || jobs[r.condition] == 0 || i > 0 && r.before(w.refusals[(i-1)/2]) {
				t.Fatalf("invariant: refusal %d of engine %s is not right", i, w.uuid)
			}
		}
	}
}
