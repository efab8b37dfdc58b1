package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
)

// An AsyncResult is what will become of one call: one value, or one error, for
// each engine that it went to, or for each task that was handed to the
// scheduler. It may be used by several goroutines.
//
// A call that could not be sent at all (an unknown engine, a value that cannot
// travel) is an AsyncResult too, ready from the start, whose Get tells why.
type AsyncResult struct {
	client *Client
	what   string // for errors: "execute", "pull x", "apply f"
	kind   kind
	code   string // of an execute
	// numbered says that the code counts in the engines' histories.
	numbered bool
	number   uint64 // of the call among the client's
	// decode turns a task's reply into its value.
	decode func(*task) (any, error)
	// combine, if set, makes the call's values of those of the tasks, of
	// which some may have failed.
	combine func(values []any, errs []error) ([]any, error)
	mapped  *mapping // of a map, which items its tasks have
	// scheduled are the settings of a LoadBalancedView's call, nil of others.
	scheduled *settings
	// bound says that nobody else has the call than one who waits for it: it is
	// cancelled when the context of the wait ends.
	bound   bool
	steps   []*step // of a TaskSet, what its tasks are now; guarded by Client.mu until done
	stopped bool    // it is being aborted: what fails is not recovered; guarded likewise

	tasks []task
	done  chan struct{}
	sent  chan struct{} // nil where the arguments were copied

	// Guarded by Client.mu: how many tasks are not yet settled, those that are
	// in the order in which it happened (by task.next), those that had output
	// in the order of their first (by output.next), and what to close when any
	// of it changes, nil while nobody watches.
	left             int
	settled, lastOne *task
	spoke, lastVoice *output
	changed          chan struct{}
	then             func() // called once when left is 0

	decoding sync.Mutex // guards the task.value and task.fault of all tasks
	once     sync.Once  // computes what follows, when done
	values   []any
	err      error
}

// kind is where the requests of an AsyncResult went.
type kind int

const (
	toEngines    kind = iota // by the mux or the task channel; output follows
	toController             // or by the control channel: the reply is all
)

// failed is the result of a call that was not sent.
func failed(what string, err error) *AsyncResult {
	ar := ready(what, nil)
	ar.err = callError(what, err)
	return ar
}

// ready is the result of a call for which there was nothing to send.
func ready(what string, values []any) *AsyncResult {
	ar := &AsyncResult{what: what, values: values, done: make(chan struct{})}
	ar.once.Do(func() {})
	close(ar.done)
	return ar
}

// Done returns a channel that closes when every engine has answered and its
// output has arrived.
func (ar *AsyncResult) Done() <-chan struct{} { return ar.done }

// Ready tells whether Done is closed.
func (ar *AsyncResult) Ready() bool {
	select {
	case <-ar.done:
		return true
	default:
		return false
	}
}

// Successful tells whether the call is done and no engine failed. It is false
// while the call is under way.
func (ar *AsyncResult) Successful() bool {
	if !ar.Ready() {
		return false
	}
	ar.once.Do(ar.collect)
	return ar.err == nil
}

// Len is how many requests the call consists of: one for each engine of a
// direct call, one for each task of a load-balanced one.
func (ar *AsyncResult) Len() int { return len(ar.tasks) }

// Progress is how many of them are done.
func (ar *AsyncResult) Progress() int {
	if ar.client == nil {
		return 0
	}
	ar.client.mu.Lock()
	defer ar.client.mu.Unlock()
	return len(ar.tasks) - ar.left
}

// String says how far the call is: "execute: 3 of 4 done".
func (ar *AsyncResult) String() string {
	return fmt.Sprintf("%s: %d of %d done", ar.what, ar.Progress(), ar.Len())
}

// Wait waits for Done, or for the end of the context, whose cause it then
// returns. It does not tell how the call went, as Get does. To stop waiting is
// not to abort: the engines go on, and Wait may be called again.
func (ar *AsyncResult) Wait(ctx context.Context) error { return ar.WaitFor(ctx, Completed) }

// A Condition is what WaitFor waits for.
type Condition int

const (
	Completed  Condition = iota // every engine is done
	First                       // one engine is done
	FirstError                  // one engine has failed, or all are done
)

// WaitFor is Wait until a condition holds, as the wait of Python's
// concurrent.futures has them.
func (ar *AsyncResult) WaitFor(ctx context.Context, until Condition) error {
	if ar.Ready() {
		return nil // also when the context has ended as well
	}
	var last *task // that was looked at
	holds := func() (bool, <-chan struct{}) {
		if until == Completed {
			return false, nil // done tells
		}
		ar.client.mu.Lock()
		defer ar.client.mu.Unlock()
		for t := ar.after(last); t != nil; t = ar.after(t) {
			if last = t; until == First || t.failure() != nil {
				return true, nil
			}
		}
		return false, ar.watch()
	}
	for {
		ok, changed := holds()
		if ok {
			return nil
		}
		select {
		case <-ar.done:
			return nil
		case <-changed:
		case <-ctx.Done():
			return ar.giveUp(ctx)
		}
	}
}

// settle notes a task that has ended. The caller holds Client.mu.
func (ar *AsyncResult) settle(t *task) {
	if ar.lastOne == nil {
		ar.settled = t
	} else {
		ar.lastOne.next = t
	}
	ar.lastOne, t.ended = t, true
	if ar.left--; ar.left == 0 {
		close(ar.done)
		if ar.then != nil {
			ar.then()
		}
	}
	ar.wake()
}

