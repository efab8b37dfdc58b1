package client

import (
	"encoding/json"
	"fmt"
	"time"

	"muster/wire"
)

// A task is one message on its way to one engine (or to the controller), until
// it is settled: by the reply and the output that belongs to it, by the death
// of its engine, or by the end of the client. Whichever comes first takes it
// out of the client's pending map, and so it is settled once.
//
// Its fields are guarded by Client.mu until then, and fixed from then on.
type task struct {
	result *AsyncResult
	place  int   // among the tasks of the result
	next   *task // the one of the result that was settled after it

	id        wire.MsgID
	engine    EngineID        // NoEngine until known, for a load-balanced task
	uuid      wire.EngineUUID // "" likewise
	submitted time.Time

	// outstanding counts what the engine has of this client's by the lane that
	// the task took, itself included; nil when it has answered.
	outstanding *int
	coalesced   bool // the reply is one for several engines
	broken      bool // the controller was away meanwhile: output may be missing

	// kept is the request, as long as it may have to be sent again: whole, until
	// it is acknowledged.
	acknowledged bool
	kept         *kept

	failed []*Result // that it recovers

	reply    *wire.Message
	received time.Time
	err      error // settled without a reply
	ended    bool  // settled

	// What value made of the reply; guarded by the result's decoding.
	value   any
	fault   error
	decoded bool

	output  *output        // nil until there is some
	outputs map[string]int // how many messages of it have come, by the engine's session: a task may be tried on several
	heard   time.Time
	idle    bool // the engine said that no more output follows
	asked   bool // the hub is asked for what was missed of it
}

// complete tells whether a task with a reply has all its output. An engine
// that counts has said how many messages there are; else the status "idle"
// ends them. Replies that no engine made are followed by nothing.
func (t *task) complete() bool {
	if t.result.kind == toController || t.result.client.deaf {
		return true
	}
	if n, counted := countOf(t.reply.Metadata); counted {
		return t.outputs[t.reply.Header.Session] >= n
	}
	if t.idle {
		return true
	}
	var m struct {
		Started *string `json:"started"`
		Status  string  `json:"status"`
	}
	err := json.Unmarshal(t.reply.Metadata, &m)
	return err != nil || m.Started == nil || m.Status == wire.StatusAborted
}

// failure is why a settled task has no value, or nil.
func (t *task) failure() error {
	if t.reply == nil {
		return t.err
	}
	return replyError(t.reply.Content, t.engine, t.id)
}

// replyError is the error in the content of a reply, or nil.
func replyError(content []byte, engine EngineID, id wire.MsgID) error {
	if plainOK(content) {
		return nil
	}
	var r wire.Reply
	if err := json.Unmarshal(content, &r); err != nil {
		return fmt.Errorf("reply to %s: %w", id, err)
	}
	switch r.Status {
	case wire.StatusOK:
		return nil
	case wire.StatusAborted:
		return aborted(engine, id)
	}
	return remote(engine, &r)
}

// remote is the error in a reply.
func remote(engine EngineID, r *wire.Reply) *RemoteError {
	e := &RemoteError{Engine: engine, Name: r.Ename, Message: r.Evalue, Traceback: r.Traceback, Deaths: r.Deaths}
	if e.Name == "" {
		e.Name, e.Message = engineError, fmt.Sprintf("reply with status %q", r.Status)
	}
	return e
}

// plainOK spares the parsing of the content of almost every reply.
func plainOK(content []byte) bool {
	return string(content) == `{"status":"ok"}` || string(content) == `{"status": "ok"}`
}

// A request is what a call sends, to each of its targets alike.
type request struct {
	msgType  string
	content  json.RawMessage
	metadata json.RawMessage
	buffers  [][]byte
}

// start sends requests by a channel: one for each engine, or a single one for
// all. Without engines the requests go to whoever is at the channel's other
// end. Nothing is waited for; what cannot be sent settles its task. Requests for
// engines' work go by direct, which keeps their order. What a controller that
// restores is sent is kept, but for what it is greeted by.
func (c *Client) start(ar *AsyncResult, ch *channel, engines []*engine, requests ...*request) *AsyncResult {
	n := max(len(engines), len(requests))
	ar.client, ar.done, ar.left = c, make(chan struct{}), n
	ar.tasks = make([]task, n)
	keeping := c.keeps.Load() && ch != c.greet
	if keeping && ar.sent == nil {
		requests = owned(requests)
	}
	hold := newHold(ar.sent)
	parcels := make([]parcel, n)
	tasks := make([]*task, n)
	now := time.Now()
	for i := range ar.tasks {
		t, r := &ar.tasks[i], requests[min(i, len(requests)-1)]
		t.result, t.place, t.engine, t.submitted = ar, i, NoEngine, now
		m := wire.Message{Metadata: r.metadata, Content: r.content, Buffers: r.buffers}
		if len(engines) > 0 {
			t.engine, t.uuid = engines[i].id, engines[i].uuid
			m.Route = [][]byte{engines[i].route}
		}
		t.id, m.RawHeader = c.session.Header(r.msgType)
		tasks[i] = t
		parcels[i] = parcel{ch, tasks[i : i+1], m}
	}
	c.mu.Lock()
	c.register(ar, engines)
	var all []kept
	if keeping {
		all = c.keep(parcels, hold)
	}
	c.mu.Unlock()
	c.dispatch(parcels, all, keeping || ar.sent != nil, hold)
	return ar
}

// register makes the tasks of a call pending. The caller holds mu.
func (c *Client) register(ar *AsyncResult, engines []*engine) {
	if ar.kind == toEngines {
		c.memory.send(ar)
	}
	for i := range ar.tasks {
		t := &ar.tasks[i]
		c.pending[t.id] = t
		if c.err != nil {
			c.settle(t, c.err)
		} else if len(engines) > 0 {
			if at, ok := c.find(t.engine); !ok || c.engines[at].uuid != t.uuid {
				c.settle(t, died(t.engine, t.id, "")) // since it was resolved
			}
		}
	}
}

// settle ends a task, with an error if there is no reply. The caller holds mu.
func (c *Client) settle(t *task, err error) {
	if c.pending[t.id] != t {
		return
	}
	delete(c.pending, t.id)
	t.unkeep()
	if t.reply == nil {
		t.err = err
	}
	if c.recover(t) {
		return
	}
	if err == ErrFlushed && t.outstanding != nil && !t.coalesced {
		c.dropped[t.id] = t.outstanding // the engine has it all the same
	}
	ar := t.result
	if ar.settle(t); ar.left == 0 && ar.kind == toEngines {
		c.memory.keep(ar)
	}
}
