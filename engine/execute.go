package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"muster/wire"
)

// executeReply is the content of an execute_reply (Jupyter messaging, "Execution results").
type executeReply struct {
	Status          string           `json:"status"`
	ExecutionCount  int              `json:"execution_count"`
	UserExpressions map[string]any   `json:"user_expressions"`
	Payload         []any            `json:"payload"`
	Ename           string           `json:"ename,omitempty"`
	Evalue          string           `json:"evalue,omitempty"`
	Traceback       []string         `json:"traceback,omitempty"`
	EngineInfo      *wire.EngineInfo `json:"engine_info,omitempty"`
}

// display is a value as text, for execute_result and user_expressions.
type display struct {
	Status         string            `json:"status,omitempty"`
	ExecutionCount int               `json:"execution_count,omitempty"`
	Data           map[string]string `json:"data"`
	Metadata       struct{}          `json:"metadata"`
}

func displayed(v any) map[string]string { return map[string]string{"text/plain": text(v)} }

// readExecute reads the content of an execute_request, with the defaults that
// the message spec gives to what is left out.
func readExecute(content json.RawMessage) (wire.Execute, error) {
	x := struct {
		wire.Execute
		StoreHistory *bool `json:"store_history"`
	}{Execute: wire.Execute{StopOnError: true}}
	if err := json.Unmarshal(content, &x); err != nil {
		return wire.Execute{}, userErrorf(ValueError, "execute_request: content: %v", err)
	}
	x.Execute.StoreHistory = !x.Silent
	if x.StoreHistory != nil {
		x.Execute.StoreHistory = *x.StoreHistory && !x.Silent
	}
	return x.Execute, nil
}

// execute runs a cell. On iopub: busy, execute_input, what the cell prints,
// then execute_result or error; the worker publishes idle. A silent cell shows
// neither input nor result.
func (e *Engine) execute(ctx context.Context, r *request) answer {
	if !r.marks.CountOutputs {
		e.publish(r, e.pub.state(r.RawHeader, statusBusy))
	}
	x, err := readExecute(r.Content)
	if err != nil {
		return e.failed(r, failure(ctx, err))
	}
	if x.StoreHistory {
		e.count++
	}
	count := e.count
	if !x.Silent && !r.marks.CountOutputs {
		e.publish(r, e.pub.send(topicInput, "execute_input", r.RawHeader, struct {
			Code           string `json:"code"`
			ExecutionCount int    `json:"execution_count"`
		}{x.Code, count}))
	}
	e.cells++
	run, name := e.ns.Exec, e.cellName(x, count)
	if file := r.marks.SourceFile; file != "" {
		run, name = e.ns.Run, file
	}
	value, hasValue, err := run(ctx, name, x.Code)
	if err != nil {
		if x.StopOnError && !x.Silent {
			e.replyAborted(e.queue.remove(func(q *request) bool {
				return q.Header.MsgType == wire.ExecuteRequest && q.Header.Session == r.Header.Session
			})...)
		}
		return e.failed(r, failure(ctx, err))
	}
	if hasValue && !x.Silent {
		e.show(r, value, count)
	}
	b, err := json.Marshal(executeReply{
		Status: wire.StatusOK, ExecutionCount: count, Payload: []any{},
		UserExpressions: e.expressions(ctx, x.UserExpressions),
	})
	if err != nil {
		return e.failed(r, failure(ctx, err))
	}
	return answer{status: wire.StatusOK, content: b}
}

// show publishes the value of a cell, after what the cell has printed.
func (e *Engine) show(r *request, value any, count int) {
	data := displayed(value)
	e.drain()
	e.out.sync()
	e.publish(r, e.pub.output(topicResult, "execute_result", r.RawHeader, display{ExecutionCount: count, Data: data}))
}

// cellName is what tracebacks call a cell: In[3] as prompts count, and for
// silent cells, which no prompt shows, their number among all.
func (e *Engine) cellName(x wire.Execute, count int) string {
	if x.StoreHistory {
		return fmt.Sprintf("In[%d]", count)
	}
	return fmt.Sprintf("cell %d", e.cells)
}

// expressions evaluates the user_expressions of a request.
func (e *Engine) expressions(ctx context.Context, exprs map[string]string) map[string]any {
	out := make(map[string]any, len(exprs))
	for key, expr := range exprs {
		v, err := e.ns.Eval(ctx, expr)
		if err != nil {
			out[key] = wire.Reply{Status: wire.StatusError, Error: failure(ctx, err)}
			continue
		}
		out[key] = display{Status: wire.StatusOK, Data: displayed(v)}
	}
	return out
}

// publish logs a message that could not be sent.
func (e *Engine) publish(r *request, err error) {
	if err != nil {
		e.log.Error("not published", "task", r.Header.MsgID, "err", err)
	}
}
