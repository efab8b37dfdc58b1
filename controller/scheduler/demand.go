package scheduler

// demand counts the tasks that wait for an engine and that a further one might
// take: not those that may go to certain engines only, nor those that all engines
// refuse that there are.
func (b *Balanced) demand() int {
	n, engines := b.open.len(), 0
	for _, w := range b.workers {
		if !w.draining {
			engines++
		}
	}
	for _, c := range b.classes {
		refused := c.condition != nil && engines > 0 && len(c.condition.refusals) == engines
		if c.except && !refused {
			n += c.len()
		}
	}
	return n
}
