package hub

import (
	"slices"

	"muster/wire"
)

// Restored gives a new hub what an earlier controller left. It is the first event.
type Restored struct{ Left *Left }

func (Restored) event() {}

// Resume gives a queue's scheduler the tasks of an earlier controller that have
// no answer, in order, and with the task queue's the outcomes of others.
type Resume struct {
	Queue    Queue
	Tasks    []Resumed
	Outcomes []Outcome
}

// Resumed is a task of an earlier controller. The engine, and the id that it has
// or had, is the one that was sent it last, if any.
type Resumed struct {
	Message *wire.Message
	Engine  wire.EngineUUID
	ID      wire.EngineID
	State   State
	Why     string // of a Lost one: why the engine cannot tell, as what follows its name
	Tried   *Tried // nil if there is nothing to tell
}

// A State is what is known of a task of an earlier controller.
type State int

// The states.
const (
	Due   State = iota // no engine has it
	There              // the engine has it, or keeps its reply
	Lost               // the engine had it, and cannot tell what became of it
)

// Resend asks an engine for replies that it keeps.
type Resend struct {
	Engine wire.EngineUUID
	IDs    []wire.MsgID
}

// Open says that the adoption is over: requests are taken from now on. It counts
// the engines that came back, of those that were there, and the tasks without an
// answer: those that an engine has, those that are sent again, those that no
// engine was sent, and those of which nobody can tell whether they ran.
type Open struct {
	Engines, Expected                  int
	Continued, Again, Waiting, Unknown int
}

func (Resume) action() {}
func (Resend) action() {}
func (Open) action()   {}

// An adoption is the time in which the engines of an earlier controller come
// back. Until it is over no request of a client is taken, but for one to end.
type adoption struct {
	left    *Left
	engines map[wire.EngineUUID]*expected
	missing int // of those that are expected
	until   int // in ticks
	waiting []Request
}

// expected is an engine of an earlier controller. One that keeps replies
// registers again and says which tasks it has. Another, a Python engine, does
// neither: it is back with its first pong, and what it has is not known.
type expected struct {
	Engine
	heard, back bool
	tasks       []wire.MsgID
}

// A stray is a request that an engine was sent and that has no record. It is
// held if the engine says that it has it, or its reply.
type stray struct {
	engine wire.EngineUUID
	queue  Queue
	id     wire.EngineID
	held   bool
}

// onRestored begins the adoption.
func (m *Machine) onRestored(ev Restored) {
	a := &adoption{left: ev.Left, engines: make(map[wire.EngineUUID]*expected)}
	for _, e := range ev.Left.Engines {
		a.engines[e.UUID] = &expected{Engine: e}
		m.nextID = max(m.nextID, e.ID+1)
		if !e.Gone {
			a.missing++
		}
	}
	m.restored = true
	m.strays = make(map[wire.MsgID]*stray)
	for _, p := range ev.Left.Strays {
		s := &stray{engine: p.Engine, queue: p.Queue, id: -1}
		if e := a.engines[p.Engine]; e != nil {
			s.id = e.ID
		}
		m.strays[p.Task] = s
	}
	m.adoption = a
	m.helped()
	if a.missing == 0 {
		m.adopted()
	}
}

// helped has the adoption wait for more, since something came.
func (m *Machine) helped() { m.adoption.until = m.now + m.cfg.Adoption }

// expected returns an engine that was registered with an earlier controller when
// it ended, and is awaited. Otherwise it is nil.
func (m *Machine) expected(uuid wire.EngineUUID) *expected {
	if m.adoption == nil {
		return nil
	}
	if e := m.adoption.engines[uuid]; e != nil && !e.Gone {
		return e
	}
	return nil
}

// reserved tells whether an id is that of an engine that may come back.
func (m *Machine) reserved(id wire.EngineID) bool {
	return m.adoption != nil && slices.ContainsFunc(m.adoption.left.Engines, func(e Engine) bool {
		return e.ID == id && m.expected(e.UUID) != nil
	})
}

// signOfLife is a pong of an engine that is not registered.
func (m *Machine) signOfLife(uuid wire.EngineUUID) {
	e := m.expected(uuid)
	switch {
	case e == nil || e.back:
	case !e.Keeps:
		m.pending = append(m.pending, &engine{id: e.ID, uuid: uuid, since: m.now})
		m.up(len(m.pending) - 1)
	case !e.heard:
		e.heard = true
		m.helped()
	}
}

