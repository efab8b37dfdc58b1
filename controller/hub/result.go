package hub

import (
	"encoding/json"
	"slices"

	"muster/wire"
)

// results tells which tasks are done, and what became of them. The buffers of
// all results follow one another in the order of the sorted ids. The id of a
// broadcast stands for all tasks that it was made into.
func (m *Machine) results(msg *wire.Message) (any, [][]byte, *failure) {
	var content struct {
		MsgIDs     []wire.MsgID `json:"msg_ids"`
		StatusOnly bool         `json:"status_only"`
	}
	if err := decode(msg, &content); err != nil {
		return nil, nil, err
	}
	ids := m.tasks.named(content.MsgIDs)
	slices.Sort(ids)
	pending, completed := []wire.MsgID{}, []wire.MsgID{}
	reply := map[string]any{"status": wire.StatusOK}
	var buffers [][]byte
	for _, id := range slices.Compact(ids) {
		t := m.tasks.tasks[id]
		switch {
		case t == nil:
			return nil, nil, keyError("No such message: " + string(id))
		case t.pending():
			pending = append(pending, id)
		default:
			completed = append(completed, id)
			if !content.StatusOnly {
				reply[string(id)] = t.result()
				buffers = append(buffers, t.reply.Buffers...)
			}
		}
	}
	reply["pending"], reply["completed"] = pending, completed
	return reply, buffers, nil
}

// result is a completed task as result_reply gives it.
func (t *task) result() any {
	return map[string]any{
		"header":          t.request.RawHeader,
		"metadata":        t.request.Metadata,
		"result_header":   t.reply.RawHeader,
		"result_metadata": t.reply.Metadata,
		"result_content":  t.reply.Content,
		"received":        t.received,
		"io": map[string]any{
			"execute_input":  orNull(t.input),
			"execute_result": t.value,
			"error":          t.failure,
			"stdout":         string(t.stdout),
			"stderr":         string(t.stderr),
		},
	}
}

// orNull is null for an empty text.
func orNull[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return s
}

// history lists the ids of all records in the order in which clients sent them.
func (m *Machine) history(*wire.Message) (any, [][]byte, *failure) {
	tasks := slices.Collect(m.tasks.all)
	slices.SortStableFunc(tasks, func(a, b *task) int {
		return a.request.Header.Date.Compare(b.request.Header.Date.Time)
	})
	ids := make([]wire.MsgID, len(tasks))
	for i, t := range tasks {
		ids[i] = t.id
	}
	return struct {
		Status  string       `json:"status"`
		History []wire.MsgID `json:"history"`
	}{wire.StatusOK, ids}, nil, nil
}

// purge drops records: of given tasks, of engines, or all that are complete.
func (m *Machine) purge(msg *wire.Message) (any, [][]byte, *failure) {
	var content struct {
		MsgIDs  json.RawMessage `json:"msg_ids"`
		Engines []wire.EngineID `json:"engine_ids"`
	}
	if err := decode(msg, &content); err != nil {
		return nil, nil, err
	}
	if string(content.MsgIDs) == `"all"` {
		m.tasks.dropWhere(func(*task) bool { return true })
		return okay, nil, nil
	}
	var ids []wire.MsgID
	if len(content.MsgIDs) > 0 {
		if err := json.Unmarshal(content.MsgIDs, &ids); err != nil {
			return nil, nil, valueError(`purge_request: msg_ids: want a list of ids or "all"`)
		}
	}
	ids = m.tasks.named(ids)
	of := make(map[wire.EngineUUID]bool)
	for _, id := range content.Engines {
		e := m.byID[id]
		if e == nil {
			return nil, nil, indexError("No such engine: %d", id)
		}
		of[e.uuid] = true
	}
	for _, id := range ids {
		if t := m.tasks.tasks[id]; t != nil && t.pending() {
			return nil, nil, indexError("msg pending: '%s'", id)
		}
	}
	for _, id := range ids {
		if t := m.tasks.record(id); t != nil {
			m.tasks.drop(t)
		}
	}
	m.tasks.dropWhere(func(t *task) bool { return of[t.engine] })
	return okay, nil, nil
}

// resubmit sends tasks once more, through the queue and under new ids. Their
// headers stay the same otherwise, the session too, so that outputs reach the
// client that asked first.
func (m *Machine) resubmit(msg *wire.Message) (any, [][]byte, *failure) {
	var content struct {
		MsgIDs []wire.MsgID `json:"msg_ids"`
	}
	if err := decode(msg, &content); err != nil {
		return nil, nil, err
	}
	ids := m.tasks.named(content.MsgIDs)
	for _, id := range ids {
		if m.tasks.record(id) == nil {
			return nil, nil, keyError("No such msg(s): " + string(id))
		}
	}
	resubmitted := make(map[wire.MsgID]wire.MsgID)
	for _, id := range ids {
		t := m.tasks.record(id)
		if _, twice := resubmitted[id]; twice {
			continue
		}
		h := t.request.Header
		h.MsgID, h.Date = m.cfg.NewID(), msg.Header.Date
		raw, err := json.Marshal(h)
		if err != nil {
			return nil, nil, valueError("resubmit: %v", err)
		}
		t.resubmitted = h.MsgID
		resubmitted[id] = h.MsgID
		m.do(Resubmit{&wire.Message{Header: h, RawHeader: raw, Content: t.request.Content, Buffers: t.request.Buffers}})
	}
	return struct {
		Status      string                    `json:"status"`
		Resubmitted map[wire.MsgID]wire.MsgID `json:"resubmitted"`
	}{wire.StatusOK, resubmitted}, nil, nil
}
