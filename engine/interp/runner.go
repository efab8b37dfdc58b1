package interp

import "runtime"

// A runner is a goroutine that user code runs on, one call after the other: a
// stack that has grown once need not grow again for every call. It ends when it
// has been dropped and its call, if any, has ended.
type runner struct {
	calls chan func() outcome
	ended chan outcome // of length 1, so that a call that was given up can end
	id    uint64       // of the goroutine
}

func newRunner() *runner {
	r := &runner{calls: make(chan func() outcome), ended: make(chan outcome, 1)}
	calls, ended, id := r.calls, r.ended, make(chan uint64, 1) // of r itself nothing is kept
	go func() {
		id <- goroutineID()
		for call := range calls {
			ended <- call()
		}
	}()
	r.id = <-id
	runtime.AddCleanup(r, func(calls chan func() outcome) { close(calls) }, calls)
	return r
}
