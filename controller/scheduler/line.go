package scheduler

import "slices"

// A line holds waiting jobs: those of higher priority first, and of equals the
// one that was submitted first. Most jobs come in that order and are appended
// to a run; the others (tried before, held back by a dependency, of a higher
// priority) go to a heap. So a job costs the same whether ten wait or a million.
type line struct {
	// In order, with nil for those that were taken out. run[:head] is gone;
	// if more follows, it begins and ends with a job.
	run  []*job
	head int
	base int // the place of run[0], counted from the line's beginning
	left int // jobs in run
	rest heap[*job]
}

// before tells whether the job goes first.
func (j *job) before(k *job) bool {
	if j.priority != k.priority {
		return j.priority > k.priority
	}
	return j.order < k.order
}

func (j *job) place() *int { return &j.slot }

func (l *line) len() int { return l.left + len(l.rest) }

// first returns the job whose turn it is, nil if none waits.
func (l *line) first() *job {
	switch {
	case l.left == 0 && len(l.rest) == 0:
		return nil
	case l.left == 0 || len(l.rest) > 0 && l.rest[0].before(l.run[l.head]):
		return l.rest[0]
	}
	return l.run[l.head]
}

func (l *line) push(j *job) {
	if j.late = l.left > 0 && j.before(l.run[len(l.run)-1]); j.late {
		l.rest.push(j)
		return
	}
	j.slot = l.base + len(l.run)
	l.run = append(l.run, j)
	l.left++
}

func (l *line) remove(j *job) {
	if j.late {
		l.rest.remove(j)
		return
	}
	l.run[j.slot-l.base] = nil
	l.left--
	if l.left == 0 {
		l.base += len(l.run)
		l.run, l.head = l.run[:0], 0
		if cap(l.run) > 1<<10 {
			l.run = nil
		}
		return
	}
	for l.run[l.head] == nil {
		l.head++
	}
	for l.run[len(l.run)-1] == nil {
		l.run = l.run[:len(l.run)-1]
	}
	if len(l.run) > 2*l.left { // pays for itself: as many were removed
		l.run = slices.DeleteFunc(l.run, func(j *job) bool { return j == nil })
		l.head = 0
		for i, j := range l.run {
			j.slot = l.base + i
		}
	}
}

// all yields the jobs in no order that matters.
func (l *line) all(yield func(*job) bool) {
	for _, j := range l.run[l.head:] {
		if j != nil && !yield(j) {
			return
		}
	}
	for _, j := range l.rest {
		if !yield(j) {
			return
		}
	}
}
