package hub

import (
	"maps"
	"slices"

	"muster/wire"
)

// durable tells whether records outlive the controller, so that it can be
// restored. Then clients keep requests, and engines replies, until they are
// acknowledged (protocol section 17).
func (m *Machine) durable() bool { return m.cfg.Database == Elsewhere }

// onUnwanted has a reply acknowledged that nobody waits for, with those that
// were before it: it may be the same once more. One is kept of which the client
// has yet to say that it waits for it.
func (m *Machine) onUnwanted(ev Unwanted) {
	e, s, t := m.byUUID[ev.Engine], m.strays[ev.Task], m.tasks.byID[ev.Task]
	switch {
	case e == nil || !e.keeps, t != nil && t.engine == ev.Engine:
	case s != nil && s.engine == ev.Engine:
		s.held = true
	default:
		m.keep(ev)
	}
}

// onCommitted acknowledges what is durable to those who keep it.
func (m *Machine) onCommitted(ev Committed) {
	for _, session := range slices.Sorted(maps.Keys(ev.Requests)) {
		m.do(Acknowledge{Client: session, IDs: ev.Requests[session]})
	}
	for _, session := range slices.Sorted(maps.Keys(ev.Replies)) {
		if e := m.engineOfSession(session); e != nil && e.keeps {
			m.do(Acknowledge{Engine: wire.EngineUUID(session), IDs: ev.Replies[session]})
		}
	}
}
