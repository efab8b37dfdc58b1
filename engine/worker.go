package engine

import (
	"context"
	"encoding/json"

	"muster/wire"
)

// An answer is what becomes of a request.
type answer struct {
	status string
	unmet  bool // the request cannot run on this engine, but may on others
	// draining says that the engine runs nothing more (wire.Draining).
	draining bool
	outputs  int64 // messages of output that were published for it
	content  json.RawMessage
	buffers  [][]byte
	goType   string // of the result, for wire.ResultType
}

var contentOK = json.RawMessage(`{"status":"ok"}`)

// work carries out requests, one at a time, until the queue is closed.
func (e *Engine) work() {
	for {
		r, ctx := e.queue.take(e.life)
		if r == nil {
			return
		}
		if r.internal != nil {
			r.internal()
			continue
		}
		e.perform(ctx, r)
	}
}

// perform runs one request and answers it. Output leaves first, then the
// reply, then the status that says both are complete.
func (e *Engine) perform(ctx context.Context, r *request) {
	started := wire.Now()
	finish := func(a answer) {
		e.drain()
		e.out.end()
		a.outputs = e.pub.outputs.Load()
		e.queue.done()
		e.answer(r, started, &a)
		if !r.marks.CountOutputs {
			e.publish(r, e.pub.state(r.RawHeader, statusIdle))
		}
	}
	e.out.begin(r.RawHeader)

	lost := true
	defer func() {
		if lost { // user code ended its goroutine, which is this one
			finish(e.failed(r, plainFailure(SystemExit, "the function ended its goroutine (runtime.Goexit)")))
			e.worker.Go(e.work)
		}
	}()
	a := e.guarded(ctx, r)
	lost = false
	if late := overdue(ctx); late != nil && a.status == wire.StatusOK {
		a = e.failed(r, *late)
	}
	finish(a)
}

// guarded runs user code. This is the one place that recovers from a panic.
func (e *Engine) guarded(ctx context.Context, r *request) (a answer) {
	defer func() {
		if v := recover(); v != nil {
			a = e.failed(r, panicked(v))
		}
	}()
	switch why := e.unmet(ctx, r); {
	case why != "" && ctx.Err() != nil:
		return e.failed(r, failure(ctx, context.Cause(ctx)))
	case why != "":
		return e.unfit(r, why)
	}
	if r.Header.MsgType == wire.ExecuteRequest {
		return e.execute(ctx, r)
	}
	return e.apply(ctx, r)
}

// Interrupt interrupts the request that runs, and tells whether there is one.
// Interpreted code ends at once with a KeyboardInterrupt error; a compiled
// function sees its context end; a call that is blocked in C goes on.
func (e *Engine) Interrupt() bool {
	r := e.queue.interrupt()
	if r != nil {
		e.log.Info("interrupt", "task", r.Header.MsgID)
	}
	return r != nil
}
