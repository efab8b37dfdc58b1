package scheduler

import "math"

// demand counts the tasks that wait for an engine and that a further one might
// take: not those that may go to certain engines only, nor those that all engines
// refuse that there are. Of these, late are those that no engine there will ever
// take, as its job ends too soon.
func (b *Balanced) demand() (ready, late int) {
	engines, end := 0, 0 // those that take tasks, and when the last of their jobs ends
	for _, w := range b.workers {
		if w.draining {
			continue
		}
		if engines++; w.end == 0 {
			end = math.MaxInt
		}
		end = max(end, w.end)
	}
	ready = b.open.len()
	for _, c := range b.classes {
		refused := c.condition != nil && engines > 0 && len(c.condition.refusals) == engines
		if !c.except || refused {
			continue
		}
		ready += c.len()
		if engines > 0 && c.walltime > end-b.now {
			late += c.len()
		}
	}
	return ready, late
}
