package hub

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"

	"muster/wire"
)

// Again is a client's request, by the channel of the queue, that it sent before
// to an earlier controller (protocol section 17). One that was acknowledged
// comes without content and buffers.
type Again struct {
	Queue   Queue
	Message *wire.Message
}

func (Again) event() {}

// Verdict says what is to be done about a request that was sent again by the
// channel of the queue: one of these, or nothing, for its answer will come.
type Verdict struct {
	Queue   Queue
	Answer  *wire.Message // it has this one already
	Failure *wire.Reply   // it is answered with an error
	Attach  *Resumed      // it belongs to the queue By, where it is as this says
	By      Queue
	Admit   bool // it is new
}

func (Verdict) action() {}

// Deliver sends the answer to a task to its client by the channel of the queue too:
// there the client has asked for it again.
type Deliver struct {
	Queue  Queue
	Client string
	Answer *wire.Message
}

func (Deliver) action() {}

// onAgain finds out what became of a request.
func (m *Machine) onAgain(ev Again) {
	id := ev.Message.Header.MsgID
	if t := m.tasks.byID[id]; t != nil {
		// A broadcast's part is asked for by another channel than its answer
		// comes by, where the client may not be connected yet.
		if t.queue == Broadcast && len(ev.Message.Route) > 0 {
			t.asker = string(ev.Message.Route[0])
		}
		m.do(Verdict{Queue: ev.Queue})
		if t.restored {
			m.do(Acknowledge{Client: ev.Message.Header.Session, IDs: []wire.MsgID{id}})
		}
		return
	}
	unknown := m.judge(ev)
	q := &Query{
		IDs:           []wire.MsgID{id},
		Fields:        fieldsOf("msg_id", "received", "header", "result_header", "result_metadata", "result_content"),
		ResultBuffers: true,
	}
	m.find(q, func(f Found) []Action {
		v := unknown
		switch {
		case f.Err != nil:
			v = refuse(failed(f.Err))
		case len(f.Rows) > 0 && f.Rows[0].null("received"):
			v = refuse(&failure{"EngineError", fmt.Sprintf("the fate of task %q is unknown: its controller ended, and the one that runs now was not restored from it (--restore)", id)})
		case len(f.Rows) > 0:
			v = Verdict{Answer: f.Rows[0].reply()}
		}
		v.Queue = ev.Queue
		if f.Err == nil && (v.Answer != nil || v.Failure != nil) { // it is recorded, or need not be kept
			return []Action{v, Acknowledge{Client: ev.Message.Header.Session, IDs: []wire.MsgID{id}}}
		}
		return []Action{v}
	})
}

func refuse(f *failure) Verdict {
	r := wire.Failure(f.ename, f.evalue)
	return Verdict{Failure: &r}
}

// judge says what is to be done about a request that has no record. If an engine
// had it and cannot tell what became of it, that is for the scheduler: it may
// be tried again.
func (m *Machine) judge(ev Again) Verdict {
	id := ev.Message.Header.MsgID
	s := m.strays[id]
	delete(m.strays, id)
	e := (*engine)(nil)
	if s != nil {
		e = m.byUUID[s.engine]
	}
	r := &Resumed{Message: ev.Message, State: Lost, Why: "is gone"}
	switch {
	case !m.restored && !m.wasSentTo(ev.Message):
		return refuse(&failure{"EngineError", fmt.Sprintf("the fate of task %q is unknown: its controller ended, and the one that runs now was not restored from it (--restore)", id)})
	case m.memory.forgot(&ev.Message.Header):
		return refuse(&failure{"EngineError", fmt.Sprintf("the fate of task %q is unknown: it may have run; %s", id, cmp.Or(m.memory.lost(), "its record was purged"))})
	case s == nil || e != nil && e.keeps && !s.held:
		if len(ev.Message.Buffers) == 0 && string(bytes.TrimSpace(ev.Message.Content)) == "{}" {
			return refuse(&failure{"EngineError", fmt.Sprintf("the request of task %q was not kept: the database has lost it since it was acknowledged", id)})
		}
		return Verdict{Admit: true}
	case e != nil && s.held:
		r.State, r.Why = There, ""
	case e != nil:
		r.Why = "keeps no replies"
	}
	r.Engine, r.ID = s.engine, s.id
	return Verdict{Attach: r, By: s.queue}
}

// wasSentTo tells whether a request was sent to this controller before, and did
// not arrive: it has no record.
func (m *Machine) wasSentTo(request *wire.Message) bool {
	var said struct {
		Instance string `json:"sent_to"` // wire.SentTo
	}
	return json.Unmarshal(request.Metadata, &said) == nil && said.Instance == m.cfg.Instance
}

// reply is the answer that a record has.
func (r *Row) reply() *wire.Message {
	raw := func(name string) json.RawMessage {
		v, _ := r.value(name).(json.RawMessage)
		return v
	}
	return &wire.Message{
		RawHeader: raw("result_header"),
		RawParent: raw("header"),
		Metadata:  raw("result_metadata"),
		Content:   raw("result_content"),
		Buffers:   r.ResultBuffers,
	}
}
