package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/wire"
)

// Cancelled says where the requests of a call were when Cancel put an end to
// them. Those that it does not name had ended by themselves. Of each request the
// call's Metadata tells the same: its Err is ErrTaskAborted or ErrInterrupted, and
// its Engine NoEngine while it was on none.
type Cancelled struct {
	Waiting     int        // how many tasks were in the scheduler's queue, on no engine
	Aborted     []EngineID // it was in the queue of these engines, and had not begun
	Interrupted []EngineID // it was running there
	// Left are the engines, where they are known, on which it had not ended yet
	// when the context did that Cancel was given.
	Left []EngineID
}

// String says it in words:
//
//	2 waiting, 1 queued on engine 3, 2 running on engines 0-1
func (c Cancelled) String() string {
	var parts []string
	if c.Waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d waiting", c.Waiting))
	}
	for _, x := range []struct {
		engines []EngineID
		what    string
	}{{c.Aborted, "queued"}, {c.Interrupted, "running"}, {c.Left, "not ended yet"}} {
		if len(x.engines) == 0 {
			continue
		}
		text := fmt.Sprintf("%d %s", len(x.engines), x.what)
		known := slices.DeleteFunc(slices.Clone(x.engines), func(id EngineID) bool { return id == NoEngine })
		if slices.Sort(known); len(known) > 0 {
			text += " on " + engineList(slices.Compact(known))
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "none, as all had ended"
	}
	return strings.Join(parts, ", ")
}

// Cancel puts an end to the call: where it waits it is aborted, as by Abort,
// and where it runs it is interrupted, as by Client.Interrupt, without
// touching what else the engines have to do. A task that is cancelled is not
// tried again, whatever its Retries. Cancel returns when all engines
// have answered, and says what became of the call on which of them; on the
// others it had ended by itself. When the context ends first, the error is its
// cause and what is known by then is returned beside it: code that never looks
// at its context (a compiled function) or hangs in C cannot be interrupted.
func (ar *AsyncResult) Cancel(ctx context.Context) (Cancelled, error) {
	if ar.client == nil || ar.Ready() {
		return Cancelled{}, nil
	}
	done, err := ar.cancel(ctx)
	if err != nil {
		return done, fmt.Errorf("client: cancel %s: %w", ar.what, err)
	}
	return done, nil
}

