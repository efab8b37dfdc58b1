package controller

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"muster/wire"
)

// A simEngine runs one task at a time. One of Muster keeps replies until they are
// acknowledged and registers again with a controller that was started anew; one
// of Python does neither.
type simEngine struct {
	sim     *simulation
	uuid    wire.EngineUUID
	id      *wire.EngineID
	session *wire.Session
	keeps   bool
	mortal  bool
	speed   int // how likely it is at a step that it ends a task
	dead    bool

	to       *incarnation // that its connections lead to
	instance string       // that it is registered with, or asks
	in       links
	queue    []simTask // the first runs
	kept     map[wire.MsgID]simReply
	backlog  []simReply // made while there was no controller
	sent     int
}

type simTask struct {
	channel string
	message *wire.Message
}

type simReply struct {
	channel string
	frames  [][]byte
}

// hire has an engine come.
func (s *simulation) hire() {
	uuid := fmt.Sprint("engine", len(s.engines))
	s.engines = append(s.engines, &simEngine{
		sim: s, uuid: wire.EngineUUID(uuid), session: wire.NewSession(simKey, uuid),
		speed: 1 + s.rng.IntN(6), keeps: s.rng.IntN(5) > 0, mortal: s.rng.IntN(3) == 0 && len(s.engines) > 0, kept: make(map[wire.MsgID]simReply),
	})
}

func (e *simEngine) send(channel string, frames [][]byte) {
	e.sim.toController(e.to, string(e.uuid), channel, frames)
}

// lost is for when a controller is gone. The connections find the next one by
// themselves.
func (e *simEngine) lost(up *incarnation) {
	if e.to == up {
		e.to = nil
	}
}

func (e *simEngine) die() {
	e.dead = true
	e.sim.say("%s dies", e.uuid)
	if e.to != nil && e.to == e.sim.up {
		// What it has sent may still arrive, before or after the news.
		e.sim.toController(e.to, string(e.uuid), "departed", nil)
	}
}

func (e *simEngine) receive(l *link) {
	channel, frames := l.channel, l.take()
	if channel == "ping" {
		e.pinged(frames[0])
		return
	}
	m, err := e.session.Decode(frames)
	if err != nil {
		e.sim.say("%s drops a message: %v", e.uuid, err)
		return
	}
	switch m.Header.MsgType {
	case wire.RegistrationReply:
		var r wire.Registered
		if json.Unmarshal(m.Content, &r) != nil || r.Status != wire.StatusOK {
			e.sim.fail("%s was refused: %s", e.uuid, m.Content)
		}
		if known, ok := e.sim.known[e.uuid]; ok && !known.Gone && known.ID != r.ID {
			e.sim.fail("%s had the id %d, and has %d", e.uuid, known.ID, r.ID)
		}
		e.id = &r.ID
	case wire.Acknowledge, wire.Resend:
		var ids wire.MsgIDs
		if err := json.Unmarshal(m.Content, &ids); err != nil {
			e.sim.fail("%v", err)
		}
		for _, id := range ids.MsgIDs {
			r, ok := e.kept[id]
			switch {
			case !e.keeps:
				e.sim.fail("%s keeps no replies, and is told to %s", e.uuid, m.Header.MsgType)
			case m.Header.MsgType == wire.Acknowledge:
				delete(e.kept, id)
			case ok:
				e.send("engine/"+r.channel, r.frames)
			}
		}
	case wire.AbortRequest:
		var a wire.Abort
		if err := json.Unmarshal(m.Content, &a); err != nil {
			e.sim.fail("%v", err)
		}
		for i := len(e.queue) - 1; i > 0; i-- { // not the one that runs
			if t := e.queue[i]; slices.Contains(a.MsgIDs, t.message.Header.MsgID) {
				e.queue = slices.Delete(e.queue, i, i+1)
				e.reply(t, wire.StatusAborted)
			}
		}
	default:
		id := m.Header.MsgID
		if r, ok := e.kept[id]; ok {
			e.send("engine/"+r.channel, r.frames)
			return
		}
		if slices.ContainsFunc(e.queue, func(t simTask) bool { return t.message.Header.MsgID == id }) {
			return
		}
		e.sim.say("%s has %s", e.uuid, id)
		e.queue = append(e.queue, simTask{channel, m})
	}
}

// pinged answers a ping. One of another instance makes the engine register, anew
// with all its connections if it did before.
func (e *simEngine) pinged(beat []byte) {
	up := e.sim.up
	if up == nil || wire.InstanceOf(beat) != up.instance {
		return // of one that is gone
	}
	if e.to == nil && !e.keeps && e.instance != "" { // Python's sockets connect again by themselves
		e.to, e.instance = up, up.instance
		e.flush()
	}
	if e.instance == up.instance {
		e.send("pong", [][]byte{beat})
		return
	}
	if e.instance != "" && e.sim.rng.IntN(2) == 0 {
		// The old connections have found the controller first: what was made
		// meanwhile goes by them, and a pong.
		e.to = up
		e.send("pong", [][]byte{beat})
		e.flush()
	}
	e.backlog = nil
	e.in = nil
	r := wire.Registration{UUID: e.uuid, Keeps: e.keeps, ID: e.id}
	if e.instance != "" {
		r.Tasks = slices.Sorted(maps.Keys(e.kept))
		if r.Tasks == nil {
			r.Tasks = []wire.MsgID{}
		}
		for _, t := range e.queue {
			r.Tasks = append(r.Tasks, t.message.Header.MsgID)
		}
	}
	e.to, e.instance = up, up.instance
	_, frames, err := e.session.Frames(wire.RegistrationRequest, nil, nil, r)
	if err != nil {
		e.sim.fail("%v", err)
	}
	e.sim.say("%s registers, with %s", e.uuid, r.Tasks)
	e.send("registration", frames)
}

