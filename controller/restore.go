package controller

import (
	"bytes"
	"encoding/json"
	"strings"

	"muster/controller/hub"
	"muster/controller/scheduler"
	"muster/wire"
)

// records are those that outlive the controller: a store.Store.
type records interface {
	Keep(hub.Change)
	Find(*hub.Query, func(hub.Found))
	Enlist(hub.Engine)
	Sent(hub.Sent)
	Ended(hub.Outcome)
	Noted() uint64
	Reached(noted uint64)
	Admit()
}

// channel finds the one of a queue.
func (l *loop) channel(q hub.Queue) *channel {
	for _, c := range l.channels {
		if c.queue == q {
			return c
		}
	}
	panic("no queue " + q)
}

// resume gives a scheduler the requests of an earlier controller. Their clients
// are found by their sessions.
func (l *loop) resume(a hub.Resume) {
	ev := scheduler.Resume{Tasks: make([]scheduler.Resumed, len(a.Tasks)), Outcomes: make([]scheduler.Outcome, len(a.Outcomes))}
	for i, t := range a.Tasks {
		t.Message.Route = [][]byte{[]byte(t.Message.Header.Session)}
		ev.Tasks[i] = resumed(l.instance, l.session.Encode(t.Message), t)
	}
	for i, o := range a.Outcomes {
		ev.Outcomes[i] = scheduler.Outcome(o)
	}
	l.channel(a.Queue).step(ev, nil)
}

func resumed(instance string, frames [][]byte, t hub.Resumed) scheduler.Resumed {
	r := scheduler.Resumed{
		Frames: frames, Message: t.Message, Engine: t.Engine, ID: t.ID,
		State: scheduler.State(t.State), Why: t.Why, Run: instance,
	}
	if t.Tried != nil {
		tried := scheduler.Tried(*t.Tried)
		r.Tried = &tried
	}
	return r
}

var againKey = []byte(`"` + wire.Again + `"`)

// sentAgain tells whether a client says that it has sent a request before. Those
// about tasks may be carried out twice.
func sentAgain(m *wire.Message) bool {
	if !bytes.Contains(m.Metadata, againKey) || m.Header.MsgType == wire.AbortRequest || m.Header.MsgType == wire.ExplainRequest {
		return false
	}
	var said struct {
		Again bool `json:"again"` // wire.Again
	}
	return json.Unmarshal(m.Metadata, &said) == nil && said.Again
}

// again asks the hub about a request that was sent before, and waits: what the
// client sends after it is to come after it.
func (c *channel) again(frames [][]byte, m *wire.Message) {
	c.ask(hub.Again{Queue: c.queue, Message: m})
	select {
	case v := <-c.verdicts:
		if err := c.carryOut(v, frames, m); err != nil {
			c.log.Error("send failed", "channel", c.name, "err", err)
		}
	case <-c.done:
	}
}

// carryOut does what the hub says about a request.
func (c *channel) carryOut(v hub.Verdict, frames [][]byte, m *wire.Message) error {
	switch {
	case v.Admit:
		c.request(frames, m)
	case v.Answer != nil:
		return c.deliver(frames[0], v.Answer)
	case v.Failure != nil:
		kind := strings.TrimSuffix(m.Header.MsgType, "_request") + "_reply"
		_, reply, err := c.session.Frames(kind, m.RawHeader, scheduler.Metadata{Status: wire.StatusError}, v.Failure)
		if err != nil {
			return err
		}
		return c.client.Send(append([][]byte{frames[0]}, reply...))
	case v.Attach != nil:
		to := c
		if v.By == hub.Broadcast {
			to = c.broadcast
		}
		return to.attach(frames, m, *v.Attach)
	}
	return nil
}

// deliver sends a client an answer that it has had, or should have had.
func (c *channel) deliver(client []byte, answer *wire.Message) error {
	m := *answer
	m.Route = [][]byte{client}
	return c.client.Send(c.session.Encode(&m))
}

// attach takes a request for one that an engine had before it was recorded.
func (c *channel) attach(frames [][]byte, m *wire.Message, t hub.Resumed) error {
	if c.queue == hub.Task {
		c.observe(hub.Submitted{Queue: c.queue, Message: m})
	} else {
		c.submitted(m, t.Engine, 1)
	}
	_, rest, err := wire.Split(frames)
	if err != nil {
		return err
	}
	c.step(scheduler.Resume{Tasks: []scheduler.Resumed{resumed(c.instance, append([][]byte{frames[0]}, rest...), t)}}, nil)
	if t.State != hub.There {
		return nil
	}
	return c.control.tell(t.Engine, wire.Resend, wire.MsgIDs{MsgIDs: []wire.MsgID{t.Message.Header.MsgID}})
}
