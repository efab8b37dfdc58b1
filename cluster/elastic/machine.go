package elastic

import (
	"fmt"
	"slices"
)

// maxDoublings is how often failures in a row double the pause.
const maxDoublings = 6

// A Machine decides for one cluster. One goroutine owns it.
type Machine struct {
	cfg Config

	now     int // in ticks
	sets    []*set
	ready   int // tasks that wait for any engine
	late    int // tasks that wait for one whose job lasts longer
	backlog int // since when there is one of the first, or never
	belated int // since when there are any of the second, or never
	quiet   int // since when no task waits, or never

	next    int // when the next change may be
	doubled int // how often the pause is
	failed  int // when the last failure was
}

// never is a time that has not come.
const never = -1

// New returns a machine that has seen nothing. It panics if the Config is not valid.
func New(cfg Config) *Machine {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	return &Machine{cfg: cfg, backlog: never, belated: never, quiet: never, failed: never}
}

// Step applies one event and returns what must be done about it.
func (m *Machine) Step(ev Event) []Action {
	switch ev := ev.(type) {
	case Seen:
		return m.onSeen(ev)
	case Failed:
		return []Action{m.fail(ev.Why)}
	}
	return nil
}

func (m *Machine) onSeen(ev Seen) (out []Action) {
	m.now += ev.Ticks
	m.ready, m.late = ev.Waiting-ev.Late, ev.Late
	if early := m.look(ev.Sets); len(early) > 0 {
		out = append(out, m.fail("set "+early[0]+" ended when it had hardly begun"))
	}
	mark(&m.quiet, ev.Waiting == 0, m.now)
	mark(&m.backlog, m.over(m.engines()), m.now)
	mark(&m.belated, m.late > 0, m.now)
	if m.now < m.next {
		return out
	}
	if n, why := m.wanted(); n > 0 {
		m.next = m.now + m.pause()
		return append(out, Add{n, why})
	}
	return append(out, m.dismiss()...)
}

// look takes the sets that there are in the place of those that there were, and
// returns those that ended, unasked, before they had settled.
func (m *Machine) look(seen []Set) (early []string) {
	before := m.sets
	m.sets = make([]*set, len(seen))
	for i, now := range seen {
		s := &set{born: m.now, entered: m.now, rested: m.now}
		if j := slices.IndexFunc(before, func(b *set) bool { return b.Name == now.Name }); j >= 0 {
			s = before[j]
			before = slices.Delete(before, j, j+1)
		}
		s.order = i
		s.update(now, m.now)
		m.sets[i] = s
		if s.worked && s.born > m.failed && m.settled(s) {
			m.doubled = 0
		}
	}
	for _, s := range before {
		if s.State != Leaving && !m.settled(s) {
			early = append(early, s.Name)
		}
	}
	return early
}

// mark notes since when something is so.
func mark(since *int, so bool, now int) {
	switch {
	case !so:
		*since = never
	case *since == never:
		*since = now
	}
}

// pause is the time from one change to the next, as it is now.
func (m *Machine) pause() int { return m.cfg.Pause << m.doubled }

// fail doubles the pause, and begins it.
func (m *Machine) fail(why string) Hold {
	m.doubled = min(m.doubled+1, maxDoublings)
	m.failed = m.now
	m.next = m.now + m.pause()
	return Hold{m.pause(), why}
}

// settled says whether a set has run for a pause, so that its end says nothing
// about its beginning.
func (m *Machine) settled(s *set) bool {
	return s.State == Running && m.now-s.entered >= m.cfg.Pause
}

// staying are the sets that are not told to leave.
func (m *Machine) staying() []*set {
	return slices.DeleteFunc(slices.Clone(m.sets), func(s *set) bool { return s.State == Leaving })
}

// engines counts those of the sets that stay, also those that are still to come.
func (m *Machine) engines() (n int) {
	for _, s := range m.staying() {
		n += s.N
	}
	return n
}

// over says whether more tasks wait than may for so many engines.
func (m *Machine) over(engines int) bool {
	return float64(m.ready) > m.cfg.Backlog*float64(engines)
}

// lasts says whether something has been so for as long as one is patient.
func (m *Machine) lasts(since int) bool { return since != never && m.now-since >= m.cfg.Patience }

// wanted is how many sets to add, and why.
func (m *Machine) wanted() (n int, why string) {
	there, room, engines := len(m.staying()), m.cfg.Max-len(m.sets), m.engines()
	switch {
	case there < m.cfg.Min:
		return min(m.cfg.Min-there, room), fmt.Sprintf("sets: %d, and at least %d are wanted", there, m.cfg.Min)
	case m.lasts(m.backlog):
		// One, and more until no more than the backlog wait for each engine.
		for n = 1; n < min(there, room) && m.over(engines+n*m.cfg.N); n++ {
		}
		return min(n, room), fmt.Sprintf("tasks that wait: %d, for %d engines", m.ready, engines)
	case m.lasts(m.belated) && !slices.ContainsFunc(m.staying(), m.fresh):
		return min(1, room), fmt.Sprintf("tasks that take longer than the jobs of all %d engines last: %d", engines, m.late)
	}
	return 0, ""
}

// fresh says whether a set is on its way, or has come since tasks wait for jobs that last
// longer, and had none of them yet.
func (m *Machine) fresh(s *set) bool {
	return s.State != Running || s.born >= m.belated && !s.worked
}

// dismiss removes the sets that nobody needs, and those whose engines never call.
func (m *Machine) dismiss() (out []Action) {
	stay := m.staying()
	spare := len(stay) - m.cfg.Min
	slices.SortStableFunc(stay, before)
	failure := ""
	for _, s := range stay {
		switch {
		case s.State == Starting && m.now-s.entered >= m.cfg.Start:
			out = append(out, Remove{s.Name, "its job runs, and no engine of it has called"})
			failure = "no engine of set " + s.Name + " has called"
		case spare > 0 && m.needless(s) && s.State == Running:
			out = append(out, Remove{s.Name, "its engines have nothing to do, and no task waits for them"})
			if !s.worked {
				failure = "set " + s.Name + " never had anything to do"
			}
		case spare > 0 && m.needless(s):
			out = append(out, Remove{s.Name, "it is " + s.State.String() + ", and no task waits"})
		default:
			continue
		}
		spare--
	}
	if len(out) > 0 {
		m.next = m.now + m.pause()
	}
	if failure != "" {
		out = append(out, m.fail(failure))
	}
	return out
}

// needless says whether nobody has needed a set for as long as such a set is kept.
func (m *Machine) needless(s *set) bool {
	if s.State == Running {
		return m.ready == 0 && m.now-s.rested >= m.cfg.Idle
	}
	return m.quiet != never && m.now-max(s.born, m.quiet) >= m.cfg.Idle
}
