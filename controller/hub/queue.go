package hub

import (
	"encoding/json"
	"slices"
	"strconv"

	"muster/wire"
)

// queueStatus counts, or lists, the tasks of engines.
func (m *Machine) queueStatus(msg *wire.Message) (any, [][]byte, *failure) {
	var content struct {
		Targets json.RawMessage `json:"targets"`
		Verbose bool            `json:"verbose"`
	}
	if err := decode(msg, &content); err != nil {
		return nil, nil, err
	}
	engines, err := m.targets(content.Targets)
	if err != nil {
		return nil, nil, err
	}
	reply := map[string]any{"status": wire.StatusOK, "unassigned": m.tasks.unassigned}
	for _, e := range engines {
		reply[strconv.Itoa(int(e.id))] = map[string]any{"queue": e.queue, "tasks": e.tasks, "completed": e.completed}
	}
	if content.Verbose {
		m.listTasks(engines, reply)
	}
	return reply, nil, nil
}

// listTasks puts message ids in the place of counts. Completed tasks are those
// whose records are still there.
func (m *Machine) listTasks(engines []*engine, reply map[string]any) {
	of := make(map[*engine]map[string]any)
	for _, e := range engines {
		entry := map[string]any{"queue": []wire.MsgID{}, "tasks": []wire.MsgID{}, "completed": []wire.MsgID{}}
		of[e], reply[strconv.Itoa(int(e.id))] = entry, entry
	}
	unassigned := []wire.MsgID{}
	var ids []wire.MsgID
	for id := range m.tasks.tasks {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		t := m.tasks.tasks[id]
		entry := of[t.on]
		place := "completed"
		switch {
		case t.pending() && t.engine == "":
			unassigned = append(unassigned, id)
			continue
		case entry == nil:
			continue
		case t.pending() && t.queue == Mux:
			place = "queue"
		case t.pending():
			place = "tasks"
		}
		entry[place] = append(entry[place].([]wire.MsgID), id)
	}
	reply["unassigned"] = unassigned
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
