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
// were before it: it may be the same once more.
func (m *Machine) onUnwanted(ev Unwanted) {
	if m.durable() {
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
