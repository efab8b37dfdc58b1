package scheduler

import (
	"testing"

	"muster/wire"
)

// FuzzOptions: whatever the metadata of a request, a machine answers, relays or
// drops it, and stays sound.
func FuzzOptions(f *testing.F) {
	for _, s := range []string{
		`{"targets":["a"],"after":["x"],"follow":{"dependencies":["y"]},"timeout":1.5,"retries":2}`,
		`{"targets":[["a",0],["b",1]],"is_coalescing":true}`,
		`{"targets":null,"timeout":null,"retries":null}`,
		`{"is_coalescing":3}`,
		`[]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, metadata []byte) {
		for _, kind := range []string{"direct", "broadcast", "balanced"} {
			p := &player{t: t}
			p.use(kind, BalancedConfig{Scheme: LeastLoad, HWM: 1})
			p.apply([]string{"up", "0", "a"})
			route := []string{"c"}
			if kind == "direct" {
				route = append(route, "a")
			}
			frames, m := message(t, wire.ExecuteRequest, "t", "", "", route...)
			m.Metadata = metadata
			answers := 0
			for _, a := range p.m.Step(Request{frames, m}) {
				if _, ok := a.(Answer); ok {
					answers++
				}
				p.print(a)
			}
			if answers > 1 && kind != "broadcast" {
				t.Fatalf("%s: %d answers", kind, answers)
			}
			check(t, p.m)
		}
	})
}

// FuzzOutcome: whatever the metadata of a reply, its task is answered, or
// placed anew.
func FuzzOutcome(f *testing.F) {
	f.Add([]byte(`{"status":"error","dependencies_met":false}`))
	f.Add([]byte(`{"status":3}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, metadata []byte) {
		for _, kind := range []string{"broadcast", "balanced"} {
			p := &player{t: t}
			p.use(kind, BalancedConfig{Scheme: LeastLoad, HWM: 1})
			p.apply([]string{"up", "0", "a"})
			id := wire.MsgID("t")
			p.apply([]string{"ask", "c", "t", `{"targets":[["a",0]],"is_coalescing":true}`})
			if kind == "balanced" {
				p.apply([]string{"ask", "c", "t", `{"retries":1}`})
			} else {
				id = "t_a"
			}
			frames, m := message(t, wire.ApplyReply, "r", id, "", "a", "c")
			m.Metadata = metadata
			for _, a := range p.m.Step(Reply{frames, m}) {
				p.print(a)
			}
			check(t, p.m)
		}
	})
}

// BenchmarkDirect is a request and its reply.
func BenchmarkDirect(b *testing.B) {
	m := NewDirect()
	m.Step(EngineUp{0, "engine"})
	session := wire.NewSession("", "")
	id, frames, err := session.Frames(wire.ApplyRequest, nil, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	request := append([][]byte{[]byte("client"), []byte("engine")}, frames...)
	in, err := session.Inspect(request)
	if err != nil {
		b.Fatal(err)
	}
	out := &wire.Message{Route: in.Route, Parent: wire.Header{MsgID: id}}
	b.ReportAllocs()
	for b.Loop() {
		request[0], request[1] = []byte("client"), []byte("engine")
		m.Step(Request{request, in})
		if len(m.Step(Reply{request, out})) != 1 {
			b.Fatal("the reply was not relayed")
		}
	}
}
