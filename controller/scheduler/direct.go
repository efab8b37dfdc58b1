package scheduler

import "muster/wire"

// Direct sends each request to the engine it names (the mux and the control
// channel). It remembers who has been asked what, so that a request to an
// engine that is unknown, or dies, gets an answer.
type Direct struct {
	engines map[wire.EngineUUID]*peer
	count   uint64
}

// NewDirect returns a Direct without engines.
func NewDirect() *Direct {
	return &Direct{engines: make(map[wire.EngineUUID]*peer)}
}

// Due implements Machine: Direct waits for no time to pass.
func (d *Direct) Due() int { return 0 }

// Step implements Machine.
func (d *Direct) Step(ev Event) []Action {
	switch ev := ev.(type) {
	case Request:
		return d.onRequest(ev)
	case Reply:
		return d.onReply(ev)
	case Unsent:
		return d.onUnsent(ev)
	case Resume:
		return d.onResume(ev)
	case EngineUp:
		d.engines[ev.UUID] = &peer{id: ev.ID, uuid: ev.UUID, asked: make(map[task]asked)}
	case EngineDown:
		return d.onEngineDown(ev)
	}
	return nil
}

func (d *Direct) onRequest(ev Request) []Action {
	m := ev.Message
	if len(m.Route) != 2 {
		return nil // it names no engine, or a path of several
	}
	client, engine := m.Route[0], m.Route[1]
	d.count++
	a := asked{d.count, client, m.Header.MsgID, m.Header.MsgType, m.RawHeader}
	_, wanted := replyType(a.kind)
	p := d.engines[wire.EngineUUID(engine)]
	switch {
	case p == nil && wanted:
		uuid := wire.EngineUUID(engine)
		return []Action{fail(a, uuid, engineError, "no engine %q is registered: it has died, or never was", uuid)}
	case p == nil:
		return nil
	case wanted:
		p.asked[task{string(client), a.id}] = a
	}
	ev.Frames[0], ev.Frames[1] = engine, client
	return []Action{Relay{To: ToEngine, Frames: ev.Frames}}
}

func (d *Direct) onReply(ev Reply) []Action {
	if len(ev.Message.Route) != 2 {
		return nil
	}
	engine, client := ev.Frames[0], ev.Frames[1]
	p := d.engines[wire.EngineUUID(engine)]
	if p == nil {
		return nil // taken for dead: its clients have been told so
	}
	t := task{string(client), ev.Message.Parent.MsgID}
	if _, ok := p.asked[t]; !ok {
		return nil
	}
	delete(p.asked, t)
	ev.Frames[0], ev.Frames[1] = client, engine
	return []Action{Relay{To: ToClient, Frames: ev.Frames}}
}

func (d *Direct) onUnsent(ev Unsent) []Action {
	p := d.engines[wire.EngineUUID(ev.Engine)]
	if p == nil {
		return nil
	}
	t := task{string(ev.Client), ev.ID}
	a, ok := p.asked[t]
	if !ok {
		return nil
	}
	delete(p.asked, t)
	return []Action{unsent(a, p)}
}

func (d *Direct) onEngineDown(ev EngineDown) []Action {
	p := d.engines[ev.UUID]
	if p == nil {
		return nil
	}
	delete(d.engines, ev.UUID)
	var out []Action
	for _, a := range p.inOrder() {
		out = append(out, died(a, p, ev.Cause))
	}
	return out
}
