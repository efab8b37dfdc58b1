package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"muster/transport"
	"muster/wire"
	"muster/wire/pickle"
)

// bag is an Interpreter that runs nothing: fuzzing must not run what it makes up.
type bag map[string]any

func (bag) Exec(_ context.Context, _, source string) (any, bool, error) {
	return source, source != "", nil
}
func (b bag) Eval(_ context.Context, expr string) (any, error) { return b.Get(expr) }
func (b bag) Call(_ context.Context, _ string, args []any) (any, error) {
	return args, nil
}
func (b bag) Map(_ context.Context, fn string, seqs ...any) (any, error) {
	_, err := b.Get(fn)
	return seqs, err
}
func (b bag) Set(name string, v any) error { b[name] = v; return nil }
func (b bag) Get(name string) (any, error) {
	if v, ok := b[name]; ok {
		return v, nil
	}
	return nil, userErrorf(NameError, "name '%s' is not defined", name)
}
func (b bag) Delete(names ...string) error {
	for _, name := range names {
		delete(b, name)
	}
	return nil
}
func (b bag) Run(ctx context.Context, file, source string) (any, bool, error) {
	return b.Exec(ctx, file, source)
}
func (b bag) Names() []string                      { return slices.Sorted(maps.Keys(b)) }
func (b bag) Declare(name string, value any) error { return b.Set(name, value) }
func (b bag) Define(_ context.Context, name, source string) error {
	return b.Set(name, source)
}
func (b bag) Source(name string) (string, error) {
	v, err := b.Get(name)
	return fmt.Sprint(v), err
}
func (b bag) Clear() error { clear(b); return nil }

// sink is a socket that keeps what is sent.
type sink struct {
	transport.Socket
	sent [][][]byte
}

func (s *sink) Send(frames [][]byte) error { s.sent = append(s.sent, frames); return nil }

var fuzzTypes = []string{
	wire.ExecuteRequest, wire.ApplyRequest, "abort_request", "clear_request", "interrupt_request", "signal_request",
	"kernel_info_request", "shutdown_request", "comm_msg", "anything",
}

