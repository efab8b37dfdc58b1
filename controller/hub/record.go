package hub

import (
	"bytes"
	"encoding/json"

	"muster/wire"
)

// A Change is news of one task, of which a record is made.
type Change interface {
	Event
	// TaskID is the id of the task.
	TaskID() wire.MsgID
}

func (c Submitted) TaskID() wire.MsgID   { return c.Message.Header.MsgID }
func (c Placed) TaskID() wire.MsgID      { return c.Task }
func (c Replied) TaskID() wire.MsgID     { return c.Message.Parent.MsgID }
func (c Output) TaskID() wire.MsgID      { return c.Message.Parent.MsgID }
func (c Resubmitted) TaskID() wire.MsgID { return c.Task }
func (c Unwanted) TaskID() wire.MsgID    { return c.Task }

// A Record is what is known of one task (protocol section 8), or, for who keeps
// it elsewhere, what some changes have told of it.
type Record struct {
	ID      wire.MsgID
	Queue   Queue
	Engine  wire.EngineUUID // "" while it is unassigned
	Request *wire.Message   // nil where it is not known
	Copies  int             // how many tasks share the request's content and buffers
	Reply   *wire.Message   // nil while it is pending
	// Received is when the reply came, Resubmitted the id under which the task
	// was submitted once more.
	Received    wire.Time
	Resubmitted wire.MsgID
	// What the engine published: Input and the contents of execute_result and
	// error, and what was printed.
	Input          string
	Value, Failure json.RawMessage
	Stdout, Stderr []byte
}

// Apply brings a record up to date.
func (r *Record) Apply(c Change) {
	switch c := c.(type) {
	case Submitted:
		r.ID, r.Queue, r.Engine, r.Request, r.Copies = c.TaskID(), c.Queue, c.Engine, c.Message, c.Copies
	case Placed:
		r.ID, r.Engine = c.Task, c.Engine
	case Replied:
		r.ID, r.Reply, r.Received = c.TaskID(), c.Message, c.At
	case Output:
		r.ID = c.TaskID()
		r.print(c.Message)
	case Resubmitted:
		r.ID, r.Resubmitted = c.Task, c.As
	case Tried:
		r.ID = c.Task
	}
}

// MaxOutput is how many bytes of a stream a record begins another message with
// at most: of a flood it keeps the beginning.
const MaxOutput = 1 << 20

// print adds what the engine published.
func (r *Record) print(m *wire.Message) {
	var content struct{ Name, Text, Code string }
	switch m.Header.MsgType {
	case "stream":
		if json.Unmarshal(m.Content, &content) != nil {
			return
		}
		stream := &r.Stdout
		if content.Name == "stderr" {
			stream = &r.Stderr
		}
		if len(*stream) < MaxOutput {
			*stream = append(*stream, content.Text...)
		}
	case "execute_input":
		if json.Unmarshal(m.Content, &content) == nil {
			r.Input = content.Code
		}
	case "execute_result":
		r.Value = m.Content
	case "error":
		r.Failure = m.Content
	}
}

// recorded tells whether a message that an engine published is part of a record.
func recorded(m *wire.Message) bool {
	switch m.Header.MsgType {
	case "stream", "execute_input", "execute_result", "error":
		return m.Parent.MsgID != ""
	}
	return false
}

// Size is how many bytes the record holds, roughly; of what it shares, its part.
func (r *Record) Size() int {
	n := len(r.Input) + len(r.Value) + len(r.Failure) + len(r.Stdout) + len(r.Stderr)
	if r.Request != nil {
		n += len(r.Request.RawHeader) + (len(r.Request.Metadata)+payload(r.Request))/max(1, r.Copies)
	}
	if r.Reply != nil {
		n += len(r.Reply.RawHeader) + len(r.Reply.RawParent) + len(r.Reply.Metadata) + payload(r.Reply)
	}
	return n
}

func payload(m *wire.Message) int {
	n := len(m.Content)
	for _, b := range m.Buffers {
		n += len(b)
	}
	return n
}

// Origin is the id that a broadcast had before it was made into one task for
// each engine, "" for a task of its own (protocol section 9).
func Origin(queue Queue, id wire.MsgID, engine wire.EngineUUID) wire.MsgID {
	if n := len(id) - len(engine) - 1; queue == Broadcast && n > 0 && id[n:] == "_"+wire.MsgID(engine) {
		return id[:n]
	}
	return ""
}

// A Kind is the type of a field.
type Kind int

