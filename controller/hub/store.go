package hub

import (
	"slices"
	"strconv"
	"strings"

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
// records, or too many bytes in them, the oldest tenth goes. The records of a client that
// is far count by their bytes alone: they are all that it finds when it is back.
type memory struct {
	limit, byteLimit int
	records          map[wire.MsgID]*Record
	// order holds the records as they came, nil for those that were dropped to make room.
	order []*Record
	near  int // records of clients that are near
	bytes int // in all records
	// far are the sessions of clients that are, and dropped the number of the
	// latest request of each session whose record was.
	far     map[string]bool
	dropped map[string]uint64
	culled  bool
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
	if _, first := c.(Submitted); first && s.isNear(r) {
		s.near++
	}
	s.makeRoom()
}

func (s *memory) isNear(r *Record) bool { return !s.far[r.Request.Header.Session] }

// goFar notes that a session's client is far.
func (s *memory) goFar(session string) {
	if s.far[session] {
		return
	}
	s.far[session] = true
	s.near = 0
	for r := range s.all {
		if s.isNear(r) {
			s.near++
		}
	}
}

func (s *memory) makeRoom() {
	if s.near > s.limit {
		left := s.limit - s.limit/10
		s.cull(s.isNear, func() bool { return s.near <= left })
	}
	if s.bytes > s.byteLimit {
		left := s.byteLimit - s.byteLimit/10
		s.cull(func(*Record) bool { return true }, func() bool { return s.bytes <= left })
	}
}

// cull drops the oldest of some records, until it is enough.
func (s *memory) cull(which func(*Record) bool, enough func() bool) {
	s.culled = true
	for i, r := range s.order {
		if enough() {
			break
		}
		if s.has(r) && which(r) {
			s.drop(r)
			s.order[i] = nil
		}
	}
	if len(s.order) > 2*len(s.records) {
		s.order = slices.DeleteFunc(s.order, func(r *Record) bool { return !s.has(r) })
	}
}

func (s *memory) has(r *Record) bool { return r != nil && s.records[r.ID] == r }

func (s *memory) drop(r *Record) {
	s.bytes -= r.Size()
	delete(s.records, r.ID)
	if s.isNear(r) {
		s.near--
	}
	session := r.Request.Header.Session
	n, _ := numberOf(session, r.ID)
	s.dropped[session] = max(s.dropped[session], n)
}

// forgot tells whether a request that has no record may have had one.
func (s *memory) forgot(h *wire.Header) bool {
	last, some := s.dropped[h.Session]
	n, numbered := numberOf(h.Session, h.MsgID)
	return some && (n <= last || !numbered)
}

// numberOf is the number that a request has among those of its session. An id is
// SESSION_PID_NUMBER, with _ENGINE if it is that of a broadcast's part.
func numberOf(session string, id wire.MsgID) (n uint64, ok bool) {
	rest, ok := strings.CutPrefix(string(id), session+"_")
	parts := strings.Split(rest, "_")
	if !ok || len(parts) < 2 {
		return 0, false
	}
	n, err := strconv.ParseUint(parts[1], 10, 64)
	return n, err == nil
}

// all yields the records, oldest first.
func (s *memory) all(yield func(*Record) bool) {
	for _, r := range s.order {
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
		s.order = slices.DeleteFunc(s.order, func(r *Record) bool { return !s.has(r) })
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
