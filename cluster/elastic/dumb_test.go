package elastic

import "fmt"

// dumb is a machine that remembers nothing but what it was told, and goes through
// all of it for each decision.
type dumb struct {
	cfg     Config
	history []moment
	next    int
	doubled int
	failed  int
}

type moment struct {
	now  int
	seen Seen
}

func (d *dumb) step(ev Event) (out []Action) {
	now := 0
	if len(d.history) > 0 {
		now = d.history[len(d.history)-1].now
	} else {
		d.failed = -1
	}
	fail := func(why string) Action {
		d.doubled, d.failed = min(d.doubled+1, 6), now
		d.next = now + d.cfg.Pause<<d.doubled
		return Hold{d.cfg.Pause << d.doubled, why}
	}
	if f, ok := ev.(Failed); ok {
		return []Action{fail(f.Why)}
	}
	seen := ev.(Seen)
	now += seen.Ticks
	var before Seen
	if len(d.history) > 0 {
		before = d.history[len(d.history)-1].seen
	}
	d.history = append(d.history, moment{now, seen})

	for _, s := range seen.Sets {
		if d.has(s.Name, func(m Set) bool { return m.Busy > 0 }) && d.first(s.Name) > d.failed && s.State == Running && d.lasts(s.Name, func(m Set) bool { return m.State == Running }) >= d.cfg.Pause {
			d.doubled = 0
		}
	}
	for _, s := range before.Sets {
		if _, there := find(seen, s.Name); there || s.State == Leaving {
			continue
		}
		d.history = d.history[:len(d.history)-1] // as it was
		settled := s.State == Running && d.lasts(s.Name, func(m Set) bool { return m.State == Running })+seen.Ticks >= d.cfg.Pause
		d.history = append(d.history, moment{now, seen})
		if !settled {
			out = append(out, fail(fmt.Sprintf("set %s ended when it had hardly begun", s.Name)))
			break
		}
	}
	if now < d.next {
		return out
	}

	stay, engines := 0, 0
	for _, s := range seen.Sets {
		if s.State != Leaving {
			stay++
			engines += s.N
		}
	}
	room := d.cfg.Max - len(seen.Sets)
	if stay < d.cfg.Min && room > 0 {
		d.next = now + d.cfg.Pause<<d.doubled
		return append(out, Add{min(room, d.cfg.Min-stay), fmt.Sprintf("sets: %d, and at least %d are wanted", stay, d.cfg.Min)})
	}
	if stay >= d.cfg.Min && room > 0 && d.overloaded(now) {
		n := 0
		for {
			n++
			enough := float64(seen.Waiting-seen.Late) <= d.cfg.Backlog*float64(engines+n*d.cfg.N)
			if enough || n == room || n >= stay {
				break
			}
		}
		d.next = now + d.cfg.Pause<<d.doubled
		return append(out, Add{n, fmt.Sprintf("tasks that wait: %d, for %d engines", seen.Waiting-seen.Late, engines)})
	}
	if stay >= d.cfg.Min && room > 0 && d.belated(now) {
		d.next = now + d.cfg.Pause<<d.doubled
		return append(out, Add{1, fmt.Sprintf("tasks that take longer than the jobs of all %d engines last: %d", engines, seen.Late)})
	}

	why := ""
	gone := make(map[string]bool)
	for {
		// The worst of those that may go.
		best, reason := -1, ""
		for i, s := range seen.Sets {
			r := d.useless(s, now, stay > d.cfg.Min)
			if r == "" || gone[s.Name] || best >= 0 && !worse(s, seen.Sets[best]) {
				continue
			}
			best, reason = i, r
		}
		if best < 0 {
			break
		}
		s := seen.Sets[best]
		gone[s.Name] = true
		stay--
		out = append(out, Remove{s.Name, reason})
		if s.State == Starting && reason == silent {
			why = "no engine of set " + s.Name + " has called"
		}
		if s.State == Running && !d.has(s.Name, func(m Set) bool { return m.Busy > 0 }) {
			why = "set " + s.Name + " never had anything to do"
		}
		d.next = now + d.cfg.Pause<<d.doubled
	}
	if why != "" {
		out = append(out, fail(why))
	}
	return out
}

