package hub

import (
	"fmt"
	"strings"
	"testing"

	"muster/wire"
)

// Identities and ids at the edge of what is possible.
func TestAdmit(t *testing.T) {
	id := func(n int) *wire.EngineID { e := wire.EngineID(n); return &e }
	for _, c := range []struct {
		uuid string
		id   *wire.EngineID
		ok   bool
	}{
		{"", nil, false},
		{"a", nil, true},
		{strings.Repeat("a", 255), nil, true},
		{strings.Repeat("a", 256), nil, false},
		{"\x00a", nil, false},
		{"b", id(0), true},
		{"c", id(-1), false},
		{"d", id(maxEngineID), true},
		{"e", id(maxEngineID + 1), false},
	} {
		_, err := New(testConfig()).admit(wire.Registration{UUID: wire.EngineUUID(c.uuid), ID: c.id})
		if (err == nil) != c.ok {
			t.Errorf("uuid of %d bytes, id %v: %v", len(c.uuid), c.id, err)
		}
	}
}

// While an engine of many is in doubt, pings are rarer: their pongs are many.
func TestPingsOfManyEngines(t *testing.T) {
	p := newPlayer(t)
	p.apply([]string{"tick", "1"})
	for i := range 2 * enginesPerTick {
		p.apply([]string{"register", fmt.Sprint("e", i)})
	}
	p.apply([]string{"tick", "1"})
	for i := range 2 * enginesPerTick {
		p.apply([]string{"pong", fmt.Sprint("e", i)})
	}
	p.apply([]string{"departed", "e0"})
	if due := p.m.Due(); due != 3 {
		t.Errorf("with %d engines the next ping is in %d ticks, want 3", 2*enginesPerTick, due)
	}
}
