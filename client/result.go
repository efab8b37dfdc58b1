package client

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"muster/wire"
)

// A Result is what is known of one call on one engine. Times are zero until
// known; those of the engine are by the engine's clock.
type Result struct {
	MsgID  wire.MsgID // the id of the request
	Engine EngineID   // NoEngine while no engine is known
	UUID   wire.EngineUUID
	Status string // "ok", "error", "aborted"; "" while outstanding

	Submitted time.Time // sent by this client
	Started   time.Time // taken up by the engine
	Completed time.Time // answered by the engine
	Received  time.Time // the answer received by this client

	Stdout, Stderr string // at most MaxOutput bytes each
	// OutputLost is true when the engine answered and the end of its output
	// never came.
	OutputLost bool

	Code           string         // what was executed
	ExecutionCount int            // its number in the engine's history, from 1
	ExecuteResult  map[string]any // the last expression's value by MIME type, nil if there was none

	Err error // usually a *RemoteError
}

// Text is the value of the last expression of executed code, as text, or "".
func (r *Result) Text() string {
	s, _ := r.ExecuteResult["text/plain"].(string)
	return s
}

// String is the output as users of the field know it:
//
//	[stdout:0] hello
//	[0] Out[3]: 5
func (r *Result) String() string {
	var lines []string
	show := func(label, text string) {
		if text = strings.TrimRight(text, "\n"); strings.Contains(text, "\n") {
			lines = append(lines, label, text)
		} else if text != "" {
			lines = append(lines, label+" "+text)
		}
	}
	show(fmt.Sprintf("[stdout:%d]", r.Engine), r.Stdout)
	show(fmt.Sprintf("[stderr:%d]", r.Engine), r.Stderr)
	show(fmt.Sprintf("[%d] Out[%d]:", r.Engine, r.ExecutionCount), r.Text())
	if e, ok := r.Err.(*RemoteError); ok {
		show(fmt.Sprintf("[%d]", r.Engine), e.text())
	} else if r.Err != nil {
		show(fmt.Sprintf("[%d]", r.Engine), r.Err.Error())
	}
	return strings.Join(lines, "\n")
}

// Results are those of one call, in the order of its targets.
type Results []*Result

// String joins what each result prints.
func (rs Results) String() string {
	var lines []string
	for _, r := range rs {
		if s := r.String(); s != "" {
			lines = append(lines, s)
		}
	}
	return strings.Join(lines, "\n")
}

// describe makes the result of a task. The caller holds Client.mu.
func (t *task) describe() *Result {
	r := &Result{
		MsgID: t.id, Engine: t.engine, UUID: t.uuid,
		Submitted: t.submitted, Received: t.received,
		Code: t.result.code, Err: t.err,
	}
	if o := t.output; o != nil {
		r.Stdout, r.Stderr, r.OutputLost = o.stdout.String(), o.stderr.String(), o.lost
		r.ExecuteResult, r.ExecutionCount = o.bundle, o.count
	}
	if t.reply == nil {
		if t.err != nil {
			r.Status = wire.StatusError
		}
		return r
	}
	r.Completed = t.reply.Header.Date.Time
	var m struct {
		Started wire.Time `json:"started"`
	}
	var content struct {
		Status string `json:"status"`
		Count  int    `json:"execution_count"`
	}
	// What cannot be read stays zero; Err tells if the content is at fault.
	json.Unmarshal(t.reply.Metadata, &m)
	json.Unmarshal(t.reply.Content, &content)
	r.Started, r.Status = m.Started.Time, content.Status
	r.ExecutionCount = max(r.ExecutionCount, content.Count)
	r.Err = t.failure()
	return r
}
