package elastic

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// world is a cluster under load, as far as a machine sees it.
type world struct {
	rng     *rand.Rand
	cfg     Config
	sets    []*simulated
	waiting int
	late    int
	last    int // name of the last set
	trouble float64
}

type simulated struct {
	Set
	until int // when it enters its next state
	end   int // of its job, as it says
}

// news lets time pass, and returns what is to be seen.
func (w *world) news(now, load int) Seen {
	w.waiting += load
	if w.rng.Float64() < 2*w.trouble {
		w.late += w.rng.IntN(5)
	}
	var there []*simulated
	for _, s := range w.sets {
		s.Busy = 0
		s.Left = max(0, s.end-now)
		switch {
		case w.rng.Float64() < w.trouble:
			continue // it dies
		case s.State == Leaving && now >= s.until:
			continue
		case s.State == Queued && now >= s.until:
			s.State, s.until = Starting, now+w.rng.IntN(4)
		case s.State == Starting && now >= s.until:
			s.State = Running
			if w.rng.IntN(2) == 0 { // or its job is not long enough either
				w.waiting, w.late = w.waiting+w.late, 0
			}
		case s.State == Running:
			s.Busy = min(s.N, w.waiting)
			w.waiting -= s.Busy
		}
		there = append(there, s)
	}
	w.sets = there
	if w.rng.Float64() < w.trouble/2 { // somebody else adds one
		w.last++
		w.sets = append(w.sets, &simulated{Set: Set{Name: strconv.Itoa(w.last), N: w.cfg.N}, until: now + w.rng.IntN(20)})
	}
	seen := Seen{Waiting: w.waiting + w.late, Late: w.late}
	for _, s := range w.sets {
		seen.Sets = append(seen.Sets, s.Set)
	}
	return seen
}

// do carries out what a machine wants; false if it fails.
func (w *world) do(now int, a Action) bool {
	switch a := a.(type) {
	case Add:
		for range a.Sets {
			if w.rng.Float64() < 10*w.trouble {
				return false
			}
			w.last++
			w.sets = append(w.sets, &simulated{Set: Set{Name: strconv.Itoa(w.last), N: w.cfg.N}, until: now + w.rng.IntN(20), end: w.rng.IntN(2) * (now + 1000 + w.rng.IntN(5000))})
		}
	case Remove:
		i := slices.IndexFunc(w.sets, func(s *simulated) bool { return s.Name == a.Name })
		w.sets[i].State, w.sets[i].until = Leaving, now+w.rng.IntN(5)
	}
	return true
}

func random(rng *rand.Rand) Config {
	c := Config{Min: rng.IntN(3), N: 1 + rng.IntN(4), Backlog: float64(rng.IntN(6)) / 2, Patience: rng.IntN(8), Idle: 1 + rng.IntN(30), Pause: 1 + rng.IntN(10), Start: 5 + rng.IntN(20)}
	c.Max = max(1, c.Min) + rng.IntN(8)
	return c
}

// simulate has a machine decide for a cluster whose load comes in waves, and
// returns the transcript. Each answer is held against the rules, and against a
// machine that looks at all that it was ever told.
func simulate(t *testing.T, seed uint64, trouble float64) string {
	rng := rand.New(rand.NewPCG(seed, 0))
	w := &world{rng: rng, cfg: random(rng), trouble: trouble}
	m, d := New(w.cfg), &dumb{cfg: w.cfg}
	var transcript strings.Builder
	defer func() {
		if t.Failed() {
			lines := strings.SplitAfter(transcript.String(), "\n")
			t.Logf("seed %d, %+v, the last of %d lines:\n%s", seed, w.cfg, len(lines), strings.Join(lines[max(0, len(lines)-40):], ""))
		}
	}()
	now, load, wave := 0, 0, 0
	step := func(ev Event) []Action {
		out := m.Step(ev)
		fmt.Fprintf(&transcript, "%d %+v\n", now, ev)
		for _, a := range out {
			fmt.Fprintln(&transcript, "  "+describe(a))
		}
		if want := d.step(ev); !slices.Equal(want, out) {
			t.Fatalf("the dumb machine says %v", want)
		}
		return out
	}
	for range 400 {
		if now >= wave {
			load, wave = max(0, rng.IntN(24)-8), now+rng.IntN(150)
		}
		ticks := max(1, rng.IntN(12)-8)
		now += ticks
		seen := w.news(now, load*ticks)
		seen.Ticks = ticks
		actions := step(seen)
		check(t, w.cfg, seen, actions)
		for _, a := range actions {
			if !w.do(now, a) {
				step(Failed{"refused"})
			}
		}
	}
	return transcript.String()
}

