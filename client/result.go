package client

import (
	"encoding/json"
	"fmt"
	"time"

	"muster/wire"
)

// A Result is what is known of one call on one engine. Times are zero until
// known; those of the engine are by the engine's clock.
//
// As JSON it has the keys that ipyparallel gives to the metadata of a result.
type Result struct {
	MsgID  wire.MsgID // the id of the request
	Engine EngineID   // NoEngine while no engine is known
	UUID   wire.EngineUUID
	Index  int    // its place among the call's targets, or among its tasks
	Status string // "ok", "error", "aborted"; "" while outstanding

	Submitted time.Time // sent by the client
	Started   time.Time // taken up by the engine
	Completed time.Time // answered by the engine
	Received  time.Time // the answer received by the client, or by the hub where it was asked

	Stdout, Stderr string    // at most MaxOutput bytes each
	Outputs        []Display // what was displayed, at most MaxOutput bytes in all
	// OutputLost is true when the engine answered and the end of its output
	// never came.
	OutputLost bool

	Code           string         // what was executed
	ExecutionCount int            // its number in the engine's history, from 1
	ExecuteResult  map[string]any // the last expression's value by MIME type, nil if there was none

	After, Follow []wire.MsgID // the tasks that a load-balanced task depends on
	Label         string       // given by the setting Label; of Python engines before 9 only where the hub was asked

	// Value is what the call returned, nil while it is outstanding and when
	// the engine failed; of executed code, the text of its last expression.
	Value any
	Err   error // usually a *RemoteError
}

// A Display is something that code displayed, as text, picture or markup: the
// content of a display_data message.
type Display struct {
	Data     map[string]any `json:"data"` // by MIME type; binary forms in base64
	Metadata map[string]any `json:"metadata"`
}

// Text is the value of the last expression of executed code, as text, or "".
func (r *Result) Text() string { return plain(r.ExecuteResult) }

// result describes a task, with its value if there is one.
func (ar *AsyncResult) result(t *task) *Result {
	ar.client.mu.Lock()
	r, ended := t.describe(), t.ended
	ar.client.mu.Unlock()
	if ended {
		r.Value, r.Err = ar.value(t)
	}
	return r
}

// describe makes the result of a task, without its value. The caller holds
// Client.mu.
func (t *task) describe() *Result {
	r := &Result{
		MsgID: t.id, Engine: t.engine, UUID: t.uuid, Index: t.place,
		Submitted: t.submitted, Received: t.received,
		Code: t.result.code, Err: t.err,
	}
	if s := t.result.scheduled; s != nil {
		r.After, r.Follow = s.after.ids, s.follow.ids
	}
	if o := t.output; o != nil {
		r.Stdout, r.Stderr, r.Outputs, r.OutputLost = o.stdout.String(), o.stderr.String(), o.shown(), o.lost
		r.ExecuteResult, r.ExecutionCount = o.bundle, o.count
	}
	if t.reply == nil {
		if t.err != nil {
			r.Status = wire.StatusError
		}
		return r
	}
	r.Completed = t.reply.Header.Date.Time
	r.readReply(t.reply.Metadata, t.reply.Content)
	r.Err = t.failure()
	return r
}

// readReply takes what a reply tells of its task. What cannot be read stays
// zero.
func (r *Result) readReply(metadata, content json.RawMessage) {
	var m struct {
		Started wire.Time `json:"started"`
		Label   string    `json:"label"`
	}
	json.Unmarshal(metadata, &m)
	r.Started, r.Label = m.Started.Time, m.Label
	var c struct {
		Status string `json:"status"`
		Count  int    `json:"execution_count"`
	}
	json.Unmarshal(content, &c)
	r.Status, r.ExecutionCount = c.Status, max(r.ExecutionCount, c.Count)
}

// MarshalJSON writes the keys of ipyparallel's metadata. What is not known is
// null.
func (r Result) MarshalJSON() ([]byte, error) {
	type executeResult struct {
		Data     map[string]any `json:"data"`
		Count    int            `json:"execution_count"`
		Metadata struct{}       `json:"metadata"`
	}
	out := struct {
		MsgID         wire.MsgID       `json:"msg_id"`
		Submitted     wire.Time        `json:"submitted"`
		Started       wire.Time        `json:"started"`
		Completed     wire.Time        `json:"completed"`
		Received      wire.Time        `json:"received"`
		EngineUUID    *wire.EngineUUID `json:"engine_uuid"`
		EngineID      *EngineID        `json:"engine_id"`
		Follow        []wire.MsgID     `json:"follow"`
		After         []wire.MsgID     `json:"after"`
		Status        *string          `json:"status"`
		ExecuteInput  *string          `json:"execute_input"`
		ExecuteResult *executeResult   `json:"execute_result"`
		Error         *wire.Error      `json:"error"`
		Stdout        string           `json:"stdout"`
		Stderr        string           `json:"stderr"`
		Outputs       []Display        `json:"outputs"`
	}{
		MsgID: r.MsgID, Stdout: r.Stdout, Stderr: r.Stderr, Outputs: append([]Display{}, r.Outputs...),
		Submitted: wire.Time{Time: r.Submitted}, Started: wire.Time{Time: r.Started},
		Completed: wire.Time{Time: r.Completed}, Received: wire.Time{Time: r.Received},
		EngineUUID: known(r.UUID), Status: known(r.Status), ExecuteInput: known(r.Code),
		Follow: append([]wire.MsgID{}, r.Follow...), After: append([]wire.MsgID{}, r.After...),
	}
	if r.Engine != NoEngine {
		out.EngineID = &r.Engine
	}
	if r.ExecuteResult != nil {
		out.ExecuteResult = &executeResult{Data: r.ExecuteResult, Count: r.ExecutionCount}
	}
	if r.Err != nil {
		out.Error = &wire.Error{Ename: "Error", Evalue: r.Err.Error(), Traceback: []string{}}
		if e, ok := r.Err.(*RemoteError); ok {
			out.Error = &wire.Error{Ename: e.Name, Evalue: e.Message, Traceback: append([]string{}, e.Traceback...)}
		}
	}
	return json.Marshal(out)
}

// known is nil for what is not known.
func known[S ~string](s S) *S {
	if s == "" {
		return nil
	}
	return &s
}

// shown are the displays, and how many were left out.
func (o *output) shown() []Display {
	if o.omitted == 0 {
		return o.displays[:len(o.displays):len(o.displays)]
	}
	note := fmt.Sprintf("... %d displays left out ...", o.omitted)
	return append(o.displays[:len(o.displays):len(o.displays)], Display{Data: map[string]any{"text/plain": note}})
}
