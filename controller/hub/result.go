package hub

import (
	"cmp"
	"slices"

	"muster/wire"
)

// resultFields are those of which a result is made; the first tell which task
// it is of, and whether that is done.
var resultFields = fieldsOf("msg_id", "queue", "engine_uuid", "received", "header", "metadata", "result_header", "result_metadata",
	"result_content", "execute_input", "execute_result", "error", "stdout", "stderr")

// results tells which tasks are done, and what became of them. The id of a
// broadcast stands for all tasks that it was made into.
func (m *Machine) results(r request) {
	var content struct {
		MsgIDs     []wire.MsgID `json:"msg_ids"`
		StatusOnly bool         `json:"status_only"`
	}
	if err := decode(r.Message, &content); err != nil {
		m.do(r.fail(err))
		return
	}
	a := results{request: r, whole: !content.StatusOnly, known: make(map[wire.MsgID]bool)}
	for _, id := range distinct(content.MsgIDs) {
		waiting := m.tasks.named(id)
		for _, t := range waiting {
			a.pending = append(a.pending, t.id)
			a.known[t.id], a.known[id] = true, true
		}
		// Some tasks of a broadcast may be done, and others not.
		if len(waiting) == 0 || waiting[0].id != id {
			a.asked = append(a.asked, id)
		}
	}
	if len(a.asked) == 0 {
		m.do(a.answer(Found{}))
		return
	}
	q := &Query{IDs: a.asked, Fields: resultFields[:4]}
	if a.whole {
		q.Fields, q.ResultBuffers = resultFields, true
	}
	m.find(q, func(f Found) []Action { return []Action{a.answer(f)} })
}

// results are asked for by a result_request.
type results struct {
	request
	whole          bool                // and not only their status
	asked, pending []wire.MsgID        // those that may be done, and those that are not
	known          map[wire.MsgID]bool // ids of which something is known
}

// answer makes the reply. The buffers of all results follow one another in the
// order of the sorted ids.
func (a *results) answer(f Found) Action {
	if f.Err != nil {
		return a.fail(failed(f.Err))
	}
	slices.SortFunc(f.Rows, func(x, y Row) int { return cmp.Compare(x.id(), y.id()) })
	completed := []wire.MsgID{}
	reply := map[string]any{"status": wire.StatusOK}
	var buffers [][]byte
	for _, row := range f.Rows {
		id := row.id()
		if n := len(completed); n > 0 && completed[n-1] == id || slices.Contains(a.pending, id) {
			continue // it was named twice, or has been answered since
		}
		if row.null("received") {
			return a.fail(keyError("No result of " + string(id) + ": " +
				cmp.Or(f.Lost, "its controller ended before it was answered")))
		}
		completed = append(completed, id)
		a.known[id], a.known[row.origin()] = true, true
		if a.whole {
			reply[string(id)] = row.result()
			buffers = append(buffers, row.ResultBuffers...)
		}
	}
	for _, id := range a.asked {
		if !a.known[id] {
			return a.fail(missing("No such message: ", id, f))
		}
	}
	slices.Sort(a.pending)
	reply["pending"], reply["completed"] = append([]wire.MsgID{}, slices.Compact(a.pending)...), completed
	return a.ok(reply, buffers...)
}

// missing is the error that a record is not there.
func missing(what string, id wire.MsgID, f Found) *failure {
	text := what + string(id)
	if f.Lost != "" {
		text += " (" + f.Lost + ")"
	}
	return keyError(text)
}

// distinct are ids in order, each once.
func distinct(ids []wire.MsgID) []wire.MsgID {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (r *Row) id() wire.MsgID { return wire.MsgID(r.text("msg_id")) }

// origin is the id of the broadcast that the task was part of, or "".
func (r *Row) origin() wire.MsgID {
	return Origin(Queue(r.text("queue")), r.id(), wire.EngineUUID(r.text("engine_uuid")))
}

// text reads a field, null being "".
func (r *Row) text(name string) string {
	s, _ := r.value(name).(string)
	return s
}

func (r *Row) null(name string) bool { return plain(r.value(name)) == nil }

// result is a completed task as result_reply gives it.
func (r *Row) result() any {
	pick := func(names ...string) map[string]any {
		out := make(map[string]any, len(names)+1)
		for _, name := range names {
			out[name] = r.value(name)
		}
		return out
	}
	out := pick("header", "metadata", "result_header", "result_metadata", "result_content", "received")
	out["io"] = pick("execute_input", "execute_result", "error", "stdout", "stderr")
	return out
}

// history lists the ids of all records in the order in which clients sent them.
func (m *Machine) history(r request) {
	m.find(&Query{Fields: fieldsOf("msg_id", "submitted")}, func(f Found) []Action {
		if f.Err != nil {
			return []Action{r.fail(failed(f.Err))}
		}
		slices.SortStableFunc(f.Rows, func(x, y Row) int {
			c, _ := compare(x.value("submitted"), y.value("submitted"))
			return c
		})
		ids := make([]wire.MsgID, len(f.Rows))
		for i, row := range f.Rows {
			ids[i] = row.id()
		}
		return []Action{r.ok(struct {
			Status  string       `json:"status"`
			History []wire.MsgID `json:"history"`
		}{wire.StatusOK, ids})}
	})
}
