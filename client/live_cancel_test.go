package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/controller"
	"muster/engine"
	"muster/wire"
)

// slowSquare squares what is not negative, and else lasts until it is cancelled.
var slowSquare = engine.Func("test.SlowSquare", func(ctx context.Context, x float64) (float64, error) {
	if x >= 0 {
		return x * x, nil
	}
	<-ctx.Done()
	return 0, ctx.Err()
})

// lasting says by lastingBegun that it has begun, for what it prints is not
// captured in an engine that shares its process. It lasts so many seconds, without
// a look at its context, or until it is cancelled.
var (
	lasting = engine.Func("test.Lasting", func(ctx context.Context, seconds float64) error {
		lastingBegun <- struct{}{}
		if seconds > 0 {
			time.Sleep(time.Duration(seconds * float64(time.Second)))
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	})
	lastingBegun = make(chan struct{})
)

const endless = `fmt.Println("begun"); for {}`

// Of a task it is said where it was: waiting, in the queue of an engine, or
// running. What is cancelled is not tried again.
func TestGoCancelStages(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced().With(client.Retries(3))
	stage := func(ar *client.AsyncResult, want client.Cancelled) {
		t.Helper()
		done, err := ar.Cancel(ctx)
		check(t, err)
		if got := fmt.Sprintf("%+v", done); got != fmt.Sprintf("%+v", want) {
			t.Errorf("cancelled %s, want %+v", got, want)
		}
	}
	for name, call := range map[string]func() *client.AsyncResult{
		"interpreted": func() *client.AsyncResult { return v.On(client.Engines(1)).ExecuteAsync(endless) },
		"compiled":    func() *client.AsyncResult { return v.On(client.Engines(1)).ApplyAsync(lasting, 0.0) },
	} {
		running := call()
		if name == "compiled" {
			<-lastingBegun
		} else {
			begun(t, running)
		}
		waiting := v.With(client.After(running)).MapAsync(square, []float64{1, 2, 3})
		stage(waiting, client.Cancelled{Waiting: 3})
		if _, err := waiting.Get(ctx); !errors.Is(err, client.ErrTaskAborted) {
			t.Errorf("what waited: %v", err)
		}
		stage(running, client.Cancelled{Interrupted: []client.EngineID{1}})
		if _, err := running.Get(ctx); !errors.Is(err, client.ErrInterrupted) {
			t.Errorf("what ran: %v", err)
		}
		stage(running, client.Cancelled{})
	}
	// A direct call keeps the engine from beginning what the scheduler sends it.
	release := occupied(t, c, client.Engines(2))
	queued := v.On(client.Engines(2)).ApplyAsync(square, 1.0)
	for {
		why, err := queued.Explain(ctx)
		check(t, err)
		if strings.Contains(why, "engine 2") {
			break
		}
	}
	stage(queued, client.Cancelled{Aborted: []client.EngineID{2}})
	release()

	// Abort takes back what waits and leaves what runs.
	running := v.On(client.Engines(1)).ExecuteAsync(endless)
	begun(t, running)
	waiting := v.With(client.After(running)).ApplyAsync(square, 1.0)
	check(t, c.Abort(ctx, waiting, running))
	if _, err := waiting.Get(ctx); !errors.Is(err, client.ErrTaskAborted) {
		t.Errorf("aborted: %v", err)
	}
	want(t, running.Ready(), false)

	// What looks at no context is left, and it is said where.
	deaf := v.On(client.Engines(3)).ApplyAsync(lasting, 0.3)
	<-lastingBegun
	short, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	done, err := deaf.Cancel(short)
	if !errors.Is(err, context.DeadlineExceeded) || !slices.Equal(done.Left, []client.EngineID{3}) {
		t.Errorf("what does not end: %v, %v", done, err)
	}
	want(t, done.String(), "1 not ended yet on engine 3")
	stage(running, client.Cancelled{Interrupted: []client.EngineID{1}})
	if _, err = deaf.Get(ctx); !errors.Is(err, client.ErrInterrupted) {
		t.Errorf("what ended late: %v", err)
	}
}

// The end of its context cancels a call that its caller waits for, and what had
// come before it is there.
func TestGoContextCancelsTasks(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced()
	why := errors.New("enough")
	for name, call := range map[string]func(ctx context.Context, v *client.LoadBalancedView) error{
		"Execute": func(ctx context.Context, v *client.LoadBalancedView) error {
			_, err := v.Execute(ctx, endless)
			return err
		},
		"Apply": func(ctx context.Context, v *client.LoadBalancedView) error {
			_, err := v.Apply(ctx, slowSquare, -1.0)
			return err
		},
		"Call": func(ctx context.Context, v *client.LoadBalancedView) error {
			_, err := client.Call[float64](ctx, v, client.Ref("func() float64 { for {} }"))
			return err
		},
		"Get": func(ctx context.Context, v *client.LoadBalancedView) error {
			_, err := client.Get[int](ctx, v, "func() int { for {} }()")
			return err
		},
		"Remote": func(ctx context.Context, v *client.LoadBalancedView) error {
			_, err := client.Remote[func(context.Context, float64) (float64, error)](v, slowSquare)(ctx, -1)
			return err
		},
	} {
		ended, end := context.WithCancelCause(ctx)
		time.AfterFunc(500*time.Millisecond, func() { end(why) })
		err := call(ended, v.On(client.Engines(2)))
		if !errors.Is(err, why) || !strings.HasSuffix(fmt.Sprint(err), "wait, 0 of 1 answered: enough; cancelled: 1 running on engine 2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	ended, end := context.WithCancelCause(ctx)
	defer end(nil)
	time.AfterFunc(500*time.Millisecond, func() { end(why) })
	got, err := client.Map[float64](ended, v.On(client.Engines(0, 1)), slowSquare, []float64{1, 2, 3, -1, -1, 4})
	if !errors.Is(err, why) || !strings.Contains(err.Error(), "; cancelled: ") || !strings.Contains(err.Error(), "running on engines 0-1") {
		t.Errorf("map: %v", err)
	}
	if len(got) != 6 || !slices.Equal(got[:5], []float64{1, 4, 9, 0, 0}) {
		t.Errorf("map: %v", got)
	}

	// An engine is free at once, and an AsyncResult is not cancelled by a wait.
	ar := v.ApplyAsync(square, 3.0)
	if _, err := ar.Get(ended); err == nil && !ar.Ready() {
		t.Error("a wait in a context that has ended")
	}
	values, err := ar.Get(ctx)
	check(t, err)
	want(t, values, []any{9.0})
	_, err = c.Direct(client.All).Execute(ctx, "1")
	check(t, err)
}

// A MapSeq that is left, or whose context ends, leaves nothing running.
func TestGoMapSeqCancelled(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced()
	items := slices.Values([]float64{1, -1, -2, 3, -4, -5, -6})
	free := func() {
		t.Helper()
		soon, stop := context.WithTimeout(ctx, 30*time.Second)
		defer stop()
		_, err := c.Direct(client.All).Execute(soon, "1")
		check(t, err)
		for len(c.Outstanding()) > 0 {
			if soon.Err() != nil {
				t.Fatalf("outstanding: %v", c.Outstanding())
			}
			time.Sleep(time.Millisecond)
		}
	}
	for x, err := range client.MapSeq[float64](ctx, v, slowSquare, items) {
		check(t, err)
		want(t, x, 1.0)
		break
	}
	free()
	ended, end := context.WithCancelCause(ctx)
	defer end(nil)
	why := errors.New("enough")
	var last error
	for _, err := range client.MapSeq[float64](ended, v.With(client.Unordered()), slowSquare, items) {
		if last = err; err == nil {
			time.AfterFunc(50*time.Millisecond, func() { end(why) })
		}
	}
	if !errors.Is(last, why) || !strings.Contains(last.Error(), "7 items sent: enough; cancelled: ") {
		t.Errorf("the last error is %v", last)
	}
	free()
}

// What a client leaves that is gone does not keep its engines busy, where the
// controller is told so.
func TestGoClientLost(t *testing.T) {
	t.Parallel() // it takes what a client is given to be back
	profile := wire.Profile{Dir: t.TempDir()}
	stop, err := startCluster(controller.Config{Profile: profile, OnClientLost: controller.Cancel}, 1)
	check(t, err)
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	join := func() *client.Client {
		c, err := client.Connect(ctx, client.WithProfileDir(profile.Dir))
		check(t, err)
		return c
	}
	gone, other := join(), join()
	defer other.Close()
	left := gone.LoadBalanced().ExecuteAsync(endless)
	begun(t, left)
	waits := gone.LoadBalanced().With(client.After(left)).ApplyAsync(square, 1.0).Metadata()[0].MsgID
	next := other.LoadBalanced().ApplyAsync(square, 3.0)
	check(t, gone.Close())
	values, err := next.Get(ctx)
	check(t, err)
	want(t, values, []any{9.0})
	rs, err := other.GetResult(ctx, left.Metadata()[0].MsgID, waits)
	if !errors.Is(err, client.ErrInterrupted) || len(rs) != 2 || !errors.Is(rs[1].Err, client.ErrTaskAborted) {
		t.Errorf("what was left: %v, %v", rs, err)
	}
}
