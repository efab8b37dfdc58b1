package hub

import (
	"slices"

	"muster/wire"
)

// keep takes a change of a record to where records are kept.
func (m *Machine) keep(c Change) {
	switch m.cfg.Database {
	case InMemory:
		m.memory.keep(c)
	case Elsewhere:
		m.do(Keep{c})
	}
}

// find has then called with the records that a query matches, now or later.
func (m *Machine) find(q *Query, then func(Found) []Action) {
	switch m.cfg.Database {
	case InMemory:
		m.perform(then(Found{Rows: m.memory.find(q), Lost: m.memory.lost()}))
	case Elsewhere:
		m.do(Find{q, then})
	case Nowhere:
		m.perform(then(Found{Err: NoData("this controller keeps no records (--nodb)")}))
	}
}

// perform does what then has said.
func (m *Machine) perform(actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case Keep:
			m.keep(a.Change)
		case Find:
			m.find(a.Query, a.Then)
		default:
			m.do(a)
		}
	}
}

// memory keeps the latest records within its bounds. When there are too many
// records, or too many bytes in them, the oldest tenth goes.
type memory struct {
	limit, byteLimit int
	records          map[wire.MsgID]*Record
	// order holds the records as they came; order[:head] and the dropped ones
	// are no longer there.
	order  []*Record
	head   int
	bytes  int // in all records
	culled bool
}

// lost says why a record may be missing.
func (s *memory) lost() string {
	if !s.culled {
		return ""
	}
	return "older records were dropped to make room: --records and --record-bytes allow for more, --sqlitedb keeps all"
}

// keep applies a change. What was dropped stays so.
func (s *memory) keep(c Change) {
	r := s.records[c.TaskID()]
	if _, first := c.(Submitted); first {
		r = new(Record)
		s.records[c.TaskID()] = r
		s.order = append(s.order, r)
	}
	if r == nil {
		return
	}
	s.bytes -= r.Size()
	r.Apply(c)
	s.bytes += r.Size()
	s.makeRoom()
}

func (s *memory) makeRoom() {
	if len(s.records) > s.limit {
		for len(s.records) > s.limit-s.limit/10 {
			s.cull()
		}
	}
	if s.bytes > s.byteLimit {
		for s.bytes > s.byteLimit-s.byteLimit/10 {
			s.cull()
		}
	}
}

// cull drops the oldest record.
func (s *memory) cull() {
	if r := s.order[s.head]; s.has(r) {
		s.drop(r)
	}
	s.culled = true
	s.order[s.head] = nil
	s.head++
	if s.head > len(s.order)/2 {
		s.order = slices.Delete(s.order, 0, s.head)
		s.head = 0
	}
}

func (s *memory) has(r *Record) bool { return s.records[r.ID] == r }

func (s *memory) drop(r *Record) {
	s.bytes -= r.Size()
	delete(s.records, r.ID)
}

// all yields the records, oldest first.
func (s *memory) all(yield func(*Record) bool) {
	for _, r := range s.order[s.head:] {
		if s.has(r) && !yield(r) {
			return
		}
	}
}

// find returns what a query asks for of the records that it matches.
func (s *memory) find(q *Query) (rows []Row) {
	for r := range s.asked(q) {
		if !q.matches(r) {
			continue
		}
		rows = append(rows, q.row(r))
		if q.Drop {
			s.drop(r)
		}
	}
	if q.Drop {
		s.order = slices.DeleteFunc(s.order[s.head:], func(r *Record) bool { return !s.has(r) })
		s.head = 0
	}
	return rows
}

// asked yields the records that a query names, or all.
func (s *memory) asked(q *Query) func(func(*Record) bool) {
	if q.IDs == nil {
		return s.all
	}
	return func(yield func(*Record) bool) {
		for _, id := range q.IDs {
			if r := s.records[id]; r != nil {
				if !yield(r) {
					return
				}
				continue
			}
			for r := range s.all {
				if Origin(r.Queue, r.ID, r.Engine) == id && !yield(r) {
					return
				}
			}
		}
	}
}
