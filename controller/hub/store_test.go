package hub

import (
	"testing"

	"muster/wire"
)

// A record that fills the memory to the last byte stays; with a byte more it
// goes.
func TestBytesAtTheBound(t *testing.T) {
	for _, c := range []struct{ over, kept int }{{0, 1}, {1, 0}} {
		p := newPlayer(t)
		m := p.message(wire.ApplyRequest, "t", "", nil, "500")
		submitted := Submitted{Task, "", 1, m}
		var r Record
		r.Apply(submitted)
		p.m.memory.byteLimit = r.Size() - c.over
		p.step(submitted)
		if n := len(p.m.memory.records); n != c.kept {
			t.Errorf("%d bytes over the bound: %d records kept, want %d", c.over, n, c.kept)
		}
	}
}
