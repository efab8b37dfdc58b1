package hub

import (
	"cmp"
	"strings"

	"muster/wire"
)

// lastReplies is how many ticks the replies of an engine may take that come
// from a process that has ended: the news of its end comes by another way.
const lastReplies = 2

// maxCause bounds the words for an engine's end, in bytes.
const maxCause = 1 << 10

// engineEnded takes it from who started an engine that its process has ended,
// and why (protocol section 17). The engine is gone as soon as its last replies
// have had the time to arrive.
func (m *Machine) engineEnded(r request) {
	var content wire.EngineEnded
	if err := decode(r.Message, &content); err != nil {
		m.do(r.fail(err))
		return
	}
	ended := content.EngineProcess
	if ended.PID == 0 && ended.Job == "" {
		m.do(r.fail(valueError("engine_ended_request: neither pid nor job says which process has ended")))
		return
	}
	cause := cmp.Or(causeText(content.Cause), "its process ended")
	ids := []wire.EngineID{}
	for i := len(m.pending) - 1; i >= 0; i-- {
		if is(m.pending[i].process, ended) {
			ids = append(ids, m.pending[i].id)
			m.drop(i, cause)
		}
	}
	for _, e := range m.engines {
		if is(e.process, ended) && (e.doubt == nil || !e.doubt.ended) {
			ids = append(ids, e.id)
			e.doubt = &doubt{until: m.now + lastReplies, ended: true, cause: cause}
		}
	}
	m.do(r.ok(wire.EnginesEnded{Status: wire.StatusOK, Engines: ids}))
}

// causeText is a cause as clients are told it.
func causeText(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxCause)], "") }

// is reports whether a process is the one described, or one of these: what the
// description leaves out is not compared.
func is(p, described wire.EngineProcess) bool {
	return (described.Host == "" || p.Host == described.Host) &&
		(described.PID == 0 || p.PID == described.PID) &&
		(described.Job == "" || p.Job == described.Job) &&
		(described.Rank == nil || p.Rank != nil && *p.Rank == *described.Rank)
}
