package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/engine"
	"muster/wire"
)

var scale = engine.Func("math.Scale", func(x []float64, by float64) []float64 {
	for i := range x {
		x[i] *= by
	}
	return x
})

var answer = engine.Func("math.Answer", func() int { return 42 })

// A task sets variables, runs and returns variables in one turn of an engine.
func TestTask(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced()
	type point struct{ X, Y int }
	r, err := v.Run(ctx, client.Task{
		Code:  "fmt.Println(p.X); y := []float64{x[0] * 2, float64(p.Y)}; len(names)",
		Push:  map[string]any{"x": []float64{1.5}, "p": point{3, 4}, "names": []string{"a", "b"}},
		Pull:  []string{"y", "x[0]"},
		Label: "double", ClearAfter: true,
	})
	check(t, err)
	y, err := client.ValueOf[[]float64](r, "y")
	check(t, err)
	want(t, y, []float64{3, 4})
	want(t, r.Values["x[0]"], 1.5)
	want(t, r.Value, "2")
	want(t, r.Stdout, "3\n")
	want(t, r.Label, "double")
	if r.MsgID == "" || r.Engine == client.NoEngine || r.Started.IsZero() || r.Duration() <= 0 || r.Duration() > time.Minute || r.Failed != nil {
		t.Errorf("%+v, %v", r.Result, r.Duration())
	}
	if _, err := client.ValueOf[[]int](r, "z"); err == nil || !strings.Contains(err.Error(), "value of z: ") || !strings.Contains(err.Error(), "does not pull it") {
		t.Errorf("a name that was not pulled: %v", err)
	}
	if _, err := client.ValueOf[int](r, "y"); err == nil {
		t.Error("a slice is an int")
	}
	names, err := client.Call[[]string](ctx, c.Direct(client.Engines(r.Engine)), client.Ref("func() []string { return nil }"))
	check(t, err)
	want(t, len(names[0]), 0)
	if _, err := c.Direct(client.Engines(r.Engine)).Pull(ctx, "y"); err == nil {
		t.Error("the variables are still there")
	}

	// A function, with references to what is pushed, and by keyword.
	r, err = v.Run(ctx, client.Task{Func: scale, Args: []any{client.Ref("w"), 3.0}, Push: map[string]any{"w": []float64{1, 2}}})
	check(t, err)
	want(t, r.Value, []float64{3, 6})
	r, err = v.Run(ctx, client.Task{
		Func: client.Ref("func(a int, by map[string]any) any { return a + by[`b`].(int) }"),
		Args: []any{1, client.Kwargs{"b": 2}},
	})
	check(t, err)
	want(t, r.Value, 3)

	// What fails says where.
	r, err = v.Run(ctx, client.Task{Code: "panic(`oh`)", Pull: []string{"y"}})
	var remote *client.RemoteError
	if !errors.As(err, &remote) || r == nil || r.Err == nil || r.Status != wire.StatusError || !strings.Contains(remote.Message, "oh") {
		t.Errorf("%v, %+v", err, r)
	}
	if _, err := client.ValueOf[int](r, "y"); !errors.As(err, &remote) {
		t.Errorf("a variable of a task that failed: %v", err)
	}
}

