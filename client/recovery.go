package client

import (
	"errors"
	"time"

	"muster/wire"
)

// recover has what is to recover a failed task sent in its place, if there is
// something, and tells whether it has. The call goes on as if the task had not
// ended: whoever waits for it, aborts or counts it does so for what recovers it.
// The caller holds mu.
func (c *Client) recover(t *task) bool {
	ar := t.result
	if ar.steps == nil || ar.steps[t.place].recovery == nil || ar.stopped || c.err != nil {
		return false
	}
	var why *RemoteError
	if !errors.As(t.failure(), &why) || errors.Is(why, ErrTaskAborted) || errors.Is(why, ErrInterrupted) {
		return false
	}
	failed := t.describe()
	failed.Err = why
	ar.steps[t.place].tell(failed)
	next := ar.steps[t.place].recovery
	if t.output != nil {
		t.output.busy = time.Time{} // it is no more
	}
	*t = task{
		result: ar, place: t.place, engine: NoEngine, submitted: time.Now(),
		failed: append(t.failed, failed),
	}
	ar.steps[t.place] = next
	m := wire.Message{Metadata: next.request.metadata, Content: next.request.content, Buffers: next.request.buffers}
	t.id, m.RawHeader = c.session.Header(next.request.msgType)
	c.pending[t.id] = t
	c.memory.ids = append(c.memory.ids, t.id)
	parcels, hold := []parcel{{c.task, []*task{t}, m}}, newHold(nil)
	var all []kept
	if c.keeps.Load() {
		all = c.keep(parcels, hold)
	}
	c.receivers.Go(func() { c.dispatch(parcels, all, true, hold) }) // which takes the locks in their order
	ar.wake()
	return true
}
