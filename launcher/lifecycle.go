package launcher

import "sync"

// lifecycle is the part that all jobs share: a state that moves forward, and
// the first failure.
type lifecycle struct {
	reached [Ended + 1]chan struct{} // closed when the state is reached
	failed  chan struct{}            // closed when err is set
	ends    chan End                 // closed when the job has ended

	mu       sync.Mutex
	state    State
	stopping bool
	pending  Waiting
	err      error
}

// newLifecycle is that of a job of which n ends will be told.
func newLifecycle(n int) *lifecycle {
	l := &lifecycle{failed: make(chan struct{}), ends: make(chan End, n)}
	for i := range l.reached {
		l.reached[i] = make(chan struct{})
	}
	close(l.reached[Queued])
	return l
}

func (l *lifecycle) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *lifecycle) Wait(s State) <-chan struct{} { return l.reached[s] }

func (l *lifecycle) Failed() <-chan struct{} { return l.failed }

func (l *lifecycle) Ends() <-chan End { return l.ends }

func (l *lifecycle) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *lifecycle) Pending() Waiting {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != Queued {
		return Waiting{}
	}
	return l.pending
}

// wait notes what the job waits for, and says whether the reason is news.
func (l *lifecycle) wait(w Waiting) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	news := l.pending.Reason != w.Reason
	l.pending = w
	return news
}

// advance moves to state s through all the states before it.
func (l *lifecycle) advance(s State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.state < s {
		l.state++
		close(l.reached[l.state])
		if l.state == Ended {
			close(l.ends)
		}
	}
}

// over notes the end of a copy, before the job's own. Of ends that two
// goroutines see, the first counts.
func (l *lifecycle) over(e End) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state < Ended && len(l.ends) < cap(l.ends) {
		l.ends <- e
	}
}

// stop notes that the ends to come were asked for.
func (l *lifecycle) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopping = true
}

func (l *lifecycle) isStopping() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopping
}

// fail notes a bad end, unless it was asked for or is not the first.
func (l *lifecycle) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping || l.err != nil {
		return
	}
	l.err = err
	close(l.failed)
}
