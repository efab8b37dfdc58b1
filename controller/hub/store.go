package hub

import (
	"slices"

	"muster/wire"
)

// store keeps tasks: every pending one, and the latest records within the
// bounds. When there are too many records, or too many bytes in them, the
// oldest tenth goes; what is pending then is still counted, but without its
// messages, and is forgotten when it completes.
type store struct {
	records, limit int // bounds
	tasks          map[wire.MsgID]*task
	// order holds the records as they came; order[:head] and the dropped ones
	// are no longer there. held is how many are, bytes what they hold.
	order       []*task
	head        int
	held, bytes int

	unassigned int // tasks on no engine
}

func (s *store) add(t *task) {
	s.tasks[t.id] = t
	s.order = append(s.order, t)
	s.held++
	s.grow(t.size())
}

// grow counts bytes that came to a record, and makes room.
func (s *store) grow(n int) {
	s.bytes += n
	if s.held > s.records {
		for s.held > s.records-s.records/10 && s.head < len(s.order) {
			s.cull()
		}
	}
	if s.bytes > s.limit {
		for s.bytes > s.limit-s.limit/10 && s.head < len(s.order) {
			s.cull()
		}
	}
}

// cull drops the oldest record.
func (s *store) cull() {
	t := s.order[s.head]
	s.order[s.head] = nil
	s.head++
	if !t.dropped {
		s.drop(t)
	}
	if s.head > len(s.order)/2 {
		s.order = slices.Delete(s.order, 0, s.head)
		s.head = 0
	}
}

// drop lets go of a record's messages, and of the record if it is complete.
func (s *store) drop(t *task) {
	s.held--
	s.bytes -= t.size()
	if t.pending() {
		*t = task{id: t.id, queue: t.queue, engine: t.engine, on: t.on, dropped: true}
		return
	}
	t.dropped = true
	delete(s.tasks, t.id)
}

// dropWhere drops the completed records that it is true for.
func (s *store) dropWhere(is func(*task) bool) {
	for t := range s.all {
		if !t.pending() && is(t) {
			s.drop(t)
		}
	}
}

// all yields the records, oldest first.
func (s *store) all(yield func(*task) bool) {
	for _, t := range s.order[s.head:] {
		if !t.dropped && !yield(t) {
			return
		}
	}
}

// named puts in the place of an id that no task has the tasks of the broadcast
// that had it, if there was one (protocol section 9).
func (s *store) named(ids []wire.MsgID) []wire.MsgID {
	var out []wire.MsgID
	for _, id := range ids {
		before := len(out)
		if s.tasks[id] == nil {
			for _, t := range s.tasks {
				if t.queue == Broadcast && t.id == id+"_"+wire.MsgID(t.engine) {
					out = append(out, t.id)
				}
			}
		}
		if len(out) == before {
			out = append(out, id)
		}
		slices.Sort(out[before:])
	}
	return out
}

// record returns the record of that id, or nil.
func (s *store) record(id wire.MsgID) *task {
	if t := s.tasks[id]; t != nil && !t.dropped {
		return t
	}
	return nil
}