const silent = "its job runs, and no engine of it has called"

// useless says why a set may go; "" if it may not.
func (d *dumb) useless(s Set, now int, spare bool) string {
	quiet := d.quiet(now)
	switch {
	case s.State == Starting && d.lasts(s.Name, func(m Set) bool { return m.State == Starting }) >= d.cfg.Start:
		return silent
	case !spare:
		return ""
	case s.State == Running && d.history[len(d.history)-1].seen.Waiting == d.history[len(d.history)-1].seen.Late && d.rests(s.Name, now) >= d.cfg.Idle:
		return "its engines have nothing to do, and no task waits for them"
	case quiet < 0:
		return ""
	case (s.State == Queued || s.State == Starting) && min(quiet, now-d.first(s.Name)) >= d.cfg.Idle:
		return "it is " + s.State.String() + ", and no task waits"
	}
	return ""
}

// worse says whether the first, which is the younger one, goes before the second.
func worse(s, t Set) bool {
	if s.State != t.State {
		return s.State < t.State
	}
	if s.Left == 0 || t.Left == 0 {
		return t.Left == 0
	}
	return s.Left <= t.Left
}

// overloaded says whether more than the backlog has waited for so long.
func (d *dumb) overloaded(now int) bool {
	for i := len(d.history) - 1; i >= 0; i-- {
		m := d.history[i]
		engines := 0
		for _, s := range m.seen.Sets {
			if s.State != Leaving {
				engines += s.N
			}
		}
		if float64(m.seen.Waiting-m.seen.Late) <= d.cfg.Backlog*float64(engines) {
			return false
		}
		if now-m.now >= d.cfg.Patience {
			return true
		}
	}
	return false
}

// belated says whether tasks have waited for so long for engines whose jobs last
// longer, and no set is there yet that might be their help.
func (d *dumb) belated(now int) bool {
	since := -1
	for i := len(d.history) - 1; i >= 0 && d.history[i].seen.Late > 0; i-- {
		since = d.history[i].now
	}
	if since < 0 || now-since < d.cfg.Patience {
		return false
	}
	for _, s := range d.history[len(d.history)-1].seen.Sets {
		switch {
		case s.State == Queued, s.State == Starting:
			return false
		case s.State == Running && d.first(s.Name) >= since && !d.has(s.Name, func(m Set) bool { return m.Busy > 0 }):
			return false
		}
	}
	return true
}

// quiet is for how long no task has waited; negative if one does.
func (d *dumb) quiet(now int) int {
	long := -1
	for i := len(d.history) - 1; i >= 0 && d.history[i].seen.Waiting == 0; i-- {
		long = now - d.history[i].now
	}
	return long
}

// rests is for how long the engines of a set that runs have had nothing to do.
func (d *dumb) rests(name string, now int) int {
	long := 0
	for i := len(d.history) - 1; i >= 0; i-- {
		s, there := find(d.history[i].seen, name)
		if !there || s.State != Running {
			break
		}
		long = now - d.history[i].now
		if s.Busy > 0 {
			break
		}
	}
	return long
}

// lasts is for how long something has been true of a set.
func (d *dumb) lasts(name string, is func(Set) bool) int {
	long := 0
	for i := len(d.history) - 1; i >= 0; i-- {
		s, there := find(d.history[i].seen, name)
		if !there || !is(s) {
			break
		}
		long = d.history[len(d.history)-1].now - d.history[i].now
	}
	return long
}

// has says whether something was ever true of a set.
func (d *dumb) has(name string, is func(Set) bool) bool {
	for _, m := range d.history {
		if s, there := find(m.seen, name); there && is(s) {
			return true
		}
	}
	return false
}

// first is when a set was first seen.
func (d *dumb) first(name string) int {
	for _, m := range d.history {
		if _, there := find(m.seen, name); there {
			return m.now
		}
	}
	return -1
}

func find(seen Seen, name string) (Set, bool) {
	for _, s := range seen.Sets {
		if s.Name == name {
			return s, true
		}
	}
	return Set{}, false
}