// back notes that an engine is registered that says which tasks it has.
func (m *Machine) back(e *engine) {
	x := m.expected(e.uuid)
	if x == nil {
		m.reported(e)
		return
	}
	x.back, x.tasks = true, e.reported
	m.adoption.missing--
	m.helped()
	if m.adoption.missing == 0 {
		m.adopted()
	}
}

// lose notes that an engine does not come back, or has gone again.
func (m *Machine) lose(uuid wire.EngineUUID) {
	x := m.expected(uuid)
	if x == nil {
		return
	}
	x.Gone = true
	if x.back {
		x.back = false
	} else if m.adoption.missing--; m.adoption.missing == 0 {
		m.adopted()
	}
}

// adopted ends the adoption: every task of the earlier controller is where it
// is to be found, or nobody knows where.
func (m *Machine) adopted() {
	a := m.adoption
	m.adoption = nil
	var open Open
	for _, e := range a.left.Engines {
		x := a.engines[e.UUID]
		switch {
		case x.back:
			open.Expected++
			open.Engines++
		case !e.Gone:
			open.Expected++
			e.Gone = true
			m.do(Enlist{e})
		}
	}
	resume := map[Queue]*Resume{Mux: {Queue: Mux}, Broadcast: {Queue: Broadcast}, Task: {Queue: Task, Outcomes: a.left.Outcomes}}
	there := make(map[wire.MsgID]bool)
	has := make(map[wire.EngineUUID]map[wire.MsgID]bool)
	for uuid, x := range a.engines {
		has[uuid] = make(map[wire.MsgID]bool, len(x.tasks))
		for _, id := range x.tasks {
			has[uuid][id] = true
		}
	}
	for _, t := range a.left.Tasks {
		q := resume[t.Queue]
		if q == nil {
			continue // of a release that knows other queues
		}
		id, x := t.Message.Header.MsgID, a.engines[t.Engine]
		r := Resumed{Message: t.Message, Engine: t.Engine, ID: -1, Tried: t.Tried}
		if x != nil {
			r.ID = x.ID
		}
		switch {
		case t.Engine == "":
			open.Waiting++
		case x == nil || !x.back:
			r.State, r.Why = Lost, "is gone"
			open.Unknown++
		case !x.Keeps:
			r.State, r.Why = Lost, "keeps no replies"
			open.Unknown++
		case has[t.Engine][id]:
			r.State, there[id] = There, true
			open.Continued++
		default:
			open.Again++
		}
		m.adopt(t, r.State)
		q.Tasks = append(q.Tasks, r)
	}
	for _, q := range [...]Queue{Mux, Broadcast, Task} {
		m.do(*resume[q])
	}
	for _, e := range slices.Clone(m.engines) {
		x := a.engines[e.uuid]
		if x == nil || !x.back {
			continue
		}
		var kept, stale []wire.MsgID
		for _, id := range x.tasks {
			switch s := m.strays[id]; {
			case there[id] && m.tasks.byID[id].engine == e.uuid:
				kept = append(kept, id)
			case s != nil && s.engine == e.uuid:
				s.held = true
			default:
				stale = append(stale, id)
			}
		}
		if len(kept) > 0 {
			m.do(Resend{e.uuid, kept})
		}
		if len(stale) > 0 {
			m.do(Acknowledge{Engine: e.uuid, IDs: stale})
		}
	}
	m.do(open)
	for _, r := range a.waiting {
		m.onRequest(r)
	}
}

// adopt has a task of the earlier controller among those that have no answer.
func (m *Machine) adopt(u Unanswered, s State) {
	t := &task{id: u.Message.Header.MsgID, queue: u.Queue, engine: u.Engine, on: m.byUUID[u.Engine], restored: true}
	if t.queue == Task && s == Due {
		t.engine, t.on = "", nil
	}
	if t.on != nil {
		t.count(1)
	}
	m.tasks.add(t)
}

// reported takes it from an engine which tasks it has, when it registers again
// and nobody has waited for it. Its clients may ask for those that have no
// record. The others were answered in its stead.
func (m *Machine) reported(e *engine) {
	var stale []wire.MsgID
	for _, id := range e.reported {
		if s := m.strays[id]; s != nil && s.engine == e.uuid {
			s.held = true
		} else {
			stale = append(stale, id)
		}
	}
	if len(stale) > 0 && e.keeps {
		m.do(Acknowledge{Engine: e.uuid, IDs: stale})
	}
}
