package scheduler

import (
	"encoding/json"

	"muster/wire"
)

// Broadcast sends one request to many engines (protocol section 9): each gets
// a copy under an id of its own. Coalescing, the replies become one.
type Broadcast struct {
	engines map[wire.EngineUUID]*peer
	parts   map[task]*part // by the id that the engine knows
	count   uint64
	message func(Answer) *wire.Message
}

// part is one target's share of a broadcast.
type part struct {
	whole *whole // nil unless coalescing
	index int    // of the target in whole
}

// whole is a coalescing broadcast some of whose engines have not answered.
type whole struct {
	asked
	list    json.RawMessage // of the targets
	replies []*wire.Message // by target
	parts   [][]byte        // the same as JSON of wire.BroadcastReply, if apart
	missing int
	// apart says that the client takes the reply apart, so that the failure of
	// one engine is not that of the others (wire.BroadcastReplies).
	apart bool
	// answered says that the client has been told of a failure: what the
	// others reply is for the records.
	answered bool
}

// NewBroadcast returns a Broadcast without engines. message makes the message
// of an answer, as it is sent: a coalesced reply holds those of engines that
// could not give their own.
func NewBroadcast(message func(Answer) *wire.Message) *Broadcast {
	return &Broadcast{engines: make(map[wire.EngineUUID]*peer), parts: make(map[task]*part), message: message}
}

// Due implements Machine: Broadcast waits for no time to pass.
func (b *Broadcast) Due() int { return 0 }

// Step implements Machine.
func (b *Broadcast) Step(ev Event) []Action {
	switch ev := ev.(type) {
	case Request:
		return b.onRequest(ev)
	case Reply:
		return b.onReply(ev)
	case Unsent:
		return b.onUnsent(ev)
	case Resume:
		return b.onResume(ev)
	case EngineUp:
		b.engines[ev.UUID] = &peer{id: ev.ID, uuid: ev.UUID, asked: make(map[task]asked)}
	case EngineDown:
		return b.onEngineDown(ev)
	}
	return nil
}

func (b *Broadcast) onRequest(ev Request) []Action {
	m := ev.Message
	if len(m.Route) != 1 {
		return nil
	}
	if _, ok := replyType(m.Header.MsgType); !ok {
		return nil
	}
	b.count++
	a := asked{b.count, m.Route[0], m.Header.MsgID, m.Header.MsgType, m.RawHeader}
	o, err := readBroadcast(m)
	if err != nil {
		return []Action{fail(a, "", valueError, "broadcast options: %s", badJSON(err))}
	}
	if len(o.targets) == 0 {
		return []Action{fail(a, "", valueError, "a broadcast without targets")}
	}
	var w *whole
	if o.coalescing {
		for _, t := range o.targets {
			if b.engines[t.UUID] == nil && !o.apart {
				return []Action{unknown(a, t)}
			}
		}
		w = &whole{asked: a, list: o.list, replies: make([]*wire.Message, len(o.targets)), missing: len(o.targets), apart: o.apart}
		if o.apart {
			w.parts = make([][]byte, len(o.targets))
		}
	}
	var out []Action
	for i, t := range o.targets {
		own := a
		own.id, own.header = o.copy(t)
		p := b.engines[t.UUID]
		key := task{string(a.client), own.id}
		switch {
		case p == nil && w == nil:
			out = append(out, unknown(own, t))
			continue
		case p == nil:
			out = append(out, b.fill(w, i, b.message(unknown(own, t)))...)
			continue
		case b.parts[key] != nil && w == nil:
			continue // the id is taken: its first holder gets the reply
		case b.parts[key] != nil:
			out = append(out, b.fill(w, i, b.message(fail(own, "", valueError, "engine %d has a task %q already", t.ID, own.id)))...)
			continue
		}
		p.asked[key] = own
		b.parts[key] = &part{w, i}
		header := m.Header
		header.MsgID = own.id
		out = append(out, Sign{ToEngine, len(o.targets), &wire.Message{
			Route:     [][]byte{[]byte(t.UUID), a.client},
			Header:    header,
			RawHeader: own.header,
			Parent:    m.Parent,
			RawParent: m.RawParent,
			Metadata:  o.metadata,
			Content:   m.Content,
			Buffers:   m.Buffers,
		}})
	}
	return out
}

func unknown(a asked, t wire.Target) Answer {
	return fail(a, t.UUID, engineError, "no engine %d (%q) is registered: it has died, or never was", t.ID, t.UUID)
}

// take returns the part of an engine, which is answered or never will be.
func (b *Broadcast) take(p *peer, key task) *part {
	delete(p.asked, key)
	part := b.parts[key]
	delete(b.parts, key)
	return part
}

func (b *Broadcast) onReply(ev Reply) []Action {
	if len(ev.Message.Route) != 2 {
		return nil
	}
	engine, client := ev.Frames[0], ev.Frames[1]
	p := b.engines[wire.EngineUUID(engine)]
	key := task{string(client), ev.Message.Parent.MsgID}
	if p == nil {
		return nil
	}
	if _, ok := p.asked[key]; !ok {
		return nil
	}
	part := b.take(p, key)
	if part.whole == nil {
		ev.Frames[0], ev.Frames[1] = client, engine
		return []Action{Relay{To: ToClient, Frames: ev.Frames}}
	}
	return append([]Action{Record{ev.Message}}, b.fill(part.whole, part.index, ev.Message)...)
}

// fill gives a whole the reply of one target, and answers when it was the last.
func (b *Broadcast) fill(w *whole, index int, reply *wire.Message) []Action {
	w.replies[index] = reply
	if w.apart {
		w.parts[index] = ownPart(reply) // now, and not when all wait for the last
	}
	w.missing--
	if w.missing > 0 || w.answered {
		return nil
	}
	return []Action{Sign{ToClient, 1, w.coalesce()}}
}

// onEngineDown answers for a dead engine.
func (b *Broadcast) onEngineDown(ev EngineDown) []Action {
	p := b.engines[ev.UUID]
	if p == nil {
		return nil
	}
	delete(b.engines, ev.UUID)
	var out []Action
	for _, a := range p.inOrder() {
		out = append(out, b.instead(p, a, func(a asked) Answer { return died(a, p, ev.Cause) })...)
	}
	return out
}

func (b *Broadcast) onUnsent(ev Unsent) []Action {
	p := b.engines[wire.EngineUUID(ev.Engine)]
	if p == nil {
		return nil
	}
	a, ok := p.asked[task{string(ev.Client), ev.ID}]
	if !ok {
		return nil
	}
	return b.instead(p, a, func(a asked) Answer { return unsent(a, p) })
}

// instead answers a request in its engine's stead. A coalescing broadcast that
// the client does not take apart fails as a whole and at once: Python's clients
// know no other failure, and give up by themselves when they hear of the death.
func (b *Broadcast) instead(p *peer, a asked, answer func(asked) Answer) []Action {
	part := b.take(p, task{string(a.client), a.id})
	w := part.whole
	if w == nil {
		return []Action{answer(a)}
	}
	reply := b.message(answer(a))
	out := []Action{Record{reply}}
	if !w.apart && !w.answered {
		w.answered = true
		out = append(out, answer(w.asked))
	}
	return append(out, b.fill(w, part.index, reply)...)
}
