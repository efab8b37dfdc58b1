package hub

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"muster/wire"
)

// queueStatus counts, or lists, the tasks of engines.
func (m *Machine) queueStatus(r request) {
	var content struct {
		Targets json.RawMessage `json:"targets"`
		Verbose bool            `json:"verbose"`
	}
	err := decode(r.Message, &content)
	var engines []*engine
	if err == nil {
		engines, err = m.targets(content.Targets)
	}
	switch {
	case err != nil:
		m.do(r.fail(err))
	case content.Verbose:
		m.listTasks(r, engines)
	default:
		reply := map[string]any{"status": wire.StatusOK, "unassigned": m.tasks.unassigned}
		for _, e := range engines {
			reply[strconv.Itoa(int(e.id))] = map[string]any{"queue": e.queue, "tasks": e.tasks, "completed": e.completed}
		}
		m.do(r.ok(reply))
	}
}

// lists are the tasks of an engine.
type lists struct {
	Queue     []wire.MsgID `json:"queue"`
	Tasks     []wire.MsgID `json:"tasks"`
	Completed []wire.MsgID `json:"completed"`
}

// listTasks puts message ids in the place of counts. Completed tasks are those
// that there is a record of.
func (m *Machine) listTasks(r request, engines []*engine) {
	reply := map[string]any{"status": wire.StatusOK}
	of := make(map[*engine]*lists)
	byUUID := make(map[string]*lists)
	uuids := []any{}
	for _, e := range engines {
		l := &lists{[]wire.MsgID{}, []wire.MsgID{}, []wire.MsgID{}}
		of[e], byUUID[string(e.uuid)], reply[strconv.Itoa(int(e.id))] = l, l, l
		uuids = append(uuids, string(e.uuid))
	}
	unassigned := []wire.MsgID{}
	for _, id := range slices.Sorted(maps.Keys(m.tasks.byID)) {
		t := m.tasks.byID[id]
		l := of[t.on]
		switch {
		case t.engine == "":
			unassigned = append(unassigned, id)
		case l == nil:
		case t.queue == Task:
			l.Tasks = append(l.Tasks, id)
		default:
			l.Queue = append(l.Queue, id)
		}
	}
	reply["unassigned"] = unassigned
	if m.cfg.Database == Nowhere {
		m.do(r.ok(reply))
		return
	}
	q := &Query{Fields: fieldsOf("msg_id", "engine_uuid"), Conditions: []Condition{answeredOnly, condition("engine_uuid", "$in", uuids)}}
	m.find(q, func(f Found) []Action {
		if f.Err != nil {
			return []Action{r.fail(failed(f.Err))}
		}
		for _, row := range f.Rows {
			l := byUUID[row.text("engine_uuid")]
			l.Completed = append(l.Completed, row.id())
		}
		for _, l := range byUUID {
			slices.Sort(l.Completed)
		}
		return []Action{r.ok(reply)}
	})
}

// targets reads the targets of a request: null for all, an id, a uuid, or a
// list of those.
func (m *Machine) targets(raw json.RawMessage) ([]*engine, *failure) {
	if len(raw) == 0 || string(raw) == "null" {
		return m.engines, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	var out []*engine
	for _, raw := range list {
		e := m.target(raw)
		if e == nil {
			return nil, indexError("No such engine: %s", raw)
		}
		out = append(out, e)
	}
	return out, nil
}

func (m *Machine) target(raw json.RawMessage) *engine {
	var id wire.EngineID
	if json.Unmarshal(raw, &id) == nil {
		return m.byID[id]
	}
	var uuid wire.EngineUUID
	if json.Unmarshal(raw, &uuid) == nil {
		return m.byUUID[uuid]
	}
	return nil
}
