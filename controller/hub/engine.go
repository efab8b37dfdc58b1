package hub

import (
	"cmp"
	"fmt"
	"slices"

	"muster/wire"
)

// engine is one that has asked to be registered.
type engine struct {
	id      wire.EngineID
	uuid    wire.EngineUUID
	process wire.EngineProcess
	since   int  // when it asked
	keeps   bool // its replies until they are acknowledged

	// Of one that registers again: the first ping whose pong is not from a
	// connection that it had before, and the tasks that it says it has.
	from     uint64
	reported []wire.MsgID

	beaten bool // it answered a ping since the last judgement
	misses int  // in a row
	doubt  *doubt

	// Tasks that it has been given and not answered, by queue, and how many it
	// has answered since it came.
	queue, tasks, completed int
}

// doubt is the time an engine has to show that it lives or, when its process is
// known to have ended, that its last replies have to arrive.
type doubt struct {
	until int    // in ticks
	from  uint64 // the first ping whose pong counts
	ended bool   // none counts
	cause string // of its end, when the time is over
}

// onRegistration lets an engine in, until its first pong as a pending one.
func (m *Machine) onRegistration(ev Request) {
	var content wire.Registration
	err := decode(ev.Message, &content)
	var id wire.EngineID
	if err == nil {
		id, err = m.admit(content)
	}
	if err != nil {
		m.do(Reply{To: ev.From, Type: wire.RegistrationReply, Content: err.content()})
		m.do(Refused{content.UUID, err.evalue})
		return
	}
	e := &engine{id: id, uuid: content.UUID, process: content.EngineProcess, since: m.now, keeps: content.Keeps && m.durable()}
	if content.Tasks != nil {
		e.from, e.reported = m.heart.ping+1, content.Tasks
	}
	m.pending = append(m.pending, e)
	if m.expected(e.uuid) != nil {
		m.helped()
	}
	m.heart.nextPing = m.now + 1
	m.do(Reply{To: ev.From, Type: wire.RegistrationReply, Content: wire.Registered{
		Status:         wire.StatusOK,
		ID:             id,
		HeartPeriod:    m.cfg.HeartPeriod,
		ConnectionInfo: m.cfg.Connection,
		Instance:       m.cfg.Instance,
		Acknowledges:   m.durable(),
	}})
}

// admit checks a registration and picks the engine's id: the one asked for if
// no engine has it, or the next.
func (m *Machine) admit(r wire.Registration) (wire.EngineID, *failure) {
	if r.UUID == "" || len(r.UUID) > 255 || r.UUID[0] == 0 {
		return 0, valueError("uuid %q cannot be a ZeroMQ identity: want 1 to 255 bytes", r.UUID)
	}
	if r.Tasks != nil {
		m.replace(r.UUID)
	}
	if m.byUUID[r.UUID] != nil || m.pendingIndex(func(e *engine) bool { return e.uuid == r.UUID }) >= 0 {
		return 0, keyError(fmt.Sprintf("uuid %q in use", r.UUID))
	}
	if x := m.expected(r.UUID); x != nil {
		return x.ID, nil
	}
	if r.ID == nil {
		m.nextID++
		return m.nextID - 1, nil
	}
	id := *r.ID
	if id < 0 || id > maxEngineID {
		return 0, valueError("engine id %d: want 0 to %d", id, maxEngineID)
	}
	switch e := m.byID[id]; { // if there is one, this may be the one that takes its place
	case e == nil:
	case e.doubt != nil && e.doubt.ended:
		m.down(e, e.doubt.cause)
	case r.After != "" && e.process.Job == r.After:
		m.down(e, "its job has ended, and another has taken its place")
	}
	if m.byID[id] != nil || m.reserved(id) || m.pendingIndex(func(e *engine) bool { return e.id == id }) >= 0 {
		m.nextID++
		return m.nextID - 1, nil
	}
	m.nextID = max(m.nextID, id+1)
	return id, nil
}

