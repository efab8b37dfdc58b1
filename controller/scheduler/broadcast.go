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
}

// part is one target's share of a broadcast.
type part struct {
	whole *whole // nil unless coalescing
	index int    // of the target in whole
}

// whole is a coalescing broadcast that is not answered yet.
type whole struct {
	asked
	targets []wire.Target
	replies []*wire.Message // by target
	missing int
}

// NewBroadcast returns a Broadcast without engines.
func NewBroadcast() *Broadcast {
	return &Broadcast{engines: make(map[wire.EngineUUID]*peer), parts: make(map[task]*part)}
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
	case EngineUp:
		b.engines[ev.UUID] = &peer{id: ev.ID, uuid: ev.UUID, asked: make(map[task]asked)}
	case EngineDown:
		return b.onEngineDown(ev)
	}
	return nil
}

// object is JSON of which some keys are changed and the rest is passed on.
type object map[string]json.RawMessage

func (o object) set(key string, value any) {
	b, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings, and lists of strings and numbers
	}
	o[key] = b
}

func (o object) raw() json.RawMessage {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // its values were parsed
	}
	return b
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
	var options struct {
		Targets    []wire.Target `json:"targets"`
		Coalescing bool          `json:"is_coalescing"`
	}
	var metadata, header object
	err := json.Unmarshal(m.Metadata, &options)
	if err == nil {
		err = json.Unmarshal(m.Metadata, &metadata)
	}
	if err == nil {
		err = json.Unmarshal(m.RawHeader, &header)
	}
	if err != nil {
		return []Action{fail(a, "", valueError, "broadcast options: %s", badJSON(err))}
	}
	if len(options.Targets) == 0 {
		return []Action{fail(a, "", valueError, "a broadcast without targets")}
	}
	targets := unique(options.Targets)
	metadata.set("original_msg_id", a.id)
	var w *whole
	if options.Coalescing {
		for _, t := range targets {
			if b.engines[t.UUID] == nil {
				return []Action{unknown(a, t)}
			}
		}
		w = &whole{asked: a, targets: targets, replies: make([]*wire.Message, len(targets)), missing: len(targets)}
	}
	raw := metadata.raw()
	var out []Action
	for i, t := range targets {
		own := a
		own.id = a.id + "_" + wire.MsgID(t.UUID)
		header.set("msg_id", own.id)
		own.header = header.raw()
		p := b.engines[t.UUID]
		key := task{string(a.client), own.id}
		if p == nil {
			out = append(out, unknown(own, t))
			continue
		}
		if b.parts[key] != nil {
			continue // the id is taken: its first holder gets the reply
		}
		p.asked[key] = own
		b.parts[key] = &part{w, i}
		out = append(out, Sign{ToEngine, &wire.Message{
			Route:     [][]byte{[]byte(t.UUID), a.client},
			RawHeader: own.header,
			RawParent: m.RawParent,
			Metadata:  raw,
			Content:   m.Content,
			Buffers:   m.Buffers,
		}})
	}
	return out
}

// unique drops repetitions: an engine that is named twice is asked once.
func unique(targets []wire.Target) []wire.Target {
	var out []wire.Target
	seen := make(map[wire.EngineUUID]bool, len(targets))
	for _, t := range targets {
		if !seen[t.UUID] {
			seen[t.UUID] = true
			out = append(out, t)
		}
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
		return []Action{Relay{ToClient, ev.Frames}}
	}
	w := part.whole
	w.replies[part.index] = ev.Message
	w.missing--
	if w.missing > 0 {
		return nil
	}
	return []Action{Sign{ToClient, w.coalesce()}}
}

// coalesce makes one reply of all. Its dicts are those of one of them, of the
// first that failed if any did; the buffers follow the order of the targets.
func (w *whole) coalesce() *wire.Message {
	base := w.replies[0]
	for _, r := range w.replies {
		var o outcome
		if json.Unmarshal(r.Metadata, &o) == nil && o.Status != "" && o.Status != wire.StatusOK {
			base = r
			break
		}
	}
	var metadata object
	if json.Unmarshal(base.Metadata, &metadata) != nil {
		metadata = object{} // it was an object at the door, if perhaps a bad one
	}
	metadata.set("is_broadcast", true)
	metadata.set("is_coalescing", true)
	metadata.set("original_msg_id", w.id)
	metadata.set("broadcast_targets", w.targets)
	m := &wire.Message{
		Route:     [][]byte{w.client},
		RawHeader: base.RawHeader,
		RawParent: base.RawParent,
		Metadata:  metadata.raw(),
		Content:   base.Content,
	}
	for _, r := range w.replies {
		m.Buffers = append(m.Buffers, r.Buffers...)
	}
	return m
}

// onEngineDown answers for a dead engine: a coalescing broadcast as a whole,
// once, and then what the other engines say is dropped.
func (b *Broadcast) onEngineDown(ev EngineDown) []Action {
	p := b.engines[ev.UUID]
	if p == nil {
		return nil
	}
	delete(b.engines, ev.UUID)
	var out []Action
	for _, a := range p.inOrder() {
		out = append(out, died(b.giveUp(p, a), p, ev.Cause))
	}
	return out
}

// giveUp forgets a part, and the whole if it was of a coalescing broadcast. It
// returns what is to be answered.
func (b *Broadcast) giveUp(p *peer, a asked) asked {
	w := b.take(p, task{string(a.client), a.id}).whole
	if w == nil {
		return a
	}
	for _, t := range w.targets {
		if q := b.engines[t.UUID]; q != nil {
			b.take(q, task{string(w.client), w.id + "_" + wire.MsgID(t.UUID)})
		}
	}
	return w.asked
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
	return []Action{unsent(b.giveUp(p, a), p)}
}
