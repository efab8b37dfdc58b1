package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	"muster/wire"
)

// The names of errors that the engine itself makes. Go's words where it has
// them; an interrupt has the same name for every client.
const (
	EngineError       = "EngineError"       // the engine ended; for other ends of it, controller and client say so
	KeyboardInterrupt = "KeyboardInterrupt" // the request was interrupted
	PanicError        = "PanicError"        // a compiled function panicked
	RuntimeError      = "RuntimeError"      // the Go runtime did: index, nil, division
	SystemExit        = "SystemExit"        // the function ended its goroutine
	TypeError         = "TypeError"         // this value or function cannot be used here
	ValueError        = "ValueError"        // the request cannot be read
	NameError         = "NameError"         // no such name
	KeyError          = "KeyError"          // no such property
	TaskDeadline      = "TaskDeadline"      // the request ran for longer than its deadline
)

// errInterrupted is why the context of a request ends early.
var errInterrupted = errors.New("interrupted")

// failure is an error as a client reads it.
func failure(ctx context.Context, err error) wire.Error {
	var user *UserError
	if late := overdue(ctx); late != nil {
		return *late
	}
	if stopped(ctx, err) {
		return plainFailure(EngineError, "the engine has ended, and what it ran with it: "+context.Cause(ctx).Error())
	}
	switch {
	case errors.As(err, &user):
		return user.Failure
	case canceled(ctx, err):
		return plainFailure(KeyboardInterrupt, "execution interrupted")
	}
	return plainFailure(typeName(err), err.Error())
}

// canceled tells whether an error is what code says whose context has ended.
func canceled(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted))
}

// stopped tells whether an error comes from the end of the engine.
func stopped(ctx context.Context, err error) bool {
	var user *UserError
	return ctx.Err() != nil && context.Cause(ctx) != errInterrupted &&
		(canceled(ctx, err) || errors.As(err, &user) && user.Failure.Ename == KeyboardInterrupt)
}

func plainFailure(ename, evalue string) wire.Error {
	return wire.Error{Ename: ename, Evalue: evalue, Traceback: []string{ename + ": " + evalue}}
}

// A UserError is an error as the client is to read it: the class name that a
// peer in any language tests for, one line of text, and a traceback.
type UserError struct{ Failure wire.Error }

func (e *UserError) Error() string { return e.Failure.Ename + ": " + e.Failure.Evalue }

// userErrorf makes one without a traceback.
func userErrorf(ename, format string, args ...any) error {
	return &UserError{plainFailure(ename, fmt.Sprintf(format, args...))}
}

// typeName is the name of an error's type, without package and star.
func typeName(err error) string {
	t := reflect.TypeOf(err)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch name := t.Name(); name {
	case "", "errorString", "wrapError", "wrapErrors", "joinError":
		return "Error"
	default:
		return name
	}
}

// panicked describes a panic that reached the worker, with the frames of user
// code. It is called by the function that recovered.
func panicked(v any) wire.Error {
	f := plainFailure(PanicError, fmt.Sprint(v))
	if err, ok := v.(runtime.Error); ok {
		f = plainFailure(RuntimeError, strings.TrimPrefix(err.Error(), "runtime error: "))
	}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var stack []string
	inside := false // below the panic itself
	for {
		fr, more := frames.Next()
		switch {
		case strings.HasPrefix(fr.Function, "muster/engine.") && !strings.HasSuffix(fr.File, "_test.go"):
			more = more && !inside
		case strings.HasPrefix(fr.Function, "runtime."):
			inside = true
		case inside && !strings.HasPrefix(fr.Function, "reflect."):
			stack = append(stack, fmt.Sprintf("  %s, line %d, in %s", filepath.Base(fr.File), fr.Line, fr.Function))
		}
		if !more {
			break
		}
	}
	if len(stack) > 0 {
		tb := []string{"Traceback (most recent call last):"}
		for i := len(stack) - 1; i >= 0; i-- {
			tb = append(tb, stack[i])
		}
		f.Traceback = append(tb, f.Traceback...)
	}
	return f
}

// failed publishes an error and makes the answer of its request.
func (e *Engine) failed(r *request, f wire.Error) answer {
	if f.Traceback == nil {
		f.Traceback = []string{}
	}
	e.drain()
	e.out.sync()
	if err := e.pub.output(topicError, "error", r.RawHeader, f); err != nil {
		e.log.Error("error not published", "task", r.Header.MsgID, "err", err)
	}
	return e.failure(r, f)
}

// unfit is the answer to a request that is not to run on this engine. Nothing of
// it is published: another engine runs it, and has its output.
func (e *Engine) unfit(r *request, why string) answer {
	const most = 1000 // names of functions have no bound
	if len(why) > most {
		why = strings.ToValidUTF8(why[:most], "") + "..."
	}
	return e.failure(r, wire.Error{Ename: wire.UnmetDependency, Evalue: why, Traceback: []string{}})
}

// failure is the answer to a request that failed.
func (e *Engine) failure(r *request, f wire.Error) answer {
	// Not on iopub: Python clients look the engine up, and their IO loop fails
	// over the output of one that has gone.
	f.EngineInfo = &wire.EngineInfo{EngineUUID: e.uuid, EngineID: e.id(), Method: method(r)}
	a := answer{status: wire.StatusError, unmet: f.Ename == wire.UnmetDependency}
	var content any = wire.Reply{Status: wire.StatusError, Error: f}
	if r.Header.MsgType == wire.ExecuteRequest {
		content = executeReply{
			Status: wire.StatusError, ExecutionCount: e.count, UserExpressions: map[string]any{}, Payload: []any{},
			Ename: f.Ename, Evalue: f.Evalue, Traceback: f.Traceback, EngineInfo: f.EngineInfo,
		}
	}
	b, err := json.Marshal(content)
	if err != nil {
		e.log.Error("error not encoded", "task", r.Header.MsgID, "err", err)
		b = json.RawMessage(`{"status":"error","ename":"Error","evalue":"","traceback":[],"engine_info":{}}`)
	}
	a.content = b
	return a
}

// method is the kind of request as engine_info names it.
func method(r *request) string { return strings.TrimSuffix(r.Header.MsgType, "_request") }
