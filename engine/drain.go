package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"muster/wire"
)

// NearlyOver is why an engine drains that was warned by a signal.
const NearlyOver = "its job's time was nearly over"

// drained is why an engine ends that has finished what it had to do.
type drained struct{ cause string }

func (d drained) Error() string { return "drained: " + d.cause }

// Drain has the engine take nothing more and end, in this order: it gives back
// the tasks that it has not begun, refuses what comes from now on, ends what it
// runs and what clients had asked of it directly before, runs Config.Checkpoint,
// and leaves the cluster. Drain returns at once; only the first call counts. The
// cause is what clients are told of the end.
func (e *Engine) Drain(cause string) {
	if e.draining.CompareAndSwap(nil, &cause) {
		close(e.drains)
	}
}

// awaitDrain carries Drain out, until the engine's life ends.
func (e *Engine) awaitDrain() {
	select {
	case <-e.life.Done():
		return
	case <-e.drains:
	}
	cause := *e.draining.Load()
	if e.member.Load() == nil { // it has begun nothing
		e.stop(drained{cause})
		return
	}
	e.log.Info("draining", "engine", e.id(), "cause", cause)
	tasks := e.queue.finish(&request{internal: e.conclude}, func(r *request) bool { return r.line == &e.lines.task })
	e.tellDraining()
	for _, r := range tasks {
		e.turnAway(r)
	}
}

// tellDraining tells the controller. One that is away hears of it when the
// engine registers again, and ipyparallel's would not know what is meant.
func (e *Engine) tellDraining() {
	m := e.member.Load()
	if m.instance == "" {
		return
	}
	_, frames, err := m.session.Frames(wire.EngineDraining, nil, nil, wire.Drains{UUID: e.uuid})
	if err == nil {
		err = e.lines.hub.send(frames)
	}
	if err != nil && !errors.Is(err, errAway) {
		e.log.Error("the controller was not told that the engine drains", "err", err)
	}
}

// turnAway answers a request for work that is not run any more. A task goes back
// to the scheduler as if it demanded what the engine has not, so that ipyparallel's
// knows what to do with it too.
func (e *Engine) turnAway(r *request) {
	why := fmt.Sprintf("engine %d is draining: %s", e.id(), *e.draining.Load())
	if end := e.cfg.JobEnd; !end.IsZero() && *e.draining.Load() == NearlyOver {
		why = fmt.Sprintf("engine %d is draining: its job ends at %s", e.id(), end.Local().Format("15:04"))
	}
	a := answer{status: wire.StatusError}
	f := wire.Failure(wire.EngineDrains, why)
	if r.line == &e.lines.task {
		a.unmet, a.draining = true, true
		f.Ename = wire.UnmetDependency
	}
	f.EngineInfo = &wire.EngineInfo{EngineUUID: e.uuid, EngineID: e.id(), Method: method(r)}
	var err error
	if a.content, err = json.Marshal(f); err != nil {
		e.log.Error("refusal not encoded", "task", r.Header.MsgID, "err", err)
		return
	}
	e.answer(r, wire.Now(), &a)
	if !r.marks.CountOutputs {
		e.publish(r, e.pub.state(r.RawHeader, statusIdle))
	}
}

// drainRequest carries out a client's request:
//
//	request {"cause"?: text}
//	reply   {"status": "ok"}
func (e *Engine) drainRequest(r *request) {
	var content wire.Drain
	if err := json.Unmarshal(r.Content, &content); err != nil {
		e.refuse(r, r.replyType(), ValueError, fmt.Sprintf("drain_request: %v", err))
		return
	}
	if content.Cause == "" {
		content.Cause = "a client has asked it to drain"
	}
	e.replyControl(r, r.replyType(), contentOK)
	e.Drain(content.Cause)
}

// drainLimit bounds MPI_Finalize after draining: the other ranks may have tasks
// for as long as the job lasts, and one that leaves without them may end them.
func (e *Engine) drainLimit() time.Duration {
	if e.cfg.JobEnd.IsZero() {
		return restoreWait
	}
	return max(shutdownLimit, time.Until(e.cfg.JobEnd))
}

// lastWords is how long before the end of its job an engine leaves at the latest.
const lastWords = 5 * time.Second

// conclude is the last that the worker does.
func (e *Engine) conclude() {
	cause := *e.draining.Load()
	if err := e.checkpoint(); err != nil {
		e.log.Error(err.Error())
		cause += "; its checkpoint failed"
	}
	// A controller that can be restored says which replies it has. One that is
	// away for now is waited for, as there is time to.
	until := time.Now().Add(2 * lastWords)
	if end := e.cfg.JobEnd.Add(-lastWords); end.After(until) {
		until = end
	}
	ctx, cancel := context.WithDeadline(e.life, until)
	defer cancel()
	if n := e.kept.settle(ctx); n > 0 {
		e.log.Warn("the engine leaves with replies that the controller has not acknowledged", "replies", n)
	}
	e.stop(drained{cause})
}
