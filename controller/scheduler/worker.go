package scheduler

import (
	"math"

	"muster/wire"
)

// A worker is an engine and the jobs it has, in the order in which they were
// sent: it runs the first, the others are in its queue.
type worker struct {
	id          wire.EngineID
	uuid        wire.EngineUUID
	first, last *job
	n           int
	seats       heap[*seat] // classes whose jobs it may take, those for anyone aside
	lapses      heap[lapse] // those that it may take for a while only
	refusals    heap[*refusal]
	room        bool // it is counted in vacant

	// How long its tasks take, in seconds: an average that rises faster than
	// it falls. NaN until one is known.
	pace float64
	// The first job when a tick last looked.
	before uint64 // its order

	// When its job ends, in ticks; 0 if that is not known. It takes nothing more
	// when it drains.
	end      int
	draining bool

	// When it may have tasks again, in ticks, if it is not connected.
	away int

	// Once it is dead:
	gone  bool
	cause string
	until int // when its jobs are given up, in ticks
}

func (w *worker) add(j *job) {
	j.on, j.prev = w, w.last
	if w.last == nil {
		w.first = j
	} else {
		w.last.next = j
	}
	w.last = j
	w.n++
}

func (w *worker) drop(j *job) {
	if j.prev == nil {
		w.first = j.next
	} else {
		j.prev.next = j.next
	}
	if j.next == nil {
		w.last = j.prev
	} else {
		j.next.prev = j.prev
	}
	j.on, j.prev, j.next = nil, nil, nil
	w.n--
}

// Tasks in an engine's queue spare it the wait for the next one, which is
// longer than a short task takes. But what is there cannot be run elsewhere. So
// no more than prefetch tasks queue on an engine, and no more than it is
// expected to finish within patience, in seconds.
const (
	prefetch = 31
	patience = 5e-3
)

// limit is how many tasks an engine may have: hwm if it was given, no bound if
// that is negative. By default one, and more while its tasks are short.
func (b *Balanced) limit(w *worker) int {
	switch {
	case b.hwm > 0:
		return b.hwm
	case b.hwm < 0:
		return math.MaxInt
	case !(w.pace < patience): // as NaN is not
		return 1
	}
	return 1 + int(min(prefetch, patience/w.pace))
}

// update counts an engine among those with room, or no longer.
func (b *Balanced) update(w *worker) {
	room := !w.gone && !w.draining && w.away == 0 && w.n < b.limit(w)
	if room == w.room {
		return
	}
	if w.room = room; room {
		b.vacant++
	} else {
		b.vacant--
	}
}

// idle tells whether an engine has nothing to do and could have.
func (w *worker) idle() bool { return w.n == 0 && w.room }

// observe learns from a reply how long a task took, by the engine's own clock.
// Only an engine that counts its outputs gives tasks back while it runs another
// (protocol section 17): no other is ever sent more than one.
func (w *worker) observe(o *outcome, m *wire.Message) {
	took := m.Header.Date.Sub(o.Started.Time).Seconds()
	if o.Outputs == nil || o.Started.IsZero() || took < 0 {
		return
	}
	switch took = max(took, 1e-6); {
	case w.pace != w.pace: // NaN
		w.pace = took
	case took > w.pace:
		w.pace += (took - w.pace) / 2
	default:
		w.pace += (took - w.pace) / 4
	}
}