func (ar *AsyncResult) cancel(ctx context.Context) (Cancelled, error) {
	c := ar.client
	c.mu.Lock()
	var open []*task
	for i := range ar.tasks {
		if t := &ar.tasks[i]; t.reply == nil && !t.ended {
			open = append(open, t)
		}
	}
	c.mu.Unlock()
	on, err := ar.end(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	var done Cancelled
	for _, t := range open {
		var why error
		if t.ended {
			why = t.failure()
		}
		switch engine, sent := on[t.id]; {
		case !t.ended && sent:
			done.Left = append(done.Left, engine)
		case !t.ended:
			done.Left = append(done.Left, t.engine)
		case errors.Is(why, ErrTaskAborted) && t.engine == NoEngine:
			done.Waiting++
		case errors.Is(why, ErrTaskAborted):
			done.Aborted = append(done.Aborted, t.engine)
		case errors.Is(why, ErrInterrupted):
			done.Interrupted = append(done.Interrupted, t.engine)
		}
	}
	return done, err
}

// abortGrace is how long a Python engine that says it is busy with a task is
// given to abort it. It says so as well of one that it takes up only to find it
// aborted, and a signal then would strike the next.
const abortGrace = time.Second

// end has the call aborted, and waits for it to end. It returns which engine a
// scheduler had sent which task to. Python engines abort only what waits; where
// they were busy with the call before, or still are after the grace, they get a
// signal.
func (ar *AsyncResult) end(ctx context.Context) (on map[wire.MsgID]EngineID, err error) {
	c := ar.client
	running := busyTasks{of: ar}
	c.mu.Lock()
	busy, _ := running.take(0)
	c.mu.Unlock()
	asked := c.askAbort([]*AsyncResult{ar}, true)
	for _, a := range asked {
		defer c.forget(a)
	}
	for {
		if len(busy) > 0 {
			signal := &AsyncResult{what: "interrupt", kind: toController, decode: nothing}
			defer c.forget(c.start(signal, c.control, busy, interruptRequest))
		}
		var again time.Duration
		c.mu.Lock()
		changed := ar.watch()
		busy, again = running.take(abortGrace)
		c.mu.Unlock()
		if len(busy) > 0 {
			continue
		}
		var due <-chan time.Time
		if again > 0 {
			due = time.After(again)
		}
		var noted <-chan struct{}
		if len(asked) > 0 {
			noted = asked[0].done
		}
		select {
		case <-ar.done:
			return on, nil
		case <-changed:
		case <-due:
		case <-noted:
			if _, err := asked[0].Get(ctx); err != nil && !errors.Is(err, ErrEngineDied) {
				return on, err
			}
			on = c.sentTo(asked[0], on)
			asked = asked[1:]
		case <-ctx.Done():
			return on, fmt.Errorf("%d of %d have ended: %w", ar.Progress(), ar.Len(), context.Cause(ctx))
		}
	}
}

// sentTo reads from a scheduler's reply where it had sent which task; other
// replies tell nothing.
func (c *Client) sentTo(asked *AsyncResult, on map[wire.MsgID]EngineID) map[wire.MsgID]EngineID {
	if asked.tasks[0].reply == nil {
		return on
	}
	var reply wire.Aborted
	json.Unmarshal(asked.tasks[0].reply.Content, &reply) // an engine's has none
	c.mu.Lock()
	defer c.mu.Unlock()
	for uuid, ids := range reply.Engines {
		if on == nil {
			on = make(map[wire.MsgID]EngineID)
		}
		engine, known := c.ids[uuid]
		if !known {
			engine = NoEngine
		}
		for _, id := range ids {
			on[id] = engine
		}
	}
	return on
}

// cancelPatience is how long a call that waits goes on doing so after the end of
// its context, for what it has cancelled to end, so that the error can tell where
// it was. Interpreted code takes some milliseconds; what does not end in this
// time looks at no context.
const cancelPatience = 2 * time.Second

// giveUp is the error of a wait whose context has ended. A call of a
// LoadBalancedView that its caller waits for is cancelled then.
func (ar *AsyncResult) giveUp(ctx context.Context) error {
	err := fmt.Errorf("wait, %d of %d answered: %w", ar.Progress(), len(ar.tasks), context.Cause(ctx))
	if ar.bound {
		err = fmt.Errorf("%w; cancelled: %v", err, cancelAll(ctx, []*AsyncResult{ar}))
	}
	return callError(ar.what, err)
}

// cancelAll cancels calls when their context has ended, all at once, and says
// where they were.
func cancelAll(ctx context.Context, calls []*AsyncResult) (all Cancelled) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelPatience)
	defer stop()
	each := make([]Cancelled, len(calls))
	var cancelling sync.WaitGroup
	for i, ar := range calls {
		cancelling.Go(func() { each[i], _ = ar.cancel(ctx) }) // what it could not do is Left
	}
	cancelling.Wait()
	for _, one := range each {
		all.Waiting += one.Waiting
		all.Aborted = append(all.Aborted, one.Aborted...)
		all.Interrupted = append(all.Interrupted, one.Interrupted...)
		all.Left = append(all.Left, one.Left...)
	}
	return all
}

// busyTasks finds the tasks of a call that engines say they are busy with.
// Client.mu guards it.
type busyTasks struct {
	of   *AsyncResult
	last *output   // that was looked at
	open []*output // of tasks that have no answer
}

// take returns the engines that have been busy with such tasks for a time, each
// task once, and when there may be more, if that is known.
func (b *busyTasks) take(grace time.Duration) (engines []*engine, again time.Duration) {
	for o := b.of.voiceAfter(b.last); o != nil; o = o.next {
		b.open = append(b.open, o)
		b.last = o
	}
	all := b.of.client.engines
	b.open = slices.DeleteFunc(b.open, func(o *output) bool {
		if t := &b.of.tasks[o.place]; t.reply != nil || t.ended {
			return true
		}
		if o.busy.IsZero() {
			return false
		}
		if left := grace - time.Since(o.busy); left > 0 {
			if again == 0 || left < again {
				again = left
			}
			return false
		}
		if at := slices.IndexFunc(all, func(e *engine) bool { return e.uuid == o.uuid }); at >= 0 {
			engines = append(engines, all[at])
		}
		return true
	})
	return engines, again
}