// replace makes room for an engine that registers again, for which it closed the
// connections that it had before: what was on its way there is lost.
func (m *Machine) replace(uuid wire.EngineUUID) {
	if i := m.pendingIndex(func(e *engine) bool { return e.uuid == uuid }); i >= 0 {
		m.pending = slices.Delete(m.pending, i, i+1)
	}
	if e := m.byUUID[uuid]; e != nil {
		x := m.expected(uuid)
		m.down(e, "it has lost its connections and made new ones")
		if x != nil {
			x.Gone = false
			m.adoption.missing++
		}
	}
}

func (m *Machine) pendingIndex(is func(*engine) bool) int { return slices.IndexFunc(m.pending, is) }

// up completes a registration: the engine has a heart.
func (m *Machine) up(i int) {
	e := m.pending[i]
	m.pending = slices.Delete(m.pending, i, i+1)
	e.beaten = true
	m.engines = append(m.engines, e)
	m.byUUID[e.uuid], m.byID[e.id] = e, e
	m.notifyGone(m.now + notifyAfter) // clients hear of engines in order: an id may be one that was given up
	m.enlist(e, false)
	m.do(Up{e.id, e.uuid, e.process.JobEnd})
	if e.process.Draining {
		m.do(Draining{e.id, e.uuid})
	}
	m.do(Notify{Type: wire.RegistrationNotification, Content: wire.EngineNotice{ID: e.id, UUID: e.uuid}})
	m.back(e)
}

// notifyAfter is how many ticks clients hear later that an engine is gone than
// the schedulers do. These answer its requests at once; ipyparallel's client
// answers them itself when it hears, and complains of a second answer.
const notifyAfter = 2

// notice is an engine of whose end clients will hear at a tick.
type notice struct {
	at int
	wire.EngineNotice
}

// notifyGone tells clients of the engines whose time has come.
func (m *Machine) notifyGone(now int) {
	for len(m.gone) > 0 && m.gone[0].at <= now {
		m.do(Notify{Type: wire.UnregistrationNotification, Content: m.gone[0].EngineNotice})
		m.gone = m.gone[1:]
	}
}

// down forgets an engine.
func (m *Machine) down(e *engine, cause string) {
	m.engines = slices.DeleteFunc(m.engines, func(x *engine) bool { return x == e })
	delete(m.byUUID, e.uuid)
	delete(m.byID, e.id)
	m.enlist(e, true)
	m.do(Down{e.id, e.uuid, cause})
	m.gone = append(m.gone, notice{m.now + notifyAfter, wire.EngineNotice{ID: e.id, UUID: e.uuid, Cause: cause}})
	m.lose(e.uuid)
}

// drop forgets a pending engine.
func (m *Machine) drop(i int, cause string) {
	m.do(Refused{m.pending[i].uuid, cause})
	m.pending = slices.Delete(m.pending, i, i+1)
}

// onUnregistration lets an engine go that says so, or whose nanny does.
func (m *Machine) onUnregistration(ev Request) {
	var content wire.Unregistration
	if decode(ev.Message, &content) != nil || content.ID == nil {
		return
	}
	if e := m.byID[*content.ID]; e != nil {
		m.down(e, cmp.Or(causeText(content.Cause), "it left, or its process ended"))
		return
	}
	if i := m.pendingIndex(func(e *engine) bool { return e.id == *content.ID }); i >= 0 {
		m.drop(i, "it left before its first heartbeat")
	}
	if m.adoption != nil {
		for _, e := range m.adoption.left.Engines {
			if e.ID == *content.ID && m.expected(e.UUID) != nil {
				m.lose(e.UUID)
				return
			}
		}
	}
}

// onDraining has an engine be given nothing more.
func (m *Machine) onDraining(ev Request) {
	var content wire.Drains
	if decode(ev.Message, &content) != nil {
		return
	}
	if i := m.pendingIndex(func(e *engine) bool { return e.uuid == content.UUID }); i >= 0 {
		m.pending[i].process.Draining = true
	}
	if e := m.byUUID[content.UUID]; e != nil && !e.process.Draining {
		e.process.Draining = true
		m.do(Draining{e.id, e.uuid})
	}
}

// enlist has it kept that an engine has come or gone, where that outlives the
// controller.
func (m *Machine) enlist(e *engine, gone bool) {
	if m.durable() {
		m.do(Enlist{Engine{e.id, e.uuid, e.keeps, gone}})
	}
}
