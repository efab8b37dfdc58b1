package scheduler

import (
	"math"
	"slices"

	"muster/wire"
)

// Due implements Machine: ticks are wanted while a waiting task has a timeout,
// a dead engine's jobs wait for late replies, an engine is not connected, has
// refused tasks that wait, or ends too early for one that could still go there, or
// a task is behind another on an engine while one has nothing to do.
func (b *Balanced) Due() int {
	due := math.MaxInt
	if len(b.lost) > 0 {
		due = b.lost[0].until
	}
	if len(b.away) > 0 {
		due = min(due, b.away[0].away)
	}
	if len(b.alarms) > 0 {
		due = min(due, b.alarms[0].deadline)
	}
	for _, w := range b.workers {
		if len(w.refusals) > 0 {
			due = min(due, w.refusals[0].until)
		}
		due = min(due, w.lapsed())
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
	for _, w := range b.workers {
		if len(w.refusals) > 0 && w.refusals[0].until <= b.now {
			b.lift(w.refusals[0])
		}
	}
	b.lapse()
	for len(b.lost) > 0 && b.lost[0].until <= b.now {
		b.bury(b.lost[0])
		b.lost = b.lost[1:]
		b.moved = true
	}
	b.spread()
	for len(b.away) > 0 && b.away[0].away <= b.now {
		b.away[0].away = 0
		b.update(b.away[0])
		b.away = b.away[1:]
		b.moved = true
	}
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
			idle = idle || w.idle()
			queued = queued || w.n > 1
		}
	}
	return idle && queued
}

// recall asks back what an engine has that has been at one task for a whole
// tick, in which it should have finished them all: either that takes longer than
// those before it, or a client's direct request does. The engine keeps what runs.
// What it gives back goes to one that has nothing to do.
func (b *Balanced) recall() {
	var idle []*worker
	for _, w := range b.workers {
		if w.idle() {
			idle = append(idle, w)
		}
	}
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
		for j := w.first; j != nil; j = j.next {
			if j.recalled || j.aborted || !slices.ContainsFunc(idle, func(w *worker) bool { return b.may(j, w) }) {
				continue
			}
			j.recalled = true
			j.recall(w.uuid)
			ids = append(ids, j.id)
		}
		if len(ids) > 0 {
			b.do(Abort{Engine: w.uuid, IDs: ids})
		}
	}
}
