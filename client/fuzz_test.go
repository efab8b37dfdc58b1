package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"muster/numeric"
	"muster/transport"
	"muster/wire"
)

// sink is a socket that forgets what is sent.
type sink struct{ transport.Socket }

func (sink) Send([][]byte) error         { return nil }
func (sink) Give([][]byte, func()) error { return nil }

// FuzzReceive gives the client signed messages of any content on every
// channel, in the middle of a call: nothing panics, and what is outstanding is
// settled no more than once.
func FuzzReceive(f *testing.F) {
	buffers, err := codec.Serialize([]any{1.5, "x"})
	if err != nil {
		f.Fatal(err)
	}
	ok := []byte(`{"status":"ok"}`)
	counted := []byte(`{"started":"2026-11-20T16:41:07.308956Z","engine":"u0","status":"ok","outputs":1}`)
	f.Add("apply_reply", counted, ok, buffers[0])
	f.Add("apply_reply", []byte(`{"outputs":0,"go_type":"map[string]int"}`), ok, []byte("}."))
	f.Add("execute_reply", []byte(`{"started":"2026-11-20T16:41:07"}`), []byte(`{"status":"ok","execution_count":3}`), []byte(nil))
	f.Add("apply_reply", []byte("{}"), []byte(`{"status":"error","ename":"E","evalue":"v","traceback":["a"],"engine_info":{}}`), []byte(nil))
	f.Add("apply_reply", []byte(`{"status":"aborted","started":""}`), []byte(`{"status":"aborted"}`), []byte(nil))
	f.Add("stream", []byte("{}"), []byte(`{"name":"stdout","text":"hello"}`), []byte(nil))
	f.Add("execute_result", []byte("{}"), []byte(`{"execution_count":1,"data":{"text/plain":"5"}}`), []byte(nil))
	f.Add("display_data", []byte("{}"), []byte(`{"data":{"text/plain":"a plot","image/png":"iVBO"},"metadata":{"image/png":{"width":3}}}`), []byte(nil))
	f.Add("status", []byte("{}"), []byte(`{"execution_state":"busy"}`), []byte(nil))
	f.Add("status", []byte("{}"), []byte(`{"execution_state":"idle"}`), []byte(nil))
	f.Add("registration_notification", []byte("{}"), []byte(`{"id":-4,"uuid":"u0"}`), []byte(nil))
	f.Add("unregistration_notification", []byte("{}"), []byte(`{"id":0,"uuid":"u0"}`), []byte(nil))
	f.Add("shutdown_notification", []byte("{}"), ok, []byte(nil))
	f.Add("acknowledge", []byte("{}"), []byte(`{"msg_ids":["a",null]}`), []byte(nil))
	f.Fuzz(func(t *testing.T, msgType string, metadata, content, buffer []byte) {
		c := newClient(testKey, nil)
		c.mux.socket, c.task.socket = sink{}, sink{}
		c.keeps.Store(len(content)%2 == 0)
		c.engineUp(0, "u0")
		peer := wire.NewSession(testKey, "")
		v := c.Direct(All)
		for _, ar := range []*AsyncResult{v.ExecuteAsync("x"), v.PullAsync("a", "b"), v.GatherAsync("a"), v.ZipPullAsync("a", "b"), v.PullSerializedAsync("a"), v.With(Cyclic(), Flatten()).GatherAsync("a"), c.LoadBalanced().ApplyAsync(Ref("f"))} {
			parent, _ := json.Marshal(wire.Header{MsgID: ar.tasks[0].id, MsgType: "apply_request", Session: c.session.ID})
			for _, handle := range []func([][]byte) error{c.published, c.replied, c.notified, c.published, c.replied} {
				_, frames, err := peer.Frames(msgType, parent, json.RawMessage(metadata), json.RawMessage(content), buffer)
				if err == nil {
					handle(frames) // errors are fine
				}
			}
			_ = ar.Metadata().String()
			if ar.Ready() {
				values, _ := ar.Get(t.Context())
				for _, v := range values { // errors are fine
					if m, ok := v.(map[string]Serialized); ok {
						m["a"].Value()
					}
					numeric.To[map[string]struct {
						X []int
						T [2]time.Time
					}](v)
					numeric.To[[]map[*big.Int]struct{}](v)
				}
			}
		}
		c.stop(ErrClosed)
		if len(c.pending) > 0 {
			t.Errorf("%d tasks are left", len(c.pending))
		}
	})
}

