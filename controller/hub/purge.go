package hub

import (
	"encoding/json"

	"muster/wire"
)

// purge drops records: of given tasks, of engines, or all that are complete.
func (m *Machine) purge(r request) {
	queries, err := m.purged(r.Message)
	if err != nil {
		m.do(r.fail(err))
		return
	}
	m.perform(dropped(r, queries))
}

// purged reads which records a purge_request is about.
func (m *Machine) purged(msg *wire.Message) ([]*Query, *failure) {
	var content struct {
		MsgIDs  json.RawMessage `json:"msg_ids"`
		Engines []wire.EngineID `json:"engine_ids"`
	}
	if err := decode(msg, &content); err != nil {
		return nil, err
	}
	if string(content.MsgIDs) == `"all"` {
		return []*Query{{Conditions: []Condition{answeredOnly}, Drop: true}}, nil
	}
	var ids []wire.MsgID
	if len(content.MsgIDs) > 0 {
		if err := json.Unmarshal(content.MsgIDs, &ids); err != nil {
			return nil, valueError(`purge_request: msg_ids: want a list of ids or "all"`)
		}
	}
	var uuids []any
	for _, id := range content.Engines {
		e := m.byID[id]
		if e == nil {
			return nil, indexError("No such engine: %d", id)
		}
		uuids = append(uuids, string(e.uuid))
	}
	for _, id := range ids {
		if waiting := m.tasks.named(id); len(waiting) > 0 {
			return nil, indexError("msg pending: '%s'", waiting[0].id)
		}
	}
	var queries []*Query
	if len(ids) > 0 {
		queries = append(queries, &Query{IDs: distinct(ids), Drop: true})
	}
	if len(uuids) > 0 {
		queries = append(queries, &Query{Conditions: []Condition{answeredOnly, condition("engine_uuid", "$in", uuids)}, Drop: true})
	}
	return queries, nil
}

// dropped carries out one query after another, and answers.
func dropped(r request, queries []*Query) []Action {
	if len(queries) == 0 {
		return []Action{r.ok(okay)}
	}
	return []Action{Find{queries[0], func(f Found) []Action {
		if f.Err != nil {
			return []Action{r.fail(failed(f.Err))}
		}
		return dropped(r, queries[1:])
	}}}
}

// answeredOnly holds for records of tasks that are done.
var answeredOnly = condition("received", "$exists", true)

// condition is one that is known to be right.
func condition(name, operator string, argument any) Condition {
	c, err := NewCondition(field(name), operator, argument)
	if err != nil {
		panic(err)
	}
	return c
}

// resubmit sends tasks once more, through the queue and under new ids. Their
// headers stay the same otherwise, the session too, so that outputs reach the
// client that asked first.
func (m *Machine) resubmit(r request) {
	var content struct {
		MsgIDs []wire.MsgID `json:"msg_ids"`
	}
	if err := decode(r.Message, &content); err != nil {
		m.do(r.fail(err))
		return
	}
	ids, newID := distinct(content.MsgIDs), m.cfg.NewID
	q := &Query{IDs: ids, Fields: fieldsOf("msg_id", "queue", "engine_uuid", "header", "content"), Buffers: true}
	if len(ids) == 0 {
		m.perform(resubmitted(r, nil, Found{}, newID))
		return
	}
	m.find(q, func(f Found) []Action { return resubmitted(r, ids, f, newID) })
}

func resubmitted(r request, ids []wire.MsgID, f Found, newID func() wire.MsgID) (out []Action) {
	if f.Err != nil {
		return []Action{r.fail(failed(f.Err))}
	}
	known := make(map[wire.MsgID]bool)
	as := make(map[wire.MsgID]wire.MsgID)
	for _, row := range f.Rows {
		id := row.id()
		known[id], known[row.origin()] = true, true
		if as[id] != "" {
			continue // it was named twice
		}
		var h wire.Header
		raw, _ := row.value("header").(json.RawMessage)
		err := json.Unmarshal(raw, &h)
		if err == nil {
			h.MsgID, h.Date = newID(), r.Message.Header.Date
			raw, err = json.Marshal(h)
		}
		if err != nil {
			return []Action{r.fail(valueError("resubmit_request: header of %s: %v", id, err))}
		}
		as[id] = h.MsgID
		content, _ := row.value("content").(json.RawMessage)
		out = append(out, Keep{Resubmitted{id, h.MsgID}},
			Resubmit{&wire.Message{Header: h, RawHeader: raw, Content: content, Buffers: row.Buffers}})
	}
	for _, id := range ids {
		if !known[id] {
			return []Action{r.fail(missing("No such msg(s): ", id, f))}
		}
	}
	return append(out, r.ok(struct {
		Status      string                    `json:"status"`
		Resubmitted map[wire.MsgID]wire.MsgID `json:"resubmitted"`
	}{wire.StatusOK, as}))
}
