package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func message(t testing.TB, s *Session, buffers ...[]byte) [][]byte {
	t.Helper()
	_, frames, err := s.Frames(ApplyRequest, nil, nil, map[string]any{"x": 1}, buffers...)
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

func TestRoundTrip(t *testing.T) {
	const key = "secret"
	a, b := NewSession(key, ""), NewSession(key, "")
	id, frames, err := a.Frames(ExecuteRequest, json.RawMessage(`{"msg_id":"p","msg_type":"q"}`),
		map[string]any{"m": true}, Execute{Code: "é := 1"}, []byte("raw"), []byte{})
	if err != nil {
		t.Fatal(err)
	}
	frames = append([][]byte{[]byte("client"), []byte("engine")}, frames...)
	m, err := b.Decode(frames)
	if err != nil {
		t.Fatal(err)
	}
	h := m.Header
	if h.MsgID != id || h.MsgType != ExecuteRequest || h.Session != a.ID || h.Version != ProtocolVersion || h.Date.IsZero() || h.Username == "" {
		t.Errorf("header %+v", h)
	}
	if len(m.Route) != 2 || string(m.Route[1]) != "engine" || m.Parent.MsgID != "p" || string(m.Metadata) != `{"m":true}` {
		t.Errorf("message %+v", m)
	}
	if len(m.Buffers) != 2 || &m.Buffers[0][0] != &frames[len(frames)-2][0] {
		t.Error("buffers are not the frames themselves")
	}
	var e Execute
	if err := json.Unmarshal(m.Content, &e); err != nil || e.Code != "é := 1" {
		t.Errorf("content %+v, %v", e, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	s, other := NewSession("secret", ""), NewSession("wrong", "")
	edit := func(i int, b string) func([][]byte) [][]byte {
		return func(f [][]byte) [][]byte { f[i] = []byte(b); return f }
	}
	for name, c := range map[string]struct {
		edit func([][]byte) [][]byte
		key  string
		want error
	}{
		"other key":         {edit: func(f [][]byte) [][]byte { return message(t, other) }, want: ErrSignature},
		"changed content":   {edit: edit(5, `{"x":2}`), want: ErrSignature},
		"no signature":      {edit: edit(1, ""), want: ErrSignature},
		"short signature":   {edit: edit(1, "ab"), want: ErrSignature},
		"no delimiter":      {edit: edit(0, "<IDS>"), want: ErrMalformed},
		"truncated":         {edit: func(f [][]byte) [][]byte { return f[:4] }, want: ErrMalformed},
		"nothing":           {edit: func(f [][]byte) [][]byte { return nil }, want: ErrMalformed},
		"a header too long": {edit: func(f [][]byte) [][]byte { f[2] = make([]byte, MaxDict+1); return f }, want: ErrMalformed},
		"header is a list":  {edit: func(f [][]byte) [][]byte { return resign(s, f, 2, `[]`) }, want: ErrMalformed},
		"header is empty":   {edit: func(f [][]byte) [][]byte { return resign(s, f, 2, `{}`) }, want: ErrMalformed},
		"parent is a list":  {edit: func(f [][]byte) [][]byte { return resign(s, f, 3, `[1]`) }, want: ErrMalformed},
		"metadata is null":  {edit: func(f [][]byte) [][]byte { return resign(s, f, 4, `null`) }, want: ErrMalformed},
		"content is a list": {edit: func(f [][]byte) [][]byte { return resign(s, f, 5, `[{}]`) }, want: ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := s.Decode(c.edit(message(t, s)))
			if !errors.Is(err, c.want) {
				t.Fatalf("Decode: %v, %v; want %v", m, err, c.want)
			}
		})
	}
}

func resign(s *Session, f [][]byte, i int, dict string) [][]byte {
	f[i] = []byte(dict)
	f[1] = s.sign(f[2:6])
	return f
}

func TestReplay(t *testing.T) {
	s := NewSession("secret", "")
	frames := message(t, s)
	for range 2 {
		if _, err := s.Inspect(frames); err != nil {
			t.Fatal("Inspect remembers:", err)
		}
	}
	if _, err := s.Decode(frames); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Decode(frames); !errors.Is(err, ErrReplay) {
		t.Fatalf("second Decode: %v", err)
	}
	// The memory is bounded, and what is within it stays refused.
	for i := range 5 * replayWindow {
		if s.repeated(fmt.Appendf(nil, "%032x", i)) {
			t.Fatal("a fresh signature counts as repeated")
		}
		if n := len(s.recent) + len(s.older); n > 2*replayWindow || i >= replayWindow && n < replayWindow {
			t.Fatalf("after %d signatures %d are kept, want %d to %d", i+1, n, replayWindow, 2*replayWindow)
		}
	}
	for _, i := range []int{4*replayWindow + 1, 5*replayWindow - 1} {
		if !s.repeated(fmt.Appendf(nil, "%032x", i)) {
			t.Fatalf("signature %d of %d was forgotten", i+1, 5*replayWindow)
		}
	}
	if s.repeated(fmt.Appendf(nil, "%032x", replayWindow)) {
		t.Fatal("an old signature is still kept")
	}
}

func TestUnsigned(t *testing.T) {
	s := NewSession("", "")
	frames := message(t, s)
	if len(frames[1]) != 0 {
		t.Errorf("signature %q without a key", frames[1])
	}
	for range 2 { // without signatures there is nothing to remember
		if _, err := s.Decode(frames); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIDsAreUnique(t *testing.T) {
	s := NewSession("k", "")
	var mu sync.Mutex
	seen := map[MsgID]bool{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				id, _ := s.Header("x")
				mu.Lock()
				if seen[id] || strings.Trim(string(id), "0123456789abcdefghijklmnopqrstuvwxyz_-") != "" {
					t.Errorf("id %q", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 2000 {
		t.Errorf("%d ids of 2000", len(seen))
	}
}

func TestTime(t *testing.T) {
	for in, want := range map[string]string{
		`"2026-11-20T16:41:07.308956Z"`:      `"2026-11-20T16:41:07.308956Z"`,
		`"2026-11-20T17:41:07.308956+01:00"`: `"2026-11-20T16:41:07.308956Z"`,
		`"2026-11-20T16:41:07"`:              `"2026-11-20T16:41:07.000000Z"`,
		`null`:                               `null`,
		`"yesterday"`:                        `null`,
		`12`:                                 `null`,
	} {
		var v Time
		if err := json.Unmarshal([]byte(in), &v); err != nil {
			t.Error(err)
		}
		if out, err := json.Marshal(v); err != nil || string(out) != want {
			t.Errorf("%s is read as %s, %v; want %s", in, out, err, want)
		}
	}
}

// FuzzDecode feeds arbitrary frames, joined by newlines, to an unsigned
// session (a signed one refuses all of them before it parses).
func FuzzDecode(f *testing.F) {
	s := NewSession("", "")
	f.Add(bytes.Join(message(f, s, []byte("b")), []byte("\n")))
	f.Add([]byte("id\n<IDS|MSG>\n\n{\"msg_id\":\"a\",\"msg_type\":\"b\",\"date\":3}\n{}\n{}\n{}"))
	f.Add([]byte("<IDS|MSG>\n\n\n\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		frames := bytes.Split(data, []byte("\n"))
		m, err := s.Decode(frames)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error of no known kind: %v", err)
			}
			return
		}
		if m.Header.MsgID == "" || m.Header.MsgType == "" {
			t.Fatalf("accepted without an id or type: %q", data)
		}
		again, err := s.Decode(s.Encode(m))
		if err != nil || again.Header != m.Header || len(again.Buffers) != len(m.Buffers) {
			t.Fatalf("not the same after a round trip: %v", err)
		}
	})
}

func BenchmarkFrames(b *testing.B) {
	s := NewSession(NewKey(), "")
	b.ReportAllocs()
	for b.Loop() {
		s.Frames(ApplyRequest, nil, nil, nil)
	}
}

func BenchmarkDecode(b *testing.B) {
	s := NewSession(NewKey(), "")
	_, h := s.Header(ApplyRequest)
	_, frames, _ := s.Frames(ApplyReply, h, nil, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Inspect(frames); err != nil {
			b.Fatal(err)
		}
	}
}
