package scheduler

import (
	"encoding/json"
	"strings"
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

// FuzzTask: whatever a task asks for, it is answered once, at the latest when
// all others are done and its time to wait is over.
func FuzzTask(f *testing.F) {
	for _, s := range []string{
		`{"after":["done"],"follow":["done","runs"],"priority":-3}`,
		`{"after":{"dependencies":["runs","waits"],"all":false,"success":false,"failure":true},"timeout":0.5}`,
		`{"follow":{"dependencies":["failed","runs"],"all":false,"failure":true},"targets":["b","x"],"retries":3}`,
		`{"follow":{"dependencies":["failed","waits"],"success":true,"failure":true},"targets":["a","a"]}`,
		`{"after":["t"]}`, `{"after":["never"]}`, `{"after":{"dependencies":{}}}`, `{"after":[1]}`, `{"follow":[[]]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, metadata []byte) {
		p := &player{t: t}
		p.use("balanced", BalancedConfig{Scheme: LeastLoad, HWM: 1})
		answers := 0
		step := func(ev Event) {
			for _, a := range p.m.Step(ev) {
				if line := p.print(a); strings.Contains(line, "to t:") || strings.Contains(line, "<re-t>") {
					answers++
				}
			}
			check(t, p.m)
		}
		request := func(id wire.MsgID, metadata []byte) {
			frames, m := message(t, wire.ApplyRequest, id, "", "", "c")
			m.Metadata = metadata
			if json.Valid(metadata) {
				frames[5] = metadata
			}
			step(Request{frames, m})
		}
		reply := func(engine string, id wire.MsgID, metadata string) {
			frames, m := message(t, wire.ApplyReply, "re-"+id, id, metadata, engine, "c")
			step(Reply{frames, m})
		}
		step(EngineUp{0, "a", 0})
		step(EngineUp{1, "b", 0})
		for _, id := range []wire.MsgID{"done", "failed", "runs", "waits", "late"} {
			request(id, []byte(`{}`))
			reply("a", "failed", `{"status":"error"}`)
			reply("b", "done", `{"status":"ok"}`)
		}
		request("t", metadata)
		for range 3 {
			for _, id := range []wire.MsgID{"runs", "waits", "late", "t"} {
				reply("a", id, `{"status":"ok"}`)
				reply("b", id, `{"status":"ok"}`)
			}
		}
		step(Tick{1e9})
		step(EngineDown{"a", "killed"})
		step(EngineDown{"b", "killed"})
		if answers != 1 {
			t.Fatalf("%d answers to a task with %s", answers, metadata)
		}
	})
}

// FuzzAbort: whatever is to be aborted or explained, there is one reply.
func FuzzAbort(f *testing.F) {
	f.Add([]byte(`{"msg_ids":["t1","t2","t1"],"running":true}`))
	f.Add([]byte(`{"msg_ids":null}`))
	f.Add([]byte(`{"msg_ids":{}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		p := &player{t: t}
		p.use("balanced", BalancedConfig{Scheme: LeastLoad, HWM: 1})
		p.apply([]string{"up", "0", "a"})
		p.apply([]string{"ask", "c", "t1"})
		p.apply([]string{"ask", "c", "t2"})
		p.apply([]string{"ask", "c", "t3", `{"after":["t1","t2"]}`})
		for _, kind := range []string{wire.ExplainRequest, wire.AbortRequest} {
			_, m := message(t, kind, "q", "", "", "c")
			m.Content = content
			replies := 0
			for _, a := range p.m.Step(Request{nil, m}) {
				if line := p.print(a); strings.HasPrefix(line, "tell c") || strings.Contains(line, "to q:") {
					replies++
				}
			}
			if replies != 1 {
				t.Fatalf("%d replies to %s %s", replies, kind, content)
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
	m.Step(EngineUp{0, "engine", 0})
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

// BenchmarkBroadcast is a request to 256 engines and their replies. Nothing of
// what they have in common is copied.
func BenchmarkBroadcast(b *testing.B) {
	const n = 256
	m := NewBroadcast(nil)
	targets := make([]wire.Target, n)
	for i := range targets {
		targets[i] = wire.Target{UUID: wire.EngineUUID(wire.NewSessionID()), ID: wire.EngineID(i)}
		m.Step(EngineUp{targets[i].ID, targets[i].UUID, 0})
	}
	session := wire.NewSession("", "")
	for b.Loop() {
		_, frames, err := session.Frames(wire.ApplyRequest, nil, map[string]any{"targets": targets, "is_broadcast": true}, nil, []byte("shared"))
		if err != nil {
			b.Fatal(err)
		}
		request := append([][]byte{[]byte("client")}, frames...)
		in, err := session.Inspect(request)
		if err != nil {
			b.Fatal(err)
		}
		copies := m.Step(Request{request, in})
		for _, a := range copies {
			c := a.(Sign).Message
			if &c.Buffers[0][0] != &in.Buffers[0][0] {
				b.Fatal("a copy has buffers of its own")
			}
			reply := &wire.Message{Route: c.Route, Parent: c.Header}
			if len(m.Step(Reply{[][]byte{c.Route[0], c.Route[1]}, reply})) != 1 {
				b.Fatal("the reply was not relayed")
			}
		}
		if len(copies) != n {
			b.Fatalf("%d copies", len(copies))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/engine")
}