// What cannot be a task is refused before anything is sent.
func TestTaskRefused(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced()
	loop := client.Task{Code: "1", Label: "first"}
	loop.Recovery = &client.Task{Code: "2", Label: "second", Recovery: &loop}
	before := len(c.History())
	for _, x := range []struct {
		task client.Task
		want string
	}{
		{client.Task{}, "nothing to do"},
		{client.Task{Code: "1", Func: square}, "both Code and Func"},
		{client.Task{Code: "1", Args: []any{1}}, "Args and no Func"},
		{client.Task{Func: square, Args: []any{"a"}}, "argument 1 is a string"},
		{client.Task{Code: "1", Depend: "RAM > && gpu"}, "(1:7)\n | RAM > && gpu\n | ......^"},
		{client.Task{Code: "1", DependFunc: square}, "it takes 1 arguments"},
		{client.Task{Code: "1", DependFunc: answer}, "bool"},
		{client.Task{Code: "1", Push: map[string]any{"a b": 1}}, "no name for a variable"},
		{client.Task{Code: "1", Push: map[string]any{"f": func() {}}}, "push f"},
		{client.Task{Code: "1", Pull: []string{""}}, "pull: no name"},
		{client.Task{Code: "1", Retries: -1}, "retries: -1"},
		{client.Task{Code: "1", Timeout: -1}, "timeout: -1ns"},
		{loop, "task first: recovery: the chain comes back to second"},
		{client.Task{Code: "1", Recovery: &client.Task{}}, "recovery of task: task: it has nothing to do"},
	} {
		set := v.Submit(client.Task{Code: "1"}, x.task)
		_, err := set.Get(ctx)
		if err == nil || !strings.Contains(err.Error(), x.want) || !strings.Contains(err.Error(), "client: 2 tasks: ") && !strings.Contains(err.Error(), "push f") {
			t.Errorf("%+v: %v, want %q", x.task, err, x.want)
		}
		if r, err := v.Run(ctx, x.task); r != nil || err == nil {
			t.Errorf("%+v: %v, %v", x.task, r, err)
		}
	}
	want(t, len(c.History()), before)
	set := v.Submit()
	rs, err := set.Get(ctx)
	check(t, err)
	want(t, len(rs), 0)
	for range set.Results(ctx) {
		t.Error("a result of no task")
	}
}

// Tasks go to engines with what they demand, and the explanation says why they
// wait.
func TestTaskDepend(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced()
	t.Cleanup(func() { check(t, c.Direct(client.All).ClearProperties(context.Background())) })
	check(t, c.Direct(client.Engines(2)).SetProperties(ctx, map[string]any{"gpu": true, "mem": 16e9}))
	var tasks []client.Task
	for i := range 20 {
		tasks = append(tasks, client.Task{Func: square, Args: []any{float64(i)}, Depend: "gpu && mem > 4e9 && RAM > 1e6"})
	}
	rs, err := v.Submit(tasks...).Get(ctx)
	check(t, err)
	for i, r := range rs {
		want(t, r.Engine, client.EngineID(2))
		want(t, r.Value, float64(i*i))
	}

	// Nobody has it; then somebody does.
	waits := v.Submit(client.Task{Code: "1", Depend: "tpu"}, client.Task{Code: "2", DependFunc: client.Ref("test.NoSuch")})
	said := explained(t, c, waits, 0, "tpu")
	if !strings.Contains(said, "waits for an engine that may run it: engines 0-3: depend `tpu`: there is no property tpu") {
		t.Errorf("explained as %q", said)
	}
	explained(t, c, waits, 1, "depend test.NoSuch()")
	check(t, c.Direct(client.Engines(1)).SetProperties(ctx, map[string]any{"tpu": true}))
	for r, err := range waits.Results(ctx) {
		check(t, err)
		want(t, r.Index, 0)
		want(t, r.Engine, client.EngineID(1))
		break
	}
	said, err = waits.Explain(ctx)
	if err != nil || !strings.Contains(said, "succeeded on engine 1") {
		t.Errorf("the set is explained as %q, %v", said, err)
	}
	check(t, waits.Abort(ctx))
	_, err = waits.Get(ctx)
	if !errors.Is(err, client.ErrTaskAborted) {
		t.Errorf("aborted: %v", err)
	}

	// What is required is there, or imported.
	_, err = c.Direct(client.Engines(3)).Execute(ctx, "func special() int { return 7 }")
	check(t, err)
	r, err := v.Run(ctx, client.Task{Func: client.Ref("special"), Require: []string{"special", "strings", "math.Square"}})
	check(t, err)
	want(t, r.Engine, client.EngineID(3))
	_, err = v.Run(ctx, client.Task{Code: "1", Require: []string{"no/such"}, Timeout: 300 * time.Millisecond})
	if !errors.Is(err, client.ErrTaskTimeout) || !strings.Contains(err.Error(), "there is no variable, function or package no/such") {
		t.Errorf("required in vain: %v", err)
	}
}