func (e *simEngine) flush() {
	for _, r := range e.backlog {
		e.send("engine/"+r.channel, r.frames)
	}
	e.backlog = nil
}

// work ends the task that runs.
func (e *simEngine) work() {
	t := e.queue[0]
	e.queue = e.queue[1:]
	id := t.message.Header.MsgID
	e.sim.ran[id] = append(e.sim.ran[id], e.uuid)
	e.sim.say("%s has run %s", e.uuid, id)
	var said struct {
		Fails string `json:"fails"`
		Order int    `json:"order"`
	}
	json.Unmarshal(t.message.Metadata, &said)
	if said.Order > 0 {
		key := t.message.Header.Session + " on " + string(e.uuid)
		e.sim.order[key] = append(e.sim.order[key], said.Order)
	}
	status := wire.StatusOK
	if said.Fails == "always" || said.Fails == "once" && len(e.sim.ran[id]) == 1 {
		status = wire.StatusError
	}
	e.reply(t, status)
}

func (e *simEngine) reply(t simTask, status string) {
	e.sent++
	began := time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC).Add(time.Duration(e.sim.now) * tick)
	var echoed map[string]json.RawMessage
	json.Unmarshal(t.message.Metadata, &echoed)
	metadata := map[string]any{"status": status, "started": wire.Time{Time: began}, "outputs": 0, "engine": e.uuid}
	for _, key := range []string{"is_broadcast", "is_coalescing", "original_msg_id"} {
		if v := echoed[key]; v != nil {
			metadata[key] = v
		}
	}
	content := wire.Reply{Status: status}
	if status == wire.StatusError {
		content = wire.Failure("Error", "it fails")
	}
	header := wire.Header{
		MsgID: wire.MsgID(fmt.Sprint(e.uuid, "_", e.sent)), MsgType: wire.ApplyReply, Session: string(e.uuid),
		Date: wire.Time{Time: began.Add(100 * time.Microsecond)}, Version: wire.ProtocolVersion,
	}
	raw, _ := json.Marshal(header)
	meta, _ := json.Marshal(metadata)
	body, _ := json.Marshal(content)
	frames := e.session.Encode(&wire.Message{Route: t.message.Route, RawHeader: raw, RawParent: t.message.RawHeader, Metadata: meta, Content: body})
	r := simReply{t.channel, frames}
	if e.keeps && (status != wire.StatusAborted || t.channel != "task") { // that is given back
		e.kept[t.message.Header.MsgID] = r
	}
	if e.to == nil {
		e.backlog = append(e.backlog, r)
	}
	e.send("engine/"+t.channel, frames)
}

// A simClient keeps its requests until they are answered, whole until they are
// acknowledged.
type simClient struct {
	sim     *simulation
	session *wire.Session
	to      *incarnation
	ready   bool // it knows the engines, and has sent again what waits
	in      [][][]byte
	engines map[wire.EngineID]wire.EngineUUID
	left    int // tasks that it has still to submit
	order   int
	waits   []*simRequest // in the order in which they were sent first
	done    []*simRequest
	met     bool // a controller
}

type simRequest struct {
	id           wire.MsgID
	channel      string
	engine       wire.EngineUUID // of a direct request, or a part of a broadcast
	origin       wire.MsgID      // of that
	header       json.RawMessage
	metadata     map[string]any
	retries      int
	acknowledged bool
	sendings     int
	answer       string
}

func newSimClient(s *simulation, i, tasks int) *simClient {
	return &simClient{sim: s, session: wire.NewSession(simKey, fmt.Sprint("client", i)), left: tasks}
}

func (p *simClient) send(channel string, frames [][]byte) {
	if channel != "registration" {
		channel = "client/" + channel
	}
	p.sim.toController(p.to, p.session.ID, channel, frames)
}

// reconnect makes new connections, and asks for the engines.
func (p *simClient) reconnect() {
	p.to, p.ready, p.in = p.sim.up, false, nil
	_, frames, err := p.session.Frames(wire.ConnectionRequest, nil, nil, nil)
	if err != nil {
		p.sim.fail("%v", err)
	}
	p.send("registration", frames)
}

func (p *simClient) request(r *simRequest, route [][]byte) {
	metadata, _ := json.Marshal(r.metadata)
	m := &wire.Message{Route: route, RawHeader: r.header, Metadata: metadata, Content: json.RawMessage(`{"x":1}`), Buffers: [][]byte{[]byte("payload")}}
	p.send(r.channel, p.session.Encode(m))
}

