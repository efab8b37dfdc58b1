package engine

import (
	"context"
	"errors"
	"math"
	"time"

	"muster/wire"
)

// An overtime is why the context of a request ends that has run for as long as
// it may.
type overtime struct{ deadline time.Duration }

func (o *overtime) Error() string {
	return "the call ran for longer than its deadline of " + o.deadline.String()
}

// Is makes it an end that user code knows.
func (o *overtime) Is(target error) bool { return target == context.DeadlineExceeded }

// withDeadline returns a context that ends after so many seconds.
func withDeadline(ctx context.Context, seconds float64) (context.Context, context.CancelFunc) {
	d := time.Duration(math.MaxInt64)
	if ns := seconds * float64(time.Second); ns < math.MaxInt64 {
		d = time.Duration(ns)
	}
	return context.WithTimeoutCause(ctx, d, &overtime{d})
}

// overdue is the failure of a request whose deadline is over, whatever else has
// become of it, or nil: what ended too late is as wrong as what did not end.
func overdue(ctx context.Context) *wire.Error {
	var late *overtime
	if !errors.As(context.Cause(ctx), &late) {
		return nil
	}
	f := plainFailure(TaskDeadline, late.Error())
	return &f
}
