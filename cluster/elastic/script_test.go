package elastic

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"muster/controller/scripttest"
)

// A script's events:
//
//	use MIN-MAX N BACKLOG PATIENCE IDLE PAUSE START   a fresh machine, and no sets
//	set NAME STATE [BUSY [LEFT]]                      a set is there, or has changed
//	gone NAME
//	waiting TASKS [LATE]                              so many, and so many of these for want of time
//	tick N                                            it is seen N times, once a tick
//	skip N                                            it is seen after N ticks
//	failed WHY
//
// An answer begins with the tick in which it is given.
func TestScripts(t *testing.T) {
	scripttest.Run(t, func(t *testing.T) func([]string) []string {
		p := &player{t: t}
		return p.apply
	})
}

// player turns words into events and actions into lines.
type player struct {
	t    *testing.T
	m    *Machine
	cfg  Config
	seen Seen
	now  int
}

func (p *player) apply(w []string) (out []string) {
	number := func(i, otherwise int) int {
		if i >= len(w) {
			return otherwise
		}
		n, err := strconv.Atoi(w[i])
		if err != nil {
			p.t.Fatalf("%q: %v", w, err)
		}
		return n
	}
	step := func(ev Event) {
		for _, a := range p.m.Step(ev) {
			out = append(out, fmt.Sprintf("%d: %s", p.now, describe(a)))
		}
	}
	see := func(ticks int) {
		p.now += ticks
		p.seen.Ticks = ticks
		step(p.seen)
	}
	switch w[0] {
	case "use":
		p.cfg = Config{N: number(2, 0), Patience: number(4, 0), Idle: number(5, 0), Pause: number(6, 0), Start: number(7, 0)}
		if _, err := fmt.Sscanf(w[1]+" "+w[3], "%d-%d %g", &p.cfg.Min, &p.cfg.Max, &p.cfg.Backlog); err != nil {
			p.t.Fatalf("%q: %v", w, err)
		}
		p.m, p.seen, p.now = New(p.cfg), Seen{}, 0
	case "set":
		s := p.set(w[1])
		s.State, s.Busy, s.Left = state(p.t, w[2]), number(3, 0), number(4, 0)
	case "gone":
		for i, s := range p.seen.Sets {
			if s.Name == w[1] {
				p.seen.Sets = append(p.seen.Sets[:i:i], p.seen.Sets[i+1:]...)
				return nil
			}
		}
		p.t.Fatalf("%q: no such set", w)
	case "waiting":
		p.seen.Waiting, p.seen.Late = number(1, 0), number(2, 0)
	case "tick":
		for range number(1, 1) {
			see(1)
		}
	case "skip":
		see(number(1, 1))
	case "failed":
		step(Failed{strings.Join(w[1:], " ")})
	default:
		p.t.Fatalf("no such event: %q", w)
	}
	return out
}

// set returns the set of a name, a new one if there is none.
func (p *player) set(name string) *Set {
	for i := range p.seen.Sets {
		if p.seen.Sets[i].Name == name {
			return &p.seen.Sets[i]
		}
	}
	p.seen.Sets = append(p.seen.Sets, Set{Name: name, N: p.cfg.N})
	return &p.seen.Sets[len(p.seen.Sets)-1]
}

func state(t *testing.T, name string) State {
	for s := Queued; s <= Leaving; s++ {
		if s.String() == name {
			return s
		}
	}
	t.Fatalf("no such state: %s", name)
	return 0
}

func describe(a Action) string {
	switch a := a.(type) {
	case Add:
		return fmt.Sprintf("add %d: %s", a.Sets, a.Why)
	case Remove:
		return fmt.Sprintf("remove %s: %s", a.Name, a.Why)
	case Hold:
		return fmt.Sprintf("hold for %d: %s", a.Ticks, a.Why)
	}
	return fmt.Sprintf("no such action: %T", a)
}