// check holds what a machine wants against the rules of a single moment.
func check(t *testing.T, cfg Config, seen Seen, actions []Action) {
	t.Helper()
	all, stay := len(seen.Sets), 0
	by := make(map[string]Set)
	for _, s := range seen.Sets {
		if by[s.Name] = s; s.State != Leaving {
			stay++
		}
	}
	adds, removes := 0, 0
	for _, a := range actions {
		switch a := a.(type) {
		case Add:
			adds++
			if a.Sets < 1 || all+a.Sets > cfg.Max {
				t.Fatalf("%d sets are added to %d", a.Sets, all)
			}
			if stay >= cfg.Min && a.Sets > max(1, stay) {
				t.Fatalf("%d sets are added to %d", a.Sets, stay)
			}
		case Remove:
			removes++
			s, there := by[a.Name]
			stay--
			switch {
			case !there || s.State == Leaving:
				t.Fatalf("set %s is not there to be removed", a.Name)
			case s.Busy > 0:
				t.Fatalf("set %s is removed, and has something to do", a.Name)
			case s.State == Running && seen.Waiting > seen.Late, s.State == Queued && seen.Waiting > 0, s.State != Starting && stay < cfg.Min:
				t.Fatalf("set %s is removed: tasks that wait: %d, sets that stay: %d", a.Name, seen.Waiting, stay)
			}
			delete(by, a.Name)
		}
	}
	if adds > 1 || adds*removes > 0 {
		t.Fatalf("two changes at once: %v", actions)
	}
}

// A seed gives the same transcript, byte for byte.
func TestSimulation(t *testing.T) {
	for seed := range uint64(120) {
		trouble := float64(seed%3) * 0.01
		if first := simulate(t, seed, trouble); first != simulate(t, seed, trouble) {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
}

// Under a load that does not change the number of sets comes to rest: at the most
// when it is more than all can do, at the least when there is none, and where it
// is in between, after a few changes.
func TestComesToRest(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		w := &world{rng: rng, cfg: random(rng)}
		m := New(w.cfg)
		now := 0
		run := func(ticks, load int) (changes int) {
			for range ticks {
				now++
				seen := w.news(now, load)
				seen.Ticks = 1
				for _, a := range m.Step(seen) {
					changes++
					w.do(now, a)
				}
			}
			return changes
		}
		run(2000, 100)
		if len(w.sets) != w.cfg.Max {
			t.Fatalf("seed %d, %+v: %d sets under full load", seed, w.cfg, len(w.sets))
		}
		if changes := run(500, 100); changes != 0 {
			t.Fatalf("seed %d, %+v: %d changes under full load", seed, w.cfg, changes)
		}
		w.waiting = 0
		run(500, 0)
		if len(w.sets) != w.cfg.Min {
			t.Fatalf("seed %d, %+v: %d sets without load", seed, w.cfg, len(w.sets))
		}
		if changes := run(500, 0); changes != 0 {
			t.Fatalf("seed %d, %+v: %d changes without load", seed, w.cfg, changes)
		}
		if w.cfg.Max == 1 {
			continue
		}
		// As much as half of the engines do.
		run(1000, w.cfg.Max*w.cfg.N/2)
		if changes := run(1000, w.cfg.Max*w.cfg.N/2); changes > 0 {
			t.Fatalf("seed %d, %+v: %d changes under steady load", seed, w.cfg, changes)
		}
	}
}
