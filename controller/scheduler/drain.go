package scheduler

// An engine that drains finishes what it has begun and then ends. The tasks of
// its queue it gives back as if they demanded what it has not, which says as
// well that it drains; they go elsewhere, and it has cost them no retry.

func (b *Balanced) onEngineDraining(ev EngineDraining) {
	if w := b.worker(ev.UUID); w != nil {
		b.drain(w)
	}
}

// drain has an engine be given nothing more. Jobs that waited for it alone are
// given up, unless they may go where they failed.
func (b *Balanced) drain(w *worker) {
	if w.draining {
		return
	}
	w.draining = true
	b.update(w)
	b.resettle(b.vacate(w))
}

// drained says which of the engines that a job might go to drain.
func (b *Balanced) drained(j *job) string {
	switch all := b.reached(j, func(w *worker) bool { return w.draining }); len(all) {
	case 0:
		return ""
	case 1:
		return plural(all) + " drains: it takes nothing more"
	default:
		return plural(all) + " drain: they take nothing more"
	}
}
