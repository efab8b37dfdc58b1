package engine

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"muster/wire"
)

// A request is a message that asks for something, and the line to answer by.
type request struct {
	*wire.Message
	line  *line
	marks marks
	// internal, when set, is work of the engine's own that has to wait for its
	// turn with the namespace.
	internal func()
}

// isWork tells requests for work, which can be aborted, from the others.
func (r *request) isWork() bool { return r.internal == nil }

// ids are what clients know the request by: the id of the message and, of a
// broadcast, that of the message all its copies were made from.
func (r *request) ids() []wire.MsgID {
	if r.marks.IsBroadcast {
		return []wire.MsgID{r.Header.MsgID, wire.MsgID(r.marks.OriginalMsgID)}
	}
	return []wire.MsgID{r.Header.MsgID}
}

// is tells whether a client knows the request by this id.
func (r *request) is(id wire.MsgID) bool {
	return id == r.Header.MsgID || r.marks.IsBroadcast && string(id) == r.marks.OriginalMsgID
}

// marks are what the metadata of a request says that its reply has to repeat
// (protocol sections 9 and 15), and what Go clients add.
type marks struct {
	IsBroadcast   bool              `json:"is_broadcast"`
	IsCoalescing  bool              `json:"is_coalescing"`
	OriginalMsgID string            `json:"original_msg_id"`
	Label         json.RawMessage   `json:"label"`
	CountOutputs  bool              `json:"count_outputs"` // wire.CountOutputs
	SourceFile    string            `json:"source_file"`   // wire.SourceFile
	GoTypes       map[string]string `json:"go_types"`      // wire.GoTypes
	Deadline      float64           `json:"deadline"`      // wire.Deadline

	Depend         string   `json:"depend"` // wire.Depend and its siblings
	Require        []string `json:"require"`
	DependFunction string   `json:"depend_function"`
}

// onlyCounts is the metadata of most requests of Go clients.
const onlyCounts = `{"` + wire.CountOutputs + `":true}`

// readMarks reads them; metadata of other shapes has none.
func (r *request) readMarks() {
	switch string(r.Metadata) { // spares the parser where speed counts
	case "{}":
		return
	case onlyCounts:
		r.marks.CountOutputs = true
		return
	}
	if err := json.Unmarshal(r.Metadata, &r.marks); err != nil {
		r.marks = marks{}
	}
}

// replyType is the type of the answer: execute_reply to execute_request.
func (r *request) replyType() string {
	switch r.Header.MsgType { // spares the allocation where speed counts
	case wire.ApplyRequest:
		return wire.ApplyReply
	case wire.ExecuteRequest:
		return wire.ExecuteReply
	}
	return strings.TrimSuffix(r.Header.MsgType, "_request") + "_reply"
}

// replyMetadata is the metadata of a reply to work, as Python's engines write it:
//
//	{"started": time, "dependencies_met": bool, "engine": uuid, "is_broadcast": bool,
//	 "is_coalescing": bool, "original_msg_id": id, "status": status,
//	 "outputs": number of messages (wire.Outputs), "draining"?: wire.Draining, "go_type"?: wire.ResultType,
//	 "label"?: as in the request, "engine_info"?: {engine_uuid, engine_id} of an error}
func (e *Engine) replyMetadata(r *request, started wire.Time, a *answer) json.RawMessage {
	b := make([]byte, 0, 320)
	b = append(b, `{"started":`...)
	if t, err := started.MarshalJSON(); err == nil {
		b = append(b, t...)
	}
	b = strconv.AppendBool(append(b, `,"dependencies_met":`...), !a.unmet)
	b = append(append(b, `,"engine":"`...), e.uuid...)
	b = strconv.AppendBool(append(b, `","is_broadcast":`...), r.marks.IsBroadcast)
	b = strconv.AppendBool(append(b, `,"is_coalescing":`...), r.marks.IsCoalescing)
	b = append(b, `,"original_msg_id":`...)
	if r.marks.OriginalMsgID == "" {
		b = append(b, `""`...)
	} else {
		id, _ := json.Marshal(r.marks.OriginalMsgID) // a string always marshals
		b = append(b, id...)
	}
	b = append(append(append(b, `,"status":"`...), a.status...), `","outputs":`...)
	b = strconv.AppendInt(b, a.outputs, 10)
	if a.draining {
		b = append(b, `,"`+wire.Draining+`":true`...)
	}
	if a.goType != "" {
		b = append(append(append(b, `,"`+wire.ResultType+`":"`...), a.goType...), '"')
	}
	if r.marks.Label != nil {
		b = append(append(b, `,"label":`...), r.marks.Label...)
	}
	if a.status == wire.StatusError {
		b = fmt.Appendf(b, `,"engine_info":{"engine_uuid":"%s","engine_id":%d}`, e.uuid, e.id())
	}
	return append(b, '}')
}

// encode makes the frames of a reply.
func (e *Engine) encode(r *request, msgType string, metadata, content json.RawMessage, buffers [][]byte) [][]byte {
	session := e.member.Load().session
	_, header := session.Header(msgType)
	return session.Encode(&wire.Message{
		Route: r.Route, RawHeader: header, RawParent: r.RawHeader,
		Metadata: metadata, Content: content, Buffers: buffers,
	})
}

// reply answers a request that is not for work, by the line it came by.
func (e *Engine) reply(r *request, msgType string, metadata, content json.RawMessage) {
	if err := r.line.send(e.encode(r, msgType, metadata, content, nil)); err != nil {
		e.log.Error("reply not sent", "type", msgType, "task", r.Header.MsgID, "err", err)
	}
}

// answer answers a request for work. The reply is kept until the controller has
// acknowledged it, if it does. Not so where the scheduler gets a task back that
// did not run: it may send it again, here too.
func (e *Engine) answer(r *request, started wire.Time, a *answer) {
	frames := e.encode(r, r.replyType(), e.replyMetadata(r, started, a), a.content, a.buffers)
	id := r.Header.MsgID
	if r.line == &e.lines.task && (a.unmet || a.status == wire.StatusAborted) {
		e.kept.end(id)
		if err := r.line.send(frames); err != nil {
			e.log.Info("task not given back", "task", id, "err", err)
		}
		return
	}
	frames, keeps, lost := e.kept.answer(id, r.line, a.status == wire.StatusError, frames)
	if lost > 0 {
		e.log.Warn("replies forgotten that the controller has not acknowledged: there are too many", "replies", lost)
	}
	if !keeps {
		if err := r.line.send(frames); err != nil {
			e.log.Error("reply not sent", "task", id, "err", err)
		}
		return
	}
	if err := r.line.give(frames); err != nil {
		e.log.Info("reply kept for later", "task", id, "err", err)
	}
}

var aborted = json.RawMessage(`{"status":"aborted"}`)

// replyAborted answers requests that will not be run.
func (e *Engine) replyAborted(requests ...*request) {
	for _, r := range requests {
		e.log.Info("aborted", "task", r.Header.MsgID)
		e.answer(r, wire.Now(), &answer{status: wire.StatusAborted, content: aborted})
	}
}