// explained waits until the explanation of a task has some words.
func explained(t *testing.T, c *client.Client, s *client.TaskSet, i int, words string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		all, err := c.Explain(t.Context(), client.MsgIDs{s.Metadata()[i].MsgID})
		check(t, err)
		said := fmt.Sprint(all)
		if strings.Contains(said, words) {
			return said
		}
		if time.Now().After(deadline) {
			t.Fatalf("explained as %q", said)
		}
	}
}

// What recovers a task that failed for good runs in its place, and so on.
func TestRecovery(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced()
	fails := client.Task{Code: "fmt.Println(`trying`); panic(`no`)", Label: "a", Retries: 1}
	last := client.Task{Code: "fmt.Println(`c`); z := 3", Label: "c", Pull: []string{"z"}}
	second := client.Task{Code: "panic(`nor this`)", Label: "b", Recovery: &last}
	fails.Recovery = &second
	r, err := v.Run(ctx, fails)
	check(t, err)
	want(t, r.Label, "c")
	want(t, r.Stdout, "c\n")
	want(t, r.Err, nil)
	want(t, r.Values, map[string]any{"z": 3})
	if len(r.Failed) != 2 || r.Failed[0].Label != "a" || r.Failed[1].Label != "b" || r.Failed[0].MsgID == r.MsgID {
		t.Fatalf("failed before: %+v", r.Failed)
	}
	var remote *client.RemoteError
	if !errors.As(r.Failed[0].Err, &remote) || !strings.Contains(r.Failed[0].Stdout, "trying") || r.Failed[0].Code != fails.Code {
		t.Errorf("the first: %+v", r.Failed[0])
	}
	// Of many, those that fail; what recovers them may be one for all. The last
	// of a chain that fails is the error.
	cheap := &client.Task{Func: client.Ref("func() int { return -1 }")}
	hopeless := &client.Task{Code: "panic(`hopeless`)"}
	var tasks []client.Task
	for i := range 30 {
		task := client.Task{Func: client.Ref("func(i int) (int, error) { if i%3 == 0 { return 0, errors.New(`no`) }; return i, nil }"), Args: []any{i}, Recovery: cheap}
		if i == 3 {
			task.Recovery = hopeless
		}
		tasks = append(tasks, task)
	}
	set := v.Submit(tasks...)
	check(t, c.Barrier(ctx, set.AsyncResult))
	want(t, set.Progress(), 30)
	rs, err := set.Get(ctx)
	if !errors.As(err, &remote) || !strings.Contains(err.Error(), "hopeless") {
		t.Errorf("error %v", err)
	}
	for i, r := range rs {
		switch {
		case i == 3:
			want(t, len(r.Failed), 1)
		case i%3 == 0:
			want(t, r.Value, -1)
			want(t, len(r.Failed), 1)
		default:
			want(t, r.Value, i)
			want(t, len(r.Failed), 0)
		}
	}
	// Who depends on a task does so on that, and not on what recovers it.
	set = v.Submit(client.Task{Code: "1", Depend: "tpu", Timeout: time.Second, Recovery: cheap})
	_, err = v.Run(ctx, client.Task{Code: "1", After: []client.Dependable{set}})
	if !errors.Is(err, client.ErrImpossibleDependency) {
		t.Errorf("after a task that failed: %v", err)
	}
	// A task that never ran is recovered too; one that was cancelled is not.
	r, err = v.Run(ctx, client.Task{Code: "1", Depend: "tpu", Timeout: 100 * time.Millisecond, Recovery: cheap})
	check(t, err)
	want(t, r.Value, -1)
	if !errors.Is(r.Failed[0].Err, client.ErrTaskTimeout) {
		t.Errorf("failed before: %v", r.Failed[0].Err)
	}
	set = v.Submit(client.Task{Code: "for {}", Recovery: cheap}, client.Task{Code: "1", Depend: "tpu", Recovery: cheap})
	explained(t, c, set, 0, "runs on")
	_, err = set.Cancel(ctx)
	check(t, err)
	rs, err = set.Get(ctx)
	if !errors.Is(rs[0].Err, client.ErrInterrupted) || !errors.Is(rs[1].Err, client.ErrTaskAborted) || len(rs[0].Failed)+len(rs[1].Failed) > 0 {
		t.Errorf("cancelled: %v", err)
	}
}