// FuzzMap answers maps with any content and value: there is a place for every
// item, and an error names those without a value.
func FuzzMap(f *testing.F) {
	ok, failed := []byte(`{"status":"ok"}`), []byte(`{"status":"error","ename":"E","evalue":"v","traceback":["a"]}`)
	for _, v := range []any{[]any{1, 2}, []float64{1, 2, 3}, []int{1}, []any{}, "text", 5, nil, []any{1, "a", []any{2}}} {
		buffers, err := codec.Serialize(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ok, buffers[0])
		f.Add(failed, buffers[0])
	}
	f.Fuzz(func(t *testing.T, content, buffer []byte) {
		c := newClient(testKey, nil)
		c.mux.socket, c.task.socket = sink{}, sink{}
		c.engineUp(0, "u0")
		c.engineUp(1, "u1")
		peer := wire.NewSession(testKey, "")
		v, items := c.Direct(All), []int{1, 2, 3}
		for _, ar := range []*AsyncResult{
			v.MapAsync(Ref("f"), items), v.With(Cyclic()).RawMapAsync(Ref("f"), items), v.With(Chunk(1)).MapAsync(Ref("f"), items),
			c.LoadBalanced().MapAsync(Ref("f"), items),
		} {
			for i := range ar.tasks {
				parent, _ := json.Marshal(wire.Header{MsgID: ar.tasks[i].id, MsgType: "apply_request", Session: c.session.ID})
				_, frames, err := peer.Frames("apply_reply", parent, json.RawMessage(`{"outputs":0}`), json.RawMessage(content), buffer)
				if err == nil {
					c.replied(frames) // errors are fine
				}
			}
			if !ar.Ready() {
				continue
			}
			values, err := ar.Get(t.Context())
			numbers, err2 := Values[float64](t.Context(), ar)
			if len(values) != 3 || len(numbers) != 3 {
				t.Errorf("%v and %v for 3 items", values, numbers)
			}
			var m *MapError
			if err != nil && !errors.As(err, &m) || err2 != nil && !errors.As(err2, &m) {
				t.Errorf("errors %v and %v", err, err2)
			}
			n := 0
			for _, err := range Items[float64](t.Context(), ar) {
				if n++; err != nil && err2 == nil {
					t.Errorf("%v of an item, none of all", err)
				}
			}
			if n != 3 {
				t.Errorf("%d items", n)
			}
		}
		c.stop(ErrClosed)
	})
}

// FuzzHub gives the client hub replies of any content.
func FuzzHub(f *testing.F) {
	f.Add([]byte(`{"status":"ok","engines":{"0":"u0","12":"u12"}}`))
	f.Add([]byte(`{"status":"ok","engines":{"0":"u0","-3":"u0"},"instance":"abcdef01","restores":true}`))
	f.Add([]byte(`{"status":"ok","0":{"queue":1,"completed":2,"tasks":3},"unassigned":4}`))
	f.Add([]byte(`{"status":"error","ename":"KeyError","evalue":"x","traceback":[]}`))
	f.Add([]byte(`{"status":"ok","0":{"queue":["a"],"completed":["b"],"tasks":[]},"unassigned":["c"]}`))
	f.Add([]byte(`{"status":"ok","pending":[],"completed":["a"]}`))
	f.Add([]byte(`{"status":"ok","pending":[],"records":[{"msg_id":"a","header":{"msg_type":"apply_request"},"engine_uuid":"u0",` +
		`"content":{},"result_content":{"status":"ok"},"result_metadata":{"started":"2026-11-20T16:41:07Z"}}],"result_buffer_lens":[0]}`))
	f.Add([]byte(`{"status":"ok","records":[{"msg_id":"a","header":{"msg_type":"execute_request"},"engine_uuid":"u0","submitted":null,` +
		`"content":{"code":"1","store_history":true},"result_content":{"execution_count":1},"execute_result":{"data":{"text/plain":"1"}}}],"result_buffer_lens":[9]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		c := newClient(testKey, nil)
		c.seeking = true // nobody need
		peer := wire.NewSession(testKey, "")
		c.query.socket = answering(func(request [][]byte) {
			_, frames, err := peer.Frames("hub_reply", request[2], nil, json.RawMessage(content))
			if err == nil && c.replied(frames) != nil {
				c.stop(ErrClosed) // as no answer would
			}
		})
		c.engineUp(0, "u0")
		c.queryEngines(t.Context())
		if s, err := c.QueueStatus(t.Context(), All); err == nil {
			_ = s.String()
		}
		if s, err := c.QueueIDs(t.Context(), All); err == nil {
			_ = s.String()
		}
		// What is pending for ever would be waited for.
		ended, cancel := context.WithTimeout(t.Context(), firstPoll/2)
		defer cancel()
		for _, ask := range []func() (Results, error){
			func() (Results, error) { return c.GetResult(ended, "a") },
			func() (Results, error) { return c.Direct(All).GetResult(ended, -1) },
			func() (Results, error) { return c.Direct(All).GetResult(ended, 1) },
		} {
			if rs, err := ask(); err == nil {
				_ = fmt.Sprintf("%+v", rs)
			}
		}
		c.stop(ErrClosed)
	})
}

// answering is a socket that answers what is sent.
type answering func(frames [][]byte)

func (answering) Recv() ([][]byte, error) { return nil, transport.ErrClosed }
func (answering) Addr() string            { return "" }
func (answering) Close() error            { return nil }
func (answering) Discard() error          { return nil }
func (a answering) Give(frames [][]byte, sent func()) error {
	err := a.Send(frames)
	if sent != nil {
		sent()
	}
	return err
}
func (a answering) Send(frames [][]byte) error {
	a(frames)
	return nil
}

// FuzzCount compares the search for the number of outputs with the JSON library.
func FuzzCount(f *testing.F) {
	f.Add([]byte(`{"engine":"e","outputs":12,"status":"ok"}`))
	f.Add([]byte(`{"label": {"outputs": 1}, "outputs": 2}`))
	f.Add([]byte(`{"label": "\"outputs\":3"}`))
	f.Fuzz(func(t *testing.T, metadata []byte) {
		var m map[string]json.RawMessage
		if json.Unmarshal(metadata, &m) != nil {
			return
		}
		plain, err := json.Marshal(m) // one key of each name, and written alike
		if err != nil {
			return
		}
		var want int
		raw := m[wire.Outputs]
		isCount := raw != nil && string(raw) != "null" && json.Unmarshal(raw, &want) == nil && want >= 0
		if got, ok := countOf(plain); isCount && (!ok || got != want) || !isCount && ok && got >= 0 {
			t.Errorf("%s: %d %v, want %d %v", plain, got, ok, want, isCount)
		}
	})
}
