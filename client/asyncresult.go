package client

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"muster/wire"
)

// An AsyncResult is what will become of one call: one value, or one error, for
// each engine that it went to. It may be used by several goroutines.
//
// A call that could not be sent at all (an unknown engine, a value that cannot
// travel) is an AsyncResult too, ready from the start, whose Get tells why.
type AsyncResult struct {
	client *Client
	what   string // for errors: "execute", "pull x", "apply f"
	kind   kind
	code   string // of an execute
	// decode turns a task's reply into its value.
	decode func(*task) (any, error)
	// combine, if set, makes the call's values of those of the tasks, of
	// which some may have failed.
	combine func(values []any, errs []error) ([]any, error)

	tasks []task
	left  int // tasks not yet settled; guarded by Client.mu
	done  chan struct{}

	once   sync.Once // computes what follows, when done
	values []any
	err    error
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

// Wait waits for Done, or for the end of the context, whose cause it then
// returns. It does not tell how the call went, as Get does. To stop waiting is
// not to abort: the engines go on, and Wait may be called again.
func (ar *AsyncResult) Wait(ctx context.Context) error {
	if ar.Ready() {
		return nil // also when the context has ended as well
	}
	select {
	case <-ar.done:
		return nil
	case <-ctx.Done():
	}
	ar.client.mu.Lock()
	left := ar.left
	ar.client.mu.Unlock()
	return callError(ar.what, fmt.Errorf("wait, %d of %d answered: %w", len(ar.tasks)-left, len(ar.tasks), context.Cause(ctx)))
}

// Get waits for the call and returns its value from each engine, in the order
// of the targets. When engines failed, their values are nil, the others' are
// there, and the error is the one engine's *RemoteError or a *CompositeError
// of several. Get may be called again and returns the same; arrays among the
// values are shared between the calls.
func (ar *AsyncResult) Get(ctx context.Context) ([]any, error) {
	if err := ar.Wait(ctx); err != nil {
		return nil, err
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
		t := &ar.tasks[i]
		if errs[i] = t.failure(); errs[i] != nil {
			continue
		}
		if ar.values[i], errs[i] = ar.decode(t); errs[i] != nil {
			ar.values[i] = nil
			errs[i] = valueError(ar.what, t.engine, errs[i])
		}
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

// failure is why a settled task has no value, or nil.
func (t *task) failure() error {
	if t.reply == nil {
		return t.err
	}
	if plainOK(t.reply.Content) {
		return nil
	}
	var r wire.Reply
	if err := json.Unmarshal(t.reply.Content, &r); err != nil {
		return fmt.Errorf("%s: %w", t.reply.Header.MsgType, err)
	}
	switch r.Status {
	case wire.StatusOK:
		return nil
	case wire.StatusAborted:
		return aborted(t.engine, t.id)
	}
	e := &RemoteError{Engine: t.engine, Name: r.Ename, Message: r.Evalue, Traceback: r.Traceback}
	if e.Name == "" {
		e.Name, e.Message = engineError, fmt.Sprintf("reply with status %q", r.Status)
	}
	return e
}

// plainOK spares the parsing of the content of almost every reply.
func plainOK(content []byte) bool {
	return string(content) == `{"status":"ok"}` || string(content) == `{"status": "ok"}`
}

// Metadata returns what is known of the call on each engine, in the order of
// the targets, also while it is outstanding.
func (ar *AsyncResult) Metadata() Results {
	if ar.client == nil {
		return nil // it was not sent
	}
	ar.client.mu.Lock()
	defer ar.client.mu.Unlock()
	out := make(Results, len(ar.tasks))
	for i := range ar.tasks {
		out[i] = ar.tasks[i].describe()
	}
	return out
}

// Abort asks the engines to skip the call where they have not begun it, which
// then fails with a RemoteError named TaskAborted. What runs already goes on (see
// Client.Interrupt). Abort returns when the engines have taken note.
func (ar *AsyncResult) Abort(ctx context.Context) error {
	if ar.client == nil || ar.Ready() {
		return nil
	}
	return ar.client.Abort(ctx, ar)
}
