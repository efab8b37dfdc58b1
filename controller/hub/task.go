package hub

import (
	"encoding/json"
	"strings"

	"muster/wire"
)

// task is the record of one request (protocol section 8).
type task struct {
	id      wire.MsgID
	queue   Queue
	engine  wire.EngineUUID // "" while it is unassigned
	on      *engine         // the same, while it was registered
	request *wire.Message   // nil once there is no room for it
	copies  int             // how many tasks share the request's content and buffers
	reply   *wire.Message   // nil while it is pending
	// received is when the reply came, resubmitted the id under which the task
	// was submitted once more.
	received    wire.Time
	resubmitted wire.MsgID
	outputs
	dropped bool // out of the store, or pending without its messages
}

// outputs are what the engine published for a task.
type outputs struct {
	input          string          // execute_input
	value          json.RawMessage // execute_result
	failure        json.RawMessage // error
	stdout, stderr []byte
}

func (t *task) pending() bool { return t.reply == nil }

// size is how many bytes the record holds, roughly; of what it shares, its part.
func (t *task) size() int {
	n := len(t.input) + len(t.value) + len(t.failure) + len(t.stdout) + len(t.stderr)
	if t.request != nil {
		n += len(t.request.RawHeader) + (len(t.request.Metadata)+payload(t.request))/max(1, t.copies)
	}
	if t.reply != nil {
		n += len(t.reply.RawHeader) + len(t.reply.RawParent) + len(t.reply.Metadata) + payload(t.reply)
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

// onSubmitted begins the record of a task. A direct request to an engine that
// is not registered is no task: its client gets an error. Nor is what wants no
// reply.
func (m *Machine) onSubmitted(ev Submitted) {
	e := m.byUUID[ev.Engine]
	kind := ev.Message.Header.MsgType
	if e == nil && ev.Queue != Task || !strings.HasSuffix(kind, "_request") {
		return
	}
	if ev.Queue == Task && (kind == wire.AbortRequest || kind == wire.ExplainRequest) {
		return // about tasks
	}
	id := ev.Message.Header.MsgID
	if m.tasks.tasks[id] != nil {
		return // an id that is taken: the first one has it
	}
	if e != nil {
		e.queue++
	} else {
		m.tasks.unassigned++
	}
	m.tasks.add(&task{id: id, queue: ev.Queue, engine: ev.Engine, on: e, request: ev.Message, copies: ev.Copies})
}

// onPlaced notes where a task of the queue has gone, or has gone next.
func (m *Machine) onPlaced(ev Placed) {
	t := m.tasks.tasks[ev.Task]
	if t == nil || !t.pending() || t.queue != Task {
		return
	}
	m.leave(t)
	t.engine, t.on = ev.Engine, m.byUUID[ev.Engine]
	switch {
	case t.engine == "":
		m.tasks.unassigned++
	case t.on != nil:
		t.on.tasks++
	}
}

// leave takes a pending task off the count it is in. Its engine may be gone,
// or be back under the same uuid, which is another engine.
func (m *Machine) leave(t *task) {
	switch {
	case t.engine == "":
		m.tasks.unassigned--
	case t.on == nil:
	case t.queue == Task:
		t.on.tasks--
	default:
		t.on.queue--
	}
}

// onReplied completes a task.
func (m *Machine) onReplied(ev Replied) {
	t := m.tasks.tasks[ev.Message.Parent.MsgID]
	if t == nil || !t.pending() {
		return
	}
	m.leave(t)
	if t.on != nil {
		t.on.completed++
	}
	if t.dropped {
		delete(m.tasks.tasks, t.id)
		return
	}
	before := t.size()
	t.reply, t.received = ev.Message, ev.At
	m.tasks.grow(t.size() - before)
}

// onOutput keeps what belongs to a task. An engine that says goodbye is gone.
func (m *Machine) onOutput(ev Output) {
	if ev.Message.Header.MsgType == wire.ShutdownReply {
		if e := m.engineOfSession(ev.Message.Header.Session); e != nil {
			m.down(e, "it was shut down")
		}
		return
	}
	t := m.tasks.tasks[ev.Message.Parent.MsgID]
	if t == nil || t.dropped {
		return
	}
	before := t.size()
	t.take(ev.Message)
	m.tasks.grow(t.size() - before)
}

func (o *outputs) take(m *wire.Message) {
	var content struct{ Name, Text, Code string }
	switch m.Header.MsgType {
	case "stream":
		if json.Unmarshal(m.Content, &content) != nil {
			return
		}
		if content.Name == "stderr" {
			o.stderr = append(o.stderr, content.Text...)
		} else {
			o.stdout = append(o.stdout, content.Text...)
		}
	case "execute_input":
		if json.Unmarshal(m.Content, &content) == nil {
			o.input = content.Code
		}
	case "execute_result":
		o.value = m.Content
	case "error":
		o.failure = m.Content
	}
}
