package hub

import (
	"encoding/json"
	"testing"

	"muster/wire"
)

// FuzzRequest: whatever the content of a request, it is answered once, with
// something that is JSON, and the hub stays sound.
func FuzzRequest(f *testing.F) {
	for kind, content := range map[string]string{
		wire.RegistrationRequest:   `{"uuid":"a","id":3}`,
		wire.UnregistrationRequest: `{"id":0}`,
		wire.EngineEndedRequest:    `{"host":"n1","pid":42,"job":"j","rank":0,"cause":"killed"}`,
		wire.ConnectionRequest:     `{}`,
		wire.QueueRequest:          `{"targets":[0,"e"],"verbose":true}`,
		wire.ResultRequest:         `{"msg_ids":["t","u"],"status_only":false}`,
		wire.HistoryRequest:        `{}`,
		wire.DBRequest:             `{"query":{"submitted":{"$lt":"2026-11-20T17:00:00Z"},"label":{"$all":["x"]},"stdout":{"$mod":[2,1]}},"keys":["started","buffers"]}`,
		wire.PurgeRequest:          `{"msg_ids":"all","engine_ids":[0]}`,
		wire.ResubmitRequest:       `{"msg_ids":["t"]}`,
		wire.ShutdownRequest:       `{}`,
		"load_request":             `null`,
	} {
		f.Add(kind, []byte(content), []byte(`{"label":"x","started":"2026-11-20T16:00:00Z"}`))
	}
	f.Fuzz(func(t *testing.T, kind string, content, metadata []byte) {
		if !json.Valid(metadata) {
			metadata = wire.Empty
		}
		p := newPlayer(t)
		for _, words := range [][]string{{"tick", "1"}, {"register", "e"}, {"tick", "1"}, {"pong", "e"}, {"mux", "e", "t", "9"}, {"task", "u"}, {"reply", "t", "9"}} {
			p.apply(words)
		}
		records := p.m.memory.records
		records["t"].Reply.Metadata, records["t"].Request.Metadata = metadata, metadata
		p.m.memory.bytes = records["t"].Size() + records["u"].Size()
		message := p.message(kind, "q", "", nil, "")
		message.Content = content
		replies := 0
		for _, a := range p.m.Step(Request{"client", message}) {
			if r, ok := a.(Reply); ok {
				replies++
				if _, err := json.Marshal(r.Content); err != nil {
					t.Fatalf("%s: %v", r.Type, err)
				}
			}
		}
		if want := 1; kind != wire.UnregistrationRequest && replies != want {
			t.Fatalf("%d replies", replies)
		}
		check(t, p.m)
	})
}

// FuzzOutput: whatever an engine publishes, the record stays sound.
func FuzzOutput(f *testing.F) {
	for kind, content := range map[string]string{
		"stream":         `{"name":"stdout","text":"x"}`,
		"execute_input":  `{"code":"1"}`,
		"execute_result": `{"data":{}}`,
		"error":          `{"ename":"E"}`,
		"display_data":   `{}`,
		"shutdown_reply": `{}`,
	} {
		f.Add(kind, []byte(content))
	}
	f.Fuzz(func(t *testing.T, kind string, content []byte) {
		if !json.Valid(content) {
			content = wire.Empty // the door lets objects in alone
		}
		p := newPlayer(t)
		for _, words := range [][]string{{"tick", "1"}, {"register", "e"}, {"tick", "1"}, {"pong", "e"}, {"mux", "e", "t"}} {
			p.apply(words)
		}
		m := p.message(kind, "o", "t", nil, "")
		m.Content = content
		p.m.Step(Output{m})
		check(t, p.m)
		p.apply([]string{"reply", "t"})
		for _, a := range p.m.Step(Request{"client", p.message(wire.ResultRequest, "q", "", map[string]any{"msg_ids": []string{"t"}}, "")}) {
			p.print(a)
		}
	})
}

// BenchmarkRecord is what the hub does for a request, its reply and its output.
func BenchmarkRecord(b *testing.B) {
	cfg := testConfig()
	cfg.Records, cfg.Bytes = 1024, 256<<20
	m := New(cfg)
	m.Step(Tick{1})
	session := wire.NewSession("", "")
	message := func(kind string, parent *wire.Message, content any) *wire.Message {
		var header json.RawMessage
		if parent != nil {
			header = parent.RawHeader
		}
		_, frames, err := session.Frames(kind, header, nil, content)
		if err != nil {
			b.Fatal(err)
		}
		msg, err := session.Inspect(frames)
		if err != nil {
			b.Fatal(err)
		}
		return msg
	}
	m.Step(Request{"e", message(wire.RegistrationRequest, nil, wire.Registration{UUID: "e"})})
	m.Step(Tick{1})
	m.Step(Pong{"e", "2"})
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		request := message(wire.ApplyRequest, nil, nil)
		reply := message(wire.ApplyReply, request, nil)
		b.StartTimer()
		m.Step(Submitted{Mux, "e", 1, request})
		m.Step(Replied{reply, reply.Header.Date})
	}
}