// submit sends a new request, of any kind.
func (p *simClient) submit() {
	p.left--
	p.order++
	r := &simRequest{metadata: map[string]any{}}
	r.id, r.header = p.session.Header(wire.ApplyRequest)
	live := slices.Sorted(maps.Keys(p.engines))
	switch kind := p.sim.rng.IntN(10); {
	case kind < 3 && len(live) > 0:
		r.channel, r.engine = "mux", p.engines[live[p.sim.rng.IntN(len(live))]]
		r.metadata["order"] = p.order
		p.request(r, [][]byte{[]byte(r.engine)})
	case kind < 5 && len(live) > 0:
		r.channel = "broadcast"
		var targets []wire.Target
		for _, id := range live {
			targets = append(targets, wire.Target{UUID: p.engines[id], ID: id})
		}
		r.metadata["targets"], r.metadata["is_broadcast"], r.metadata["is_coalescing"] = targets, true, kind == 3
		p.request(r, nil)
		for _, t := range targets {
			part := *r
			part.origin, part.engine, part.metadata = r.id, t.UUID, map[string]any{}
			part.id = r.id + "_" + wire.MsgID(t.UUID)
			part.header = json.RawMessage(strings.Replace(string(r.header), string(r.id), string(part.id), 1))
			p.waits = append(p.waits, &part)
		}
		p.sim.say("%s broadcasts %s", p.session.ID, r.id)
		return
	default:
		r.channel = "task"
		if p.sim.rng.IntN(2) == 0 {
			r.retries = 1 + p.sim.rng.IntN(2)
			r.metadata["retries"] = r.retries
		}
		switch p.sim.rng.IntN(8) {
		case 0:
			r.metadata["fails"] = "once"
		case 1:
			r.metadata["fails"] = "always"
		}
		if n := len(p.waits); n > 0 && p.sim.rng.IntN(4) == 0 && p.waits[n-1].channel == "task" {
			r.metadata[[...]string{"after", "follow"}[p.sim.rng.IntN(2)]] = []wire.MsgID{p.waits[n-1].id}
		}
		p.request(r, nil)
	}
	p.sim.say("%s submits %s: %s %s", p.session.ID, r.id, r.channel, r.engine)
	p.waits = append(p.waits, r)
}

// again sends all that waits once more, in order.
func (p *simClient) again() {
	for _, r := range p.waits {
		r.sendings++
		m := &wire.Message{RawHeader: r.header, Content: wire.Empty}
		metadata := map[string]any{wire.Again: true, "sendings": r.sendings}
		if !r.acknowledged {
			maps.Copy(metadata, r.metadata)
			m.Content, m.Buffers = json.RawMessage(`{"x":1}`), [][]byte{[]byte("payload")}
		}
		m.Metadata, _ = json.Marshal(metadata)
		channel := r.channel
		if r.engine != "" {
			channel, m.Route = "mux", [][]byte{[]byte(r.engine)}
		}
		p.sim.say("%s sends %s again", p.session.ID, r.id)
		p.send(channel, p.session.Encode(m))
	}
}

func (p *simClient) receive() {
	frames := p.in[0]
	p.in = p.in[1:]
	m, err := p.session.Decode(frames)
	if err != nil {
		p.sim.say("%s drops a message: %v", p.session.ID, err)
		return
	}
	switch m.Header.MsgType {
	case wire.ConnectionReply:
		var c wire.Connected
		if err := json.Unmarshal(m.Content, &c); err != nil || p.to == nil || c.Instance != p.to.instance {
			return
		}
		p.engines = c.Engines
		if !p.ready && p.met {
			p.again()
		}
		p.ready, p.met = true, true
	case wire.Acknowledge:
		var ids wire.MsgIDs
		if err := json.Unmarshal(m.Content, &ids); err != nil {
			p.sim.fail("%v", err)
		}
		for _, r := range p.waits {
			r.acknowledged = r.acknowledged || slices.Contains(ids.MsgIDs, r.id)
		}
	default:
		var said wire.Reply
		if err := json.Unmarshal(m.Content, &said); err != nil {
			p.sim.fail("%v", err)
		}
		answer := said.Status
		if said.Status == wire.StatusError {
			answer += ": " + said.Evalue
			if said.Ename == "ImpossibleDependency" {
				answer = said.Ename
			}
		}
		var whole struct {
			Targets  json.RawMessage `json:"broadcast_targets"`
			Original wire.MsgID      `json:"original_msg_id"`
		}
		json.Unmarshal(m.Metadata, &whole)
		for i := len(p.waits) - 1; i >= 0; i-- {
			r := p.waits[i]
			if r.id == m.Parent.MsgID || r.origin != "" && (r.origin == m.Parent.MsgID || whole.Targets != nil && r.origin == whole.Original) {
				r.answer = answer
				p.sim.say("%s has the answer to %s: %s", p.session.ID, r.id, answer)
				p.done = append(p.done, r)
				p.waits = slices.Delete(p.waits, i, i+1)
			}
		}
	}
}