// A set of tasks is waited for, counted, aborted and gone through as any call.
func TestTaskSet(t *testing.T) {
	c, ctx := connect(t)
	v := c.LoadBalanced()
	var tasks []client.Task
	for i := range 100 {
		tasks = append(tasks, client.Task{Func: square, Args: []any{float64(i)}, Label: "many"})
	}
	set := v.Submit(tasks...)
	c.Spin()
	seen := make(map[int]bool)
	for r, err := range set.Results(ctx) {
		check(t, err)
		want(t, r.Value, float64(r.Index*r.Index))
		seen[r.Index] = true
	}
	want(t, len(seen), 100)
	want(t, set.String(), "100 tasks: 100 of 100 done")
	check(t, c.Barrier(ctx))
	check(t, set.WaitFor(ctx, client.FirstError))
	later := v.Submit(client.Task{Code: "1 + 1", After: []client.Dependable{set}})
	rs, err := later.Get(ctx)
	check(t, err)
	want(t, rs[0].Value, "2")
	want(t, len(rs[0].After), 100)

	blocked := v.Submit(client.Task{Code: "1", Depend: "tpu"}, client.Task{Code: "1 + 2"})
	check(t, blocked.WaitFor(ctx, client.First))
	want(t, blocked.Progress(), 1)
	explained(t, c, blocked, 0, "tpu")
	s, err := c.TaskStatus(ctx, blocked.AsyncResult, set.AsyncResult)
	for ; err == nil && s.Scheduled == nil; s, err = c.TaskStatus(ctx, blocked.AsyncResult, set.AsyncResult) {
	} // while engines are asked again
	check(t, err)
	want(t, s.String(), "scheduled: 1, pending: 0, succeeded: 101, failed: 0")
	want(t, s.Scheduled, []wire.MsgID{blocked.Metadata()[0].MsgID})
	check(t, c.Abort(ctx, blocked.AsyncResult))
	check(t, c.Barrier(ctx))
	s, err = c.TaskStatus(ctx, blocked.AsyncResult)
	check(t, err)
	want(t, s.String(), "scheduled: 0, pending: 0, succeeded: 1, failed: 1")

	running := v.Submit(client.Task{Code: "for {}"})
	explained(t, c, running, 0, "runs on")
	for s.Pending == nil {
		s, err = c.TaskStatus(ctx, running.AsyncResult)
		check(t, err)
	}
	want(t, s.Pending, []wire.MsgID{running.Metadata()[0].MsgID})
	_, err = running.Cancel(ctx)
	check(t, err)

	mine, err := c.TaskStatus(ctx)
	check(t, err)
	want(t, []int{len(mine.Scheduled), len(mine.Pending), len(mine.Succeeded), len(mine.Failed)}, []int{0, 0, 102, 2})
	other, ctx := connect(t)
	none, err := other.TaskStatus(ctx)
	check(t, err)
	want(t, none.String(), "scheduled: 0, pending: 0, succeeded: 0, failed: 0")
	all, err := other.TaskStatusOfAll(ctx)
	check(t, err)
	if len(all.Succeeded) < 102 || len(all.Failed) < 2 {
		t.Errorf("all: %v", all)
	}
}

// The output of a task that is tried again is complete when the last engine's is.
func TestRetriedOutput(t *testing.T) {
	c, ctx := connect(t)
	once := fmt.Sprintf("%q", t.TempDir()+"/tried")
	r, err := c.LoadBalanced().Run(ctx, client.Task{Retries: 1, Code: `
		if _, err := os.Stat(` + once + `); err != nil {
			os.WriteFile(` + once + `, nil, 0o600)
			fmt.Println("first"); fmt.Fprintln(os.Stderr, "first"); panic("again")
		}
		fmt.Println("second"); fmt.Fprintln(os.Stderr, "second")`})
	check(t, err)
	want(t, r.Stdout, "first\nsecond\n")
	want(t, r.Stderr, "first\nsecond\n")
}

// The context of Run bounds the task.
func TestTaskContext(t *testing.T) {
	c, ctx := connect(t)
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	r, err := c.LoadBalanced().Run(short, client.Task{Code: "for {}", Recovery: &client.Task{Code: "1"}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, %v", r, err)
	}
	want(t, fmt.Sprint(c.Outstanding()), "[]")
}
