package hub

import (
	"slices"
	"strings"

	"muster/wire"
)

// task is a request that has no answer yet. Its record is kept apart, where
// there is one.
type task struct {
	id     wire.MsgID
	queue  Queue
	engine wire.EngineUUID // "" while it is unassigned
	on     *engine         // the same, while it was registered
	asker  string          // the client that has sent it again by another channel
	// restored says that it is recorded, by an earlier controller.
	restored bool
}

// tasks are those that have no answer.
type tasks struct {
	byID       map[wire.MsgID]*task
	broadcasts map[wire.MsgID][]*task // by the id that the broadcast had
	unassigned int                    // on no engine
}

func (s *tasks) add(t *task) {
	s.byID[t.id] = t
	if t.engine == "" {
		s.unassigned++
	}
	if origin := Origin(t.queue, t.id, t.engine); origin != "" {
		s.broadcasts[origin] = append(s.broadcasts[origin], t)
	}
}

func (s *tasks) remove(t *task) {
	delete(s.byID, t.id)
	origin := Origin(t.queue, t.id, t.engine)
	if origin == "" {
		return
	}
	left := slices.DeleteFunc(s.broadcasts[origin], func(x *task) bool { return x == t })
	if s.broadcasts[origin] = left; len(left) == 0 {
		delete(s.broadcasts, origin)
	}
}

// named are the tasks of an id, which may be that of a broadcast.
func (s *tasks) named(id wire.MsgID) []*task {
	if t := s.byID[id]; t != nil {
		return []*task{t}
	}
	return s.broadcasts[id]
}

// onSubmitted begins a task. A direct request to an engine that is not
// registered is none: its client gets an error. Nor is what wants no reply.
func (m *Machine) onSubmitted(ev Submitted) {
	e := m.byUUID[ev.Engine]
	kind := ev.Message.Header.MsgType
	if e == nil && ev.Queue != Task || !strings.HasSuffix(kind, "_request") {
		return
	}
	if ev.Queue == Task && (kind == wire.AbortRequest || kind == wire.ExplainRequest) {
		return // about tasks
	}
	if m.tasks.byID[ev.TaskID()] != nil || m.memory.records[ev.TaskID()] != nil {
		return // an id that is taken: the first one has it
	}
	t := &task{id: ev.TaskID(), queue: ev.Queue, engine: ev.Engine, on: e}
	if e != nil {
		t.count(1)
	}
	m.tasks.add(t)
	m.keep(ev)
}

// onPlaced notes where a task of the queue has gone, or has gone next.
func (m *Machine) onPlaced(ev Placed) {
	t := m.tasks.byID[ev.Task]
	if t == nil || t.queue != Task {
		return
	}
	m.leave(t)
	t.engine, t.on = ev.Engine, m.byUUID[ev.Engine]
	switch {
	case t.engine == "":
		m.tasks.unassigned++
	case t.on != nil:
		t.count(1)
	}
	m.keep(ev)
}

// leave takes a task off the count it is in. Its engine may be gone, or be back
// under the same uuid, which is another engine.
func (m *Machine) leave(t *task) {
	switch {
	case t.engine == "":
		m.tasks.unassigned--
	case t.on != nil:
		t.count(-1)
	}
}

// count changes how many tasks its engine has.
func (t *task) count(by int) {
	if t.queue == Task {
		t.on.tasks += by
	} else {
		t.on.queue += by
	}
}

// onReplied ends a task.
func (m *Machine) onReplied(ev Replied) {
	t := m.tasks.byID[ev.TaskID()]
	if t == nil {
		m.onUnwanted(Unwanted{ev.TaskID(), wire.EngineUUID(ev.Message.Header.Session)})
		return
	}
	m.leave(t)
	if t.on != nil {
		t.on.completed++
	}
	m.tasks.remove(t)
	m.keep(ev)
	if t.asker != "" {
		m.do(Deliver{Mux, t.asker, ev.Message})
	}
}

// onOutput keeps what belongs to a task, which may have ended. An engine that
// says goodbye is gone.
func (m *Machine) onOutput(ev Output) {
	if ev.Message.Header.MsgType == wire.ShutdownReply {
		if e := m.engineOfSession(ev.Message.Header.Session); e != nil {
			m.down(e, "it was shut down")
		}
		return
	}
	if recorded(ev.Message) {
		m.keep(ev)
	}
}
