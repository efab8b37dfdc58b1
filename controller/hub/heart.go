package hub

import (
	"fmt"
	"strconv"
	"strings"

	"muster/wire"
)

// heart counts pings. Each carries the instance of the controller and its number.
type heart struct {
	ping               uint64 // the last one sent
	current            uint64 // the first one of this period
	previous           uint64 // the first one of the period before
	nextBeat, nextPing int    // in ticks
}

// ping sends one to all engines.
func (m *Machine) ping() {
	m.heart.ping++
	m.heart.nextPing = m.now + 1 + len(m.engines)/enginesPerTick
	m.do(Ping{m.cfg.Instance + "." + strconv.FormatUint(m.heart.ping, 10)})
}

// enginesPerTick keeps hurried pings from becoming a flood of pongs: every 64
// engines make them one tick rarer.
const enginesPerTick = 64

// hurry tells whether pings go out more often than once a period: while an
// engine is new or in doubt.
func (m *Machine) hurry() bool {
	if m.adoption != nil {
		return true
	}
	for _, e := range m.pending {
		if m.now-e.since < m.cfg.Young {
			return true
		}
	}
	for _, e := range m.engines {
		if e.doubt != nil {
			return true
		}
	}
	return false
}

func (m *Machine) onTick(ev Tick) {
	m.now += ev.N
	m.notifyGone(m.now)
	for i := len(m.pending) - 1; i >= 0; i-- {
		if m.now-m.pending[i].since >= m.cfg.Stall {
			m.drop(i, "no heartbeat came from it")
		}
	}
	for i := len(m.engines) - 1; i >= 0; i-- {
		if e := m.engines[i]; e.doubt != nil && m.now >= e.doubt.until {
			m.down(e, e.doubt.cause)
		}
	}
	if m.adoption != nil && m.now >= m.adoption.until {
		m.adopted()
	}
	switch {
	case m.now >= m.heart.nextBeat:
		m.beat()
	case m.hurry() && m.now >= m.heart.nextPing:
		m.ping()
	}
}

// beat begins a period: engines are judged by the one that ends.
func (m *Machine) beat() {
	for i := len(m.engines) - 1; i >= 0; i-- {
		e := m.engines[i]
		e.misses++
		if e.beaten {
			e.misses, e.beaten = 0, false
		}
		if e.misses > m.cfg.Misses {
			m.down(e, fmt.Sprintf("it missed %d heartbeats", e.misses))
		}
	}
	m.heart.nextBeat = m.now + m.cfg.Period
	m.heart.previous, m.heart.current = m.heart.current, m.heart.ping+1
	m.ping()
}

// onPong counts an answer to a ping of this period or of the one before.
func (m *Machine) onPong(ev Pong) {
	instance, number, _ := strings.Cut(ev.Beat, ".")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || instance != m.cfg.Instance || n < m.heart.previous || n > m.heart.ping {
		return
	}
	if e := m.byUUID[ev.Engine]; e != nil {
		e.beaten = true
		if e.doubt != nil && !e.doubt.ended && n >= e.doubt.from {
			e.doubt = nil
		}
		return
	}
	i := m.pendingIndex(func(e *engine) bool { return e.uuid == ev.Engine })
	switch {
	case i < 0:
		m.signOfLife(ev.Engine)
	case n >= m.pending[i].from:
		m.up(i)
	}
}

// onDeparted asks an engine whose connection has ended whether it still lives:
// a network may lose a connection and make a new one, a dead process does not.
func (m *Machine) onDeparted(ev Departed) {
	if i := m.pendingIndex(func(e *engine) bool { return e.uuid == ev.Engine }); i >= 0 {
		if m.pending[i].from == 0 { // else it is the connection that it had before
			m.drop(i, "its connection ended")
		}
		return
	}
	if e := m.byUUID[ev.Engine]; e != nil && e.doubt == nil {
		m.ping()
		e.doubt = &doubt{until: m.now + m.cfg.Grace, from: m.heart.ping, cause: "its connection ended"}
	}
}

// engineOfSession returns the registered engine whose session it is.
func (m *Machine) engineOfSession(session string) *engine { return m.byUUID[wire.EngineUUID(session)] }
