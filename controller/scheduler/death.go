package scheduler

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"muster/wire"
)

// onEngineUp puts a new engine first in line.
func (b *Balanced) onEngineUp(ev EngineUp) {
	if i := slices.IndexFunc(b.lost, func(w *worker) bool { return w.uuid == ev.UUID }); i >= 0 {
		b.bury(b.lost[i]) // it is another with the same name
		b.lost = slices.Delete(b.lost, i, i+1)
	}
	w := &worker{id: ev.ID, uuid: ev.UUID, pace: math.NaN()}
	b.workers = slices.Insert(b.workers, 0, w)
	for _, c := range b.classes { // in any order: a heap has one
		if c.takes(w.uuid) {
			c.sit(w)
		}
	}
	b.update(w)
	b.moved = true
}

// onEngineDown gives a dead engine's replies time to arrive, and gives up the
// jobs that waited for it alone.
func (b *Balanced) onEngineDown(ev EngineDown) {
	i := slices.IndexFunc(b.workers, func(w *worker) bool { return w.uuid == ev.UUID })
	if i < 0 {
		return
	}
	w := b.workers[i]
	b.workers = slices.Delete(b.workers, i, i+1)
	w.gone, w.cause, w.until = true, ev.Cause, b.now+b.cfg.Grace
	b.update(w)
	var stranded []*job
	for _, s := range w.seats {
		c := s.class
		c.seats = slices.DeleteFunc(c.seats, func(x *seat) bool { return x == s })
		if len(c.seats) == 0 && !c.except {
			stranded = slices.AppendSeq(stranded, c.all)
		}
	}
	w.seats = nil
	switch {
	case w.n == 0:
	case b.cfg.Grace == 0:
		b.bury(w)
	default:
		b.lost = append(b.lost, w)
	}
	slices.SortFunc(stranded, func(x, y *job) int { return cmp.Compare(x.order, y.order) })
	for _, j := range stranded {
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
			b.do(*a)
			b.finish(j, ending{id: j.id, engine: w.uuid})
		default:
			j.retries--
			b.settle(j)
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
	case !ran:
		a = fail(j.asked, w.uuid, engineError, "Engine %d died with task %q in its queue: %s", w.id, j.id, w.cause)
	}
	return &a
}

// Due implements Machine: ticks are wanted while a waiting task has a timeout,
// a dead engine's jobs wait for late replies, or a task is behind another on
// an engine while one that it could go to has nothing to do.
func (b *Balanced) Due() int {
	due := math.MaxInt
	if len(b.lost) > 0 {
		due = b.lost[0].until
	}
	if len(b.alarms) > 0 {
		due = min(due, b.alarms[0].deadline)
	}
	if due > b.now+1 && b.uneven() {
		due = b.now + 1
	}
	if due == math.MaxInt {
		return 0
	}
	return max(1, due-b.now)
}

func (b *Balanced) onTick(ev Tick) {
	b.now += ev.N
	for len(b.lost) > 0 && b.lost[0].until <= b.now {
		b.bury(b.lost[0])
		b.lost = b.lost[1:]
		b.moved = true
	}
	b.spread()
	for len(b.alarms) > 0 && b.alarms[0].deadline <= b.now {
		j := b.alarms[0].job
		b.giveUp(j, refuse(j, taskTimeout, "task %q was not started within %g s: it %s", j.id, float64(j.timeout)*b.cfg.Tick, b.reason(j)))
		b.spread()
	}
	if b.uneven() {
		b.recall()
	}
}

// uneven tells whether some engine has nothing to do and another has more than
// one task, by this machine's choice.
func (b *Balanced) uneven() bool {
	idle, queued := false, false
	if b.hwm == 0 {
		for _, w := range b.workers {
			idle = idle || w.n == 0
			queued = queued || w.n > 1
		}
	}
	return idle && queued
}

// recall asks back what queues behind a task that has run for a whole tick, in
// which an engine's queue should have been finished: the task takes longer than
// those before it. What the engine gives back goes to one that has nothing to do.
func (b *Balanced) recall() {
	for _, w := range b.workers {
		stuck := w.first != nil && w.first.order == w.before
		w.before = 0
		if w.n < 2 {
			continue
		}
		w.before = w.first.order
		if !stuck {
			continue
		}
		w.pace = max(w.pace, b.cfg.Tick)
		b.update(w)
		var ids []wire.MsgID
		for j := w.first.next; j != nil; j = j.next {
			if !j.recalled && !j.aborted {
				j.recalled = true
				if !slices.Contains(j.seen, w.uuid) {
					j.seen = append(j.seen, w.uuid)
				}
				ids = append(ids, j.id)
			}
		}
		if len(ids) > 0 {
			b.do(Abort{Engine: w.uuid, IDs: ids})
		}
	}
}
