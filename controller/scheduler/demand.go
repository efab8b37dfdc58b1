package scheduler

// demand counts the tasks that wait for an engine and that a further one might
// take: not those that may go to certain engines only, nor those that all engines
// refuse that there are.
func (b *Balanced) demand() int {
	n := b.open.len()
	for _, c := range b.classes {
		refused := c.condition != nil && len(b.workers) > 0 && len(c.condition.refusals) == len(b.workers)
		if c.except && !refused {
			n += c.len()
		}
	}
	return n
}
