package client

import (
	"runtime"
	"testing"

	"muster/wire"
)

// engineOf answers what is sent to it at once, with a value.
func engineOf(t testing.TB, c *Client, value any) answering {
	peer := wire.NewSession(testKey, "")
	buffers, err := codec.Serialize(value)
	if err != nil {
		t.Fatal(err)
	}
	return func(request [][]byte) {
		_, rest, err := wire.Split(request)
		if err != nil {
			t.Fatal(err)
		}
		_, frames, err := peer.Frames(wire.ApplyReply, rest[2], map[string]any{wire.Outputs: 0}, map[string]any{"status": "ok"}, buffers...)
		if err == nil {
			err = c.replied(frames)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// However many calls are made and their results fetched and released, a client
// holds no more than it did.
func TestMemoryIsFlat(t *testing.T) {
	c := newClient(testKey, nil)
	defer c.stop(ErrClosed)
	c.mux.socket = engineOf(t, c, "a small result")
	c.engineUp(0, "u0")
	v := c.Direct(All)
	calls := func(n int) (objects uint64) {
		for range n {
			if _, err := v.Apply(t.Context(), Ref("f")); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapObjects
	}
	before := calls(3 * MaxHistory) // fills what is kept
	after := calls(10 * MaxHistory)
	if after > before+before/10+MaxHistory {
		t.Errorf("%d objects after %d calls, %d after %d more", before, 3*MaxHistory, after, 10*MaxHistory)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.memory.calls); n != maxRemembered {
		t.Errorf("%d calls are remembered", n)
	}
	if n := len(c.memory.history()); n != MaxHistory {
		t.Errorf("%d ids are remembered", n)
	}
}

// Large results are forgotten before there are many.
func TestMemoryOfLargeResults(t *testing.T) {
	c := newClient(testKey, nil)
	defer c.stop(ErrClosed)
	c.engineUp(0, "u0")
	v := c.Direct(All)
	last := func(size int) wire.MsgID {
		c.mux.socket = engineOf(t, c, make([]byte, size))
		_, err := v.Apply(t.Context(), Ref("f"))
		check(t, err)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.memory.bytes > maxRememberedBytes || c.memory.bytes < 0 {
			t.Errorf("%d bytes are remembered", c.memory.bytes)
		}
		return c.memory.ids[len(c.memory.ids)-1]
	}
	last(10)
	for _, test := range []struct {
		size, kept int
	}{{maxRememberedBytes / 2, 2}, {maxRememberedBytes / 4, 3}, {maxRememberedBytes / 2, 2}, {maxRememberedBytes, 0}, {10, 1}} {
		id := last(test.size)
		c.mu.Lock()
		known := c.recall([]wire.MsgID{id})
		n := len(c.memory.calls)
		c.mu.Unlock()
		equal(t, n, test.kept)
		equal(t, known[id] != nil, test.kept > 0)
	}
}