// The kinds. Every field may be null as well.
const (
	Text   Kind = iota // a string
	Date               // a wire.Time, to the microsecond
	Object             // a json.RawMessage
	Any                // any JSON, as encoding/json decodes it
)

// A Field is one of a record.
type Field struct {
	Name string
	Kind Kind
	read func(*Record) any
}

// Of reads the field: a value of its kind, or nil. A zero wire.Time and an
// empty json.RawMessage are null too.
func (f *Field) Of(r *Record) any { return f.read(r) }

// Fields are those of a record, in the order of protocol section 8. Buffers are
// no fields of their own: they follow a reply as frames.
var Fields = []Field{
	{"msg_id", Text, func(r *Record) any { return orNull(r.ID) }},
	{"header", Object, func(r *Record) any { return r.Request.RawHeader }},
	{"metadata", Object, func(r *Record) any { return r.Request.Metadata }},
	{"content", Object, func(r *Record) any { return r.Request.Content }},
	{"submitted", Date, func(r *Record) any { return date(r.Request.Header.Date) }},
	{"client_uuid", Text, func(r *Record) any { return r.Request.Header.Session }},
	{"engine_uuid", Text, func(r *Record) any { return orNull(r.Engine) }},
	{"started", Date, func(r *Record) any { return r.started() }},
	{"completed", Date, func(r *Record) any { return r.completed() }},
	{"resubmitted", Text, func(r *Record) any { return orNull(r.Resubmitted) }},
	{"received", Date, func(r *Record) any { return date(r.Received) }},
	{"result_header", Object, func(r *Record) any { return r.replied(func(m *wire.Message) json.RawMessage { return m.RawHeader }) }},
	{"result_metadata", Object, func(r *Record) any { return r.replied(func(m *wire.Message) json.RawMessage { return m.Metadata }) }},
	{"result_content", Object, func(r *Record) any { return r.replied(func(m *wire.Message) json.RawMessage { return m.Content }) }},
	{"queue", Text, func(r *Record) any { return orNull(r.Queue) }},
	{"execute_input", Text, func(r *Record) any { return orNull(r.Input) }},
	{"execute_result", Object, func(r *Record) any { return r.Value }},
	{"error", Object, func(r *Record) any { return r.Failure }},
	{"stdout", Text, func(r *Record) any { return string(r.Stdout) }},
	{"stderr", Text, func(r *Record) any { return string(r.Stderr) }},
	{"label", Any, func(r *Record) any { return r.label() }},
}

// field finds a field by name.
func field(name string) *Field {
	for i := range Fields {
		if Fields[i].Name == name {
			return &Fields[i]
		}
	}
	return nil
}

// date is a moment as records have it.
func date(t wire.Time) wire.Time {
	if t.IsZero() {
		return wire.Time{}
	}
	return wire.Time{Time: t.UTC().Truncate(1000)}
}

func (r *Record) replied(part func(*wire.Message) json.RawMessage) any {
	if r.Reply == nil {
		return nil
	}
	return part(r.Reply)
}

func (r *Record) started() wire.Time {
	var started wire.Time
	if r.Reply != nil {
		member(r.Reply.Metadata, `"started"`, &started)
	}
	return date(started)
}

// member reads a member of an object, whose key is given in quotes, if it is
// there and well-formed. Almost always either there is no such key, or the
// object is flat and its value plain text, which is searched for: within a
// string the key's last quote would be escaped, so what is found is the key.
func member(object json.RawMessage, key string, into any) {
	_, rest, found := bytes.Cut(object, []byte(key))
	if !found {
		return
	}
	if bytes.Count(object, []byte("{")) == 1 {
		rest = bytes.TrimLeft(bytes.TrimPrefix(bytes.TrimLeft(rest, " "), []byte(":")), " ")
		if len(rest) > 1 && rest[0] == '"' {
			if end := bytes.IndexByte(rest[1:], '"'); end >= 0 && bytes.IndexByte(rest[:end+1], '\\') < 0 {
				json.Unmarshal(rest[:end+2], into)
				return
			}
		}
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) == nil {
		json.Unmarshal(members[key[1:len(key)-1]], into)
	}
}

func (r *Record) completed() wire.Time {
	if r.Reply == nil {
		return wire.Time{}
	}
	return date(r.Reply.Header.Date)
}

func (r *Record) label() (label any) {
	member(r.Request.Metadata, `"label"`, &label)
	return label
}

// orNull is null for an empty text.
func orNull[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}
