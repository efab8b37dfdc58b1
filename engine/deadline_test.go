package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"muster/transport"
	"muster/wire"
	"muster/wire/pickle"
)

// Two functions that run for longer than they may: one that looks at its
// context, and one that does not.
var (
	_ = Func("test.WaitForDeadline", func(ctx context.Context) error {
		if _, ok := ctx.Deadline(); !ok {
			return errors.New("the context has no deadline")
		}
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			return fmt.Errorf("the context ends by %w", context.Cause(ctx))
		}
		return fmt.Errorf("gave up: %w", context.Cause(ctx))
	})
	_ = Func("test.Oblivious", func() int { time.Sleep(50 * time.Millisecond); return 1 })
)

// within has the engine do something with a deadline, and returns the reply.
func (r *engineRun) within(seconds float64, msgType string, content any, buffers ...[]byte) wire.Reply {
	r.c.tb.Helper()
	_, c := r.reply(r.c.send("task", []byte(r.uuid), msgType, map[string]any{wire.Deadline: seconds}, content, buffers...))
	return c
}

// Whatever it is that runs for too long, the reply is a TaskDeadline, and the
// engine goes on.
func TestDeadline(t *testing.T) {
	r := newController(t, new(transport.Memory)).start(Config{})
	for _, code := range []string{"for {}", "select {}", "time.Sleep(time.Hour)"} {
		c := r.within(0.03, wire.ExecuteRequest, map[string]any{"code": code, "silent": false})
		if c.Ename != TaskDeadline || c.Evalue != "the call ran for longer than its deadline of 30ms" {
			t.Errorf("%q ends with %+v", code, c)
		}
	}
	for _, name := range []string{"test.WaitForDeadline", "test.Oblivious"} {
		buffers, err := codec.SerializeCall(pickle.Reference{Name: name}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := r.within(0.02, wire.ApplyRequest, nil, buffers...)
		if c.Ename != TaskDeadline {
			t.Errorf("%s ends with %+v", name, c)
		}
	}
	for _, seconds := range []float64{60, 1e300, 0, -1} { // what is in time, or has no deadline
		c := r.within(seconds, wire.ExecuteRequest, map[string]any{"code": "1 + 1", "silent": false})
		if c.Status != wire.StatusOK {
			t.Errorf("deadline %g: %+v", seconds, c)
		}
	}
	id := r.waiting()
	r.interrupt()
	r.interrupted(id)
}