// FuzzRequest gives an engine requests of any content. It must not fall over,
// and answer each with one sound reply.
func FuzzRequest(f *testing.F) {
	call := func(fn any, args []any, kwargs map[string]any) (b [3][]byte) {
		buffers, err := codec.SerializeCall(fn, args, kwargs)
		if err != nil {
			f.Fatal(err)
		}
		copy(b[:], buffers)
		return b
	}
	add := func(kind byte, metadata, content string, b [3][]byte) {
		f.Add(kind, []byte(metadata), []byte(content), b[0], b[1], b[2])
	}
	add(0, `{"label":[1],"is_broadcast":true,"original_msg_id":"x\""}`, `{"code":"a","silent":false,"user_expressions":{"k":"v"}}`, [3][]byte{})
	add(0, onlyCounts, `{"code":5}`, [3][]byte{})
	add(1, `{}`, `{}`, call(pickle.Reference{Name: "f"}, []any{[]float64{1, 2}}, nil))
	add(1, `{}`, `{}`, call(pickle.Reference{Name: "f"}, nil, map[string]any{"k": []any{pickle.Reference{Name: "a"}}}))
	add(1, `{}`, `{}`, call(pickle.Reference{Name: wire.PushFunction}, nil, map[string]any{"a": 1}))
	add(1, `{"go_types":{"a":"[]string"}}`, `{}`, call(pickle.Reference{Name: wire.PushFunction}, nil, map[string]any{"a": []string{"b"}}))
	add(1, `{}`, `{}`, call(pickle.Reference{Name: wire.DeleteFunction}, []any{[]string{"a"}}, nil))
	add(1, `{}`, `{}`, call(pickle.Reference{Name: wire.ValueFunction}, []any{pickle.Reference{Name: "a"}}, nil))
	add(1, `{}`, `{}`, call(pickle.Reference{Name: wire.PullFunction}, []any{[]string{"a"}}, nil))
	add(1, `{}`, `{}`, call(pickle.Reference{Name: wire.MapFunction}, []any{pickle.Reference{Name: "f"}}, nil))
	add(1, `{"depend":"a > 1 && gpu","require":["a","no/such"]}`, `{}`, call(pickle.Reference{Name: "f"}, nil, nil))
	add(1, `{"depend_function":"f"}`, `{}`, call(pickle.Reference{Name: "f"}, nil, nil))
	add(1, `{}`, `{}`, call(pickle.Reference{Name: wire.TaskFunction}, []any{wire.TaskSpec{Function: "f", Refs: []string{"a", ""}, Keywords: []string{"k"}, Pull: []string{"a"}, ClearAfter: true}, nil, 1}, map[string]any{"a": 1}))
	for _, name := range slices.Sorted(maps.Keys(helpers)) {
		add(1, `{}`, `{}`, call(pickle.Reference{Name: name}, []any{[]string{"a"}}, nil))
		add(1, `{}`, `{}`, call(pickle.Reference{Name: name}, []any{map[string]any{"a": "func() {}"}}, nil))
	}
	add(0, `{"source_file":"f.go"}`, `{"code":"package main"}`, [3][]byte{})
	add(1, `{}`, `{}`, [3][]byte{[]byte("cipyparallel.util\n_pull\n."), nil, nil})
	add(2, `{}`, `{"msg_ids":["a"]}`, [3][]byte{})
	add(2, `{}`, `{"msg_ids":null,"running":true}`, [3][]byte{})
	add(5, `{}`, `{"sig":1e300}`, [3][]byte{})
	add(5, `{}`, `{"sig":"sigint"}`, [3][]byte{})
	f.Fuzz(func(t *testing.T, kind byte, metadata, content, b0, b1, b2 []byte) {
		if !isObject(metadata) || !isObject(content) {
			return // wire refuses them
		}
		e, err := New(Config{ConnectionFile: "none"})
		if err != nil {
			t.Fatal(err)
		}
		e.life, e.stop = context.WithCancelCause(context.Background())
		defer e.stop(nil)
		m := &membership{session: wire.NewSession(testKey, "")}
		e.member.Store(m)
		e.ns = bag{"a": 1}
		iopub, replies := new(sink), new(sink)
		e.lines.mux.connect(replies)
		e.pub.connect(iopub, m)
		e.out.attach(e.pub)
		msgType := fuzzTypes[int(kind)%len(fuzzTypes)]
		id, header := m.session.Header(msgType)
		r := &request{line: &e.lines.mux, Message: &wire.Message{
			Header: wire.Header{MsgID: id, MsgType: msgType}, RawHeader: header,
			Metadata: metadata, Content: content, Buffers: [][]byte{b0, b1, b2},
		}}
		r.readMarks()
		if kind >= 128 || msgType == wire.ExecuteRequest || msgType == wire.ApplyRequest {
			e.submit(r)
		} else {
			e.control(r)
		}
		work := false
		for len(e.queue.items) > 0 {
			q, ctx := e.queue.take(e.life)
			if q.internal != nil {
				q.internal()
				continue
			}
			work = true
			e.perform(ctx, q)
		}
		if work && len(replies.sent) != 1 {
			t.Errorf("%d replies to %s", len(replies.sent), msgType)
		}
		peer := wire.NewSession(testKey, "")
		for _, frames := range append(replies.sent, iopub.sent...) {
			m, err := peer.Decode(frames)
			if err != nil || !json.Valid(m.Metadata) || !json.Valid(m.Content) {
				t.Errorf("%v in %q", err, frames)
			}
		}
	})
}

func isObject(b []byte) bool {
	var m map[string]any
	return json.Unmarshal(b, &m) == nil
}
