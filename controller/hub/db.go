package hub

import (
	"encoding/json"
	"slices"

	"muster/wire"
)

// fields are the keys of a record, in the order of protocol section 8, and how
// each is read. A value is nil, a string, a wire.Time, or raw JSON.
var fields = []struct {
	key  string
	read func(*task) any
}{
	{"msg_id", func(t *task) any { return t.id }},
	{"header", func(t *task) any { return t.request.RawHeader }},
	{"metadata", func(t *task) any { return t.request.Metadata }},
	{"content", func(t *task) any { return t.request.Content }},
	{"submitted", func(t *task) any { return t.request.Header.Date }},
	{"client_uuid", func(t *task) any { return t.request.Header.Session }},
	{"engine_uuid", func(t *task) any { return orNull(t.engine) }},
	{"started", func(t *task) any { return t.started() }},
	{"completed", func(t *task) any { return t.completed() }},
	{"resubmitted", func(t *task) any { return orNull(t.resubmitted) }},
	{"received", func(t *task) any { return t.received }},
	{"result_header", func(t *task) any { return t.replied(func(m *wire.Message) json.RawMessage { return m.RawHeader }) }},
	{"result_metadata", func(t *task) any { return t.replied(func(m *wire.Message) json.RawMessage { return m.Metadata }) }},
	{"result_content", func(t *task) any { return t.replied(func(m *wire.Message) json.RawMessage { return m.Content }) }},
	{"queue", func(t *task) any { return orNull(t.queue) }},
	{"execute_input", func(t *task) any { return orNull(t.input) }},
	{"execute_result", func(t *task) any { return t.value }},
	{"error", func(t *task) any { return t.failure }},
	{"stdout", func(t *task) any { return string(t.stdout) }},
	{"stderr", func(t *task) any { return string(t.stderr) }},
	{"label", func(t *task) any { return t.label() }},
}

// Buffers are no fields of their own: they follow the reply as frames.
const (
	buffersKey       = "buffers"
	resultBuffersKey = "result_buffers"
)

func (t *task) replied(part func(*wire.Message) json.RawMessage) any {
	if t.pending() {
		return nil
	}
	return part(t.reply)
}

func (t *task) started() wire.Time {
	var metadata struct {
		Started wire.Time `json:"started"`
	}
	if !t.pending() {
		json.Unmarshal(t.reply.Metadata, &metadata) // a bad one is no date
	}
	return metadata.Started
}

func (t *task) completed() wire.Time {
	if t.pending() {
		return wire.Time{}
	}
	return t.reply.Header.Date
}

func (t *task) label() any {
	var metadata struct {
		Label any `json:"label"`
	}
	json.Unmarshal(t.request.Metadata, &metadata) // a bad one is no label
	return metadata.Label
}

// query finds records. With no keys given, a record comes whole but for its
// buffers.
func (m *Machine) query(msg *wire.Message) (any, [][]byte, *failure) {
	var content struct {
		Query map[string]json.RawMessage `json:"query"`
		Keys  []string                   `json:"keys"`
	}
	if err := decode(msg, &content); err != nil {
		return nil, nil, err
	}
	conditions, err := compile(content.Query)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range content.Keys {
		if k != buffersKey && k != resultBuffersKey && field(k) == nil {
			return nil, nil, noField(k)
		}
	}
	reply := struct {
		Status           string           `json:"status"`
		Records          []map[string]any `json:"records"`
		BufferLens       []int            `json:"buffer_lens"` // null unless asked for
		ResultBufferLens []int            `json:"result_buffer_lens"`
	}{Status: wire.StatusOK, Records: []map[string]any{}}
	withBuffers := slices.Contains(content.Keys, buffersKey)
	withResults := slices.Contains(content.Keys, resultBuffersKey)
	if withBuffers {
		reply.BufferLens = []int{}
	}
	if withResults {
		reply.ResultBufferLens = []int{}
	}
	var buffers [][]byte
	for t := range m.tasks.all {
		if !matches(t, conditions) {
			continue
		}
		reply.Records = append(reply.Records, t.fields(content.Keys))
		if withBuffers {
			reply.BufferLens = append(reply.BufferLens, len(t.request.Buffers))
			buffers = append(buffers, t.request.Buffers...)
		}
		if withResults {
			n := 0
			if !t.pending() {
				n = len(t.reply.Buffers)
				buffers = append(buffers, t.reply.Buffers...)
			}
			reply.ResultBufferLens = append(reply.ResultBufferLens, n)
		}
	}
	return reply, buffers, nil
}

func noField(key string) *failure { return keyError("records have no field " + key) }

func field(key string) func(*task) any {
	for _, f := range fields {
		if f.key == key {
			return f.read
		}
	}
	return nil
}

// fields returns the given fields of a record and its id; all without keys.
func (t *task) fields(keys []string) map[string]any {
	out := map[string]any{"msg_id": t.id}
	for _, f := range fields {
		if keys == nil || slices.Contains(keys, f.key) {
			out[f.key] = f.read(t)
		}
	}
	return out
}

// condition is one operator on one field.
type condition struct {
	read func(*task) any
	test func(value any) bool
}

func matches(t *task, conditions []condition) bool {
	for _, c := range conditions {
		if !c.test(plain(c.read(t))) {
			return false
		}
	}
	return true
}

// compile reads a query: {field: value} for equality, {field: {operator: value}}
// for the rest.
func compile(query map[string]json.RawMessage) ([]condition, *failure) {
	var out []condition
	for key, raw := range query {
		read := field(key)
		if read == nil {
			return nil, noField(key)
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, valueError("db_request: %q: %v", key, err)
		}
		operators, ok := value.(map[string]any)
		if !ok {
			operators = map[string]any{"$eq": value}
		}
		for name, value := range operators {
			make, ok := operatorsByName[name]
			if !ok {
				return nil, valueError("db_request: unknown operator %q of %q", name, key)
			}
			test, err := make(dates(value))
			if err != nil {
				return nil, valueError("db_request: operator %s of %q: %v", name, key, err)
			}
			out = append(out, condition{read, test})
		}
	}
	return out, nil
}
