package scheduler

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// onEngineUp puts a new engine first in line.
func (b *Balanced) onEngineUp(ev EngineUp) {
	if i := slices.IndexFunc(b.lost, func(w *worker) bool { return w.uuid == ev.UUID }); i >= 0 {
		b.bury(b.lost[i]) // it is another with the same name
		b.lost = slices.Delete(b.lost, i, i+1)
	}
	w := &worker{id: ev.ID, uuid: ev.UUID, pace: math.NaN()}
	if ev.Lasts > 0 {
		w.end = b.now + ev.Lasts
	}
	b.workers = slices.Insert(b.workers, 0, w)
	for _, c := range b.classes { // in any order: a heap has one
		if b.takes(w, c) {
			c.sit(w)
		}
	}
	b.update(w)
	b.moved = true
}

// onEngineDown gives a dead engine's replies time to arrive, and gives up the
// jobs that waited for it alone, unless they may go where they failed.
func (b *Balanced) onEngineDown(ev EngineDown) {
	i := slices.IndexFunc(b.workers, func(w *worker) bool { return w.uuid == ev.UUID })
	if i < 0 {
		return
	}
	w := b.workers[i]
	b.workers = slices.Delete(b.workers, i, i+1)
	w.gone, w.cause, w.until = true, ev.Cause, b.now+b.cfg.Grace
	b.away = slices.DeleteFunc(b.away, func(x *worker) bool { return x == w })
	b.update(w)
	stranded := b.vacate(w)
	switch {
	case w.n == 0:
	case b.cfg.Grace == 0:
		b.bury(w)
	default:
		b.lost = append(b.lost, w)
	}
	b.resettle(stranded)
}

// vacate has no job wait any more for an engine that takes nothing more, and
// returns those that waited for it alone.
func (b *Balanced) vacate(w *worker) (stranded []*job) {
	for _, s := range w.seats {
		c := s.class
		c.seats = slices.DeleteFunc(c.seats, func(x *seat) bool { return x == s })
		if len(c.seats) == 0 && len(c.engines) > 0 {
			stranded = slices.AppendSeq(stranded, c.all)
		}
	}
	w.seats, w.lapses = nil, nil
	stranded = append(stranded, b.forsake(w)...)
	if w.end > 0 { // others may have left it before
		for _, c := range b.classes { // in any order: they are sorted
			if c.walltime > 0 && len(c.engines) > 0 && len(c.seats) == 0 {
				stranded = slices.AppendSeq(stranded, c.all)
			}
		}
	}
	return stranded
}

// resettle finds out anew what jobs wait for that no engine may take now.
func (b *Balanced) resettle(stranded []*job) {
	slices.SortFunc(stranded, func(x, y *job) int { return cmp.Compare(x.order, y.order) })
	for _, j := range slices.Compact(stranded) {
		b.settle(j)
	}
}

// bury has the jobs of a dead engine run elsewhere, or answers in its stead.
func (b *Balanced) bury(w *worker) {
	ran := true // the first: the others were in its queue, as far as is known
	for w.first != nil {
		j := w.first
		w.drop(j)
		j.recalled = false
		if ran {
			j.deaths = append(j.deaths, fmt.Sprintf("engine %d: %s", w.id, w.cause))
		}
		switch a := b.epitaph(j, w, ran); {
		case a != nil:
			b.end(j, *a, ending{id: j.id, engine: w.uuid})
		default:
			j.retries--
			b.tried(j, "")
			b.requeue(j)
		}
		ran = false
	}
}

// epitaph answers for a dead engine, unless the job is to be tried again.
func (b *Balanced) epitaph(j *job, w *worker, ran bool) *Answer {
	again := j.retries > 0 && !j.aborted
	poison := again && b.cfg.CrashLimit > 0 && len(j.deaths) >= b.cfg.CrashLimit
	if again && !poison && b.elsewhere(j, w.uuid) {
		return nil
	}
	a := died(j.asked, &peer{id: w.id, uuid: w.uuid}, w.cause)
	switch {
	case poison:
		a = fail(j.asked, w.uuid, engineError, "task %q is not tried again: the engines that ran it died (%s)", j.id, strings.Join(j.deaths, "; "))
		a.Content.Deaths = j.deaths
	case !ran:
		a = fail(j.asked, w.uuid, engineError, "Engine %d died with task %q in its queue: %s", w.id, j.id, w.cause)
	}
	return &a
}
