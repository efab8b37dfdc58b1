package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"muster/wire"
)

// An EngineID is the number of an engine. Ids count up from 0 in the order of
// registration and are never reused; in an MPI job that registers alone the id
// is the rank.
type EngineID = wire.EngineID

// Targets says which engines a view or a control request addresses: All, or
// what Each, Engines or Slice make. All is asked anew at each call; the others
// are fixed when a view is made of them, and if they cannot be, every call on
// that view fails and says why. An engine that has gone since fails the call as
// well, with ErrUnknownEngine.
type Targets struct {
	all    bool
	ids    []EngineID                              // none negative, no two equal
	choose func(of []EngineID) ([]EngineID, error) // of those registered; nil where ids are known
	text   string                                  // as written, where ids are not known
	err    error                                   // why there are none
}

// All addresses the engines that are registered at the moment of each call.
var All = Targets{all: true}

// Each addresses the engines that are registered when the view is made, and
// none that join later.
func Each() Targets {
	return Targets{text: "each engine", choose: func(of []EngineID) ([]EngineID, error) { return of, nil }}
}

// Engines addresses engines by their ids, in that order. A negative id counts
// from the end of those registered when the view is made: -1 is the last. Any
// other need not be registered before a call is made. To name an engine twice
// is an error: values are by engine, and of two blocks scattered to one engine
// the second would replace the first.
func Engines[ID ~int](ids ...ID) Targets {
	own := make([]EngineID, len(ids))
	texts := make([]string, len(ids))
	for i, id := range ids {
		own[i], texts[i] = EngineID(id), strconv.Itoa(int(id))
	}
	if len(ids) == 0 {
		return Targets{err: fmt.Errorf("no target given: %w", ErrUnknownEngine)}
	}
	if !slices.ContainsFunc(own, func(id EngineID) bool { return id < 0 }) {
		return Targets{ids: own, err: twice(own)}
	}
	return Targets{text: "engines " + strings.Join(texts, ", "), choose: func(of []EngineID) ([]EngineID, error) {
		chosen := slices.Clone(own)
		for i, id := range chosen {
			if id >= 0 {
				continue
			}
			if len(of)+int(id) < 0 {
				return nil, &UnknownEngineError{id, engineList(of)}
			}
			chosen[i] = of[len(of)+int(id)]
		}
		return chosen, twice(chosen)
	}}
}

// twice is the error of ids of which two are equal.
func twice(ids []EngineID) error {
	seen := make(map[EngineID]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			return fmt.Errorf("engine %d is named twice among the targets", id)
		}
		seen[id] = true
	}
	return nil
}

// Slice addresses some of the engines that are registered when the view is
// made, by Python's notation for a slice of their ids in order: "1::2" is every
// second from the second on, "-3:" the last three, "::-1" all of them backwards.
func Slice(notation string) Targets {
	s, err := parseSlice(notation)
	if err != nil {
		return Targets{err: fmt.Errorf("slice %q: %w: want start:stop or start:stop:step, as in Python", notation, err)}
	}
	text := fmt.Sprintf("slice %q", notation)
	return Targets{text: text, choose: func(of []EngineID) ([]EngineID, error) {
		var chosen []EngineID
		for i := range s.indices(len(of)) {
			chosen = append(chosen, of[i])
		}
		if len(chosen) == 0 {
			return nil, fmt.Errorf("%s selects none of %s: %w", text, engineList(of), ErrUnknownEngine)
		}
		return chosen, nil
	}}
}

// A span is a slice as Python has it; nil is a number left out.
type span struct{ start, stop, step *int }

func parseSlice(notation string) (s span, err error) {
	parts := strings.Split(notation, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return s, fmt.Errorf("%d colons", len(parts)-1)
	}
	for i, into := range []**int{&s.start, &s.stop, &s.step}[:len(parts)] {
		part := strings.TrimSpace(parts[i])
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return s, fmt.Errorf("%q is no number", part)
		}
		*into = &n
	}
	if s.step != nil && *s.step == 0 {
		return s, errors.New("a step of 0")
	}
	return s, nil
}

// indices yields the places of a sequence of n items that the span selects.
func (s span) indices(n int) func(yield func(int) bool) {
	step := 1
	if s.step != nil {
		step = *s.step
	}
	// Going up, bounds are kept within [0, n]; going down, within [-1, n-1].
	low, high := 0, n
	start, stop := 0, n
	if step < 0 {
		low, high = -1, n-1
		start, stop = n-1, -1
	}
	within := func(bound *int, otherwise int) int {
		if bound == nil {
			return otherwise
		}
		if *bound < 0 {
			return max(low, *bound+n)
		}
		return min(high, *bound)
	}
	start, stop = within(s.start, start), within(s.stop, stop)
	return func(yield func(int) bool) {
		// A step as long as the sequence leads out of it, and a longer one
		// might overflow.
		step := max(-n-1, min(n+1, step))
		for i := start; (step > 0 && i < stop || step < 0 && i > stop) && yield(i); i += step {
		}
	}
}

func (t Targets) String() string {
	switch {
	case t.all:
		return "all engines"
	case t.text != "":
		return t.text
	}
	return engineList(t.ids)
}

// An engine is one that is registered. Its fields never change, but for the
// last.
type engine struct {
	id     EngineID
	uuid   wire.EngineUUID
	route  []byte // uuid as a frame
	target []byte // JSON of the wire.Target
	// outstanding is how many requests by each lane the engine has not answered.
	// Client.mu guards it.
	outstanding [2]int
}

func newEngine(id EngineID, uuid wire.EngineUUID) *engine {
	target, _ := json.Marshal(wire.Target{UUID: uuid, ID: id}) // a string and a number
	return &engine{id: id, uuid: uuid, route: []byte(uuid), target: target}
}

// fix makes the choice among the engines that are registered now, if there is
// one to make.
func (c *Client) fix(t Targets) Targets {
	if t.choose == nil {
		return t
	}
	registered := c.IDs()
	if len(registered) == 0 {
		return Targets{text: t.text, err: fmt.Errorf("%s: %w", t.text, ErrNoEngines)}
	}
	ids, err := t.choose(registered)
	return Targets{ids: ids, text: t.text, err: err}
}

// resolve looks up the engines of targets. It errs before anything is sent.
func (c *Client) resolve(t Targets) ([]*engine, error) {
	t = c.fix(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		return nil, c.err
	case t.err != nil:
		return nil, t.err
	case t.all && len(c.engines) == 0:
		return nil, ErrNoEngines
	case t.all:
		return c.engines, nil // replaced, never changed
	case len(t.ids) == 0:
		return nil, fmt.Errorf("no target given: %w", ErrUnknownEngine)
	}
	out := make([]*engine, len(t.ids))
	for i, id := range t.ids {
		n, ok := c.find(id)
		if !ok {
			return nil, &UnknownEngineError{id, c.registered()}
		}
		out[i] = c.engines[n]
	}
	return out, nil
}

// find returns an engine's place in c.engines. The caller holds mu.
func (c *Client) find(id EngineID) (int, bool) {
	return slices.BinarySearchFunc(c.engines, id, func(e *engine, id EngineID) int { return int(e.id - id) })
}

// registered names the engines for an error. The caller holds mu.
func (c *Client) registered() string {
	if len(c.engines) == 0 {
		return "none"
	}
	return engineList(idsOf(c.engines))
}

// idsOf lists the ids of engines.
func idsOf(engines []*engine) []EngineID {
	ids := make([]EngineID, len(engines))
	for i, e := range engines {
		ids[i] = e.id
	}
	return ids
}