// whenDone has f called when every task is settled, or at once when it is so.
// There is one f for a result that was sent, and it is called by whoever holds
// Client.mu.
func (ar *AsyncResult) whenDone(f func()) {
	ar.client.mu.Lock()
	defer ar.client.mu.Unlock()
	if ar.then = f; ar.left == 0 {
		f()
	}
}

// waitForTask waits until a task is settled, or the context ends.
func (ar *AsyncResult) waitForTask(ctx context.Context, i int) error {
	for {
		ar.client.mu.Lock()
		ended, changed := ar.tasks[i].ended, ar.watch()
		ar.client.mu.Unlock()
		if ended {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return callError(ar.what, fmt.Errorf("wait, %d of %d answered: %w", ar.Progress(), len(ar.tasks), context.Cause(ctx)))
		}
	}
}

// after is the task that was settled next after another, or first. The caller
// holds Client.mu.
func (ar *AsyncResult) after(t *task) *task {
	if t == nil {
		return ar.settled
	}
	return t.next
}

// watch returns a channel that closes with the next change. The caller holds
// Client.mu.
func (ar *AsyncResult) watch() <-chan struct{} {
	if ar.changed == nil {
		ar.changed = make(chan struct{})
	}
	return ar.changed
}

// wake tells those who watch. The caller holds Client.mu.
func (ar *AsyncResult) wake() {
	if ar.changed != nil {
		close(ar.changed)
		ar.changed = nil
	}
}

// Get waits for the call and returns its value from each engine, in the order
// of the targets. When engines failed, their values are nil, the others' are
// there, and the error is the one engine's *RemoteError or a *CompositeError
// of several. Get may be called again and returns the same; arrays among the
// values are shared between the calls.
func (ar *AsyncResult) Get(ctx context.Context) ([]any, error) {
	if err := ar.Wait(ctx); err != nil {
		if !ar.bound || !ar.Ready() {
			return nil, err
		}
		ar.once.Do(ar.collect) // what had come before it was cancelled
		return ar.values, err
	}
	ar.once.Do(ar.collect)
	return ar.values, ar.err
}

// collect decodes every reply. It runs in the goroutine of whoever wants the
// values first, and not in that of the receiver.
func (ar *AsyncResult) collect() {
	ar.values = make([]any, len(ar.tasks))
	errs := make([]error, len(ar.tasks))
	for i := range ar.tasks {
		ar.values[i], errs[i] = ar.value(&ar.tasks[i])
	}
	if ar.combine != nil {
		ar.values, ar.err = ar.combine(ar.values, errs)
	} else {
		ar.err = join(errs)
	}
	if ar.err != nil {
		ar.err = callError(ar.what, ar.err)
	}
}

// value decodes the reply of a settled task, once.
func (ar *AsyncResult) value(t *task) (any, error) {
	ar.decoding.Lock()
	defer ar.decoding.Unlock()
	if t.decoded {
		return t.value, t.fault
	}
	t.decoded = true
	if t.fault = t.failure(); t.fault == nil && ar.decode != nil {
		if t.value, t.fault = ar.decode(t); t.fault != nil {
			t.value, t.fault = nil, valueError(ar.what, t.engine, t.fault)
		}
	}
	return t.value, t.fault
}

// GetDict is Get with the values by engine. Engines that failed have none; a
// call of which several tasks ran on one engine, or whose values are not one
// for each engine, has no such form.
func (ar *AsyncResult) GetDict(ctx context.Context) (map[EngineID]any, error) {
	values, err := ar.Get(ctx)
	if values == nil && err != nil {
		return nil, err
	}
	if ar.combine != nil || len(values) != len(ar.tasks) {
		return nil, callError(ar.what, errors.New("by engine: the call has not one value for each engine (use Get)"))
	}
	dict := make(map[EngineID]any, len(values))
	for i := range ar.tasks {
		id := ar.tasks[i].engine
		if _, twice := dict[id]; twice {
			return nil, callError(ar.what, fmt.Errorf("by engine: several tasks ran on engine %d (use Get or Results)", id))
		}
		if _, fault := ar.value(&ar.tasks[i]); fault == nil {
			dict[id] = values[i]
		}
	}
	return dict, err
}

// Results yields what became of the call on each engine, in the order in which
// they answer. Beside a Result stands its Err. A Result's Index is its place
// among the targets, and its Value is what Get returns for it; of a Map or a
// Gather it is the engine's block. When the context ends first, the last pair
// is nil and the cause.
func (ar *AsyncResult) Results(ctx context.Context) iter.Seq2[*Result, error] {
	return func(yield func(*Result, error) bool) {
		if ar.client == nil {
			if ar.err != nil {
				yield(nil, ar.err)
			}
			return
		}
		var last *task
		for n := range ar.tasks {
			for {
				ar.client.mu.Lock()
				t, changed := ar.after(last), ar.watch()
				ar.client.mu.Unlock()
				if t != nil && ctx.Err() == nil {
					last = t
					break
				}
				select {
				case <-changed:
				case <-ctx.Done():
					yield(nil, callError(ar.what, fmt.Errorf("wait, %d of %d seen: %w", n, len(ar.tasks), context.Cause(ctx))))
					return
				}
			}
			if r := ar.result(last); !yield(r, r.Err) {
				return
			}
		}
	}
}

// Metadata returns what is known of the call on each engine, in the order of
// the targets, also while it is outstanding.
func (ar *AsyncResult) Metadata() Results {
	if ar.client == nil {
		return nil // it was not sent
	}
	out := make(Results, len(ar.tasks))
	for i := range ar.tasks {
		out[i] = ar.result(&ar.tasks[i])
	}
	return out
}
