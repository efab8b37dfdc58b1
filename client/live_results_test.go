package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/wire"
)

// busy makes engines run for ever what prints "begun" first, and returns when
// they have begun.
func busy(t *testing.T, ctx context.Context, v *client.DirectView) *client.AsyncResult {
	t.Helper()
	ar := v.ExecuteAsync(`fmt.Println("begun"); for {}`)
	t.Cleanup(func() { // also of a test that fails
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		ar.Cancel(ctx)
	})
	begun := 0
	for o := range ar.Outputs(ctx) {
		want(t, o.Text, "begun\n")
		if begun++; begun == ar.Len() {
			return ar
		}
	}
	t.Fatalf("%d of %d have begun: %v", begun, ar.Len(), context.Cause(ctx))
	return nil
}

// The first answer is there while another engine is at work.
func TestGoWaitFor(t *testing.T) {
	c, ctx := connect(t)
	slow := client.Engines(1)
	check(t, c.Direct(client.All).Push(ctx, map[string]any{"slow": false}))
	check(t, c.Direct(slow).Push(ctx, map[string]any{"slow": true}))
	ar := c.Direct(client.Engines(0, 1, 2)).ExecuteAsync("for slow {}; 6 * 7")
	check(t, ar.WaitFor(ctx, client.First))
	want(t, ar.Ready(), false)
	want(t, ar.Successful(), false)
	want(t, ar.Len(), 3)
	seen := make(map[client.EngineID]any)
	for r, err := range ar.Results(ctx) {
		if seen[r.Engine] = r.Value; r.Engine != 1 {
			check(t, err)
			want(t, r.Index, int(r.Engine))
		} else if !errors.Is(err, client.ErrInterrupted) {
			t.Errorf("interrupted: %v", err)
		}
		if len(seen) == 2 { // the other two have answered
			want(t, ar.Progress(), 2)
			ended, cancel := context.WithCancelCause(ctx)
			cancel(errors.New("in a hurry"))
			if err := ar.WaitFor(ended, client.FirstError); err == nil || !strings.Contains(err.Error(), "2 of 3 answered: in a hurry") {
				t.Errorf("a wait that was given up: %v", err)
			}
			if n := ar.Elapsed(); n <= 0 {
				t.Errorf("elapsed %v", n)
			}
			check(t, c.Interrupt(ctx, slow))
			check(t, ar.WaitFor(ctx, client.FirstError))
		}
	}
	want(t, seen, map[client.EngineID]any{0: "42", 1: nil, 2: "42"})
	dict, err := ar.GetDict(ctx)
	if !errors.Is(err, client.ErrInterrupted) {
		t.Errorf("by engine: %v", err)
	}
	want(t, dict, map[client.EngineID]any{0: "42", 2: "42"})
	want(t, ar.Successful(), false)
	want(t, ar.Progress(), 3)
	if serial, wall := ar.SerialTime(), ar.WallTime(); serial <= 0 || wall <= 0 || ar.Elapsed() != wall || ar.Speedup() != float64(serial)/float64(wall) {
		t.Errorf("serial %v, wall %v, elapsed %v, speedup %v", serial, wall, ar.Elapsed(), ar.Speedup())
	}
	good := c.Direct(client.All).ApplyAsync(square, 2.0)
	check(t, c.Barrier(ctx, good))
	want(t, good.Successful(), true)
}

// Results of a map over tasks name the task, as engines take several.
func TestGoResultsOfTasks(t *testing.T) {
	c, ctx := connect(t)
	ar := c.LoadBalanced().MapAsync(square, []float64{0, 1, 2, 3, 4, 5, 6, 7})
	squares := make(map[int]any)
	for r, err := range ar.Results(ctx) {
		check(t, err)
		squares[r.Index] = r.Value
	}
	want(t, len(squares), 8)
	want(t, squares[7], 49.0)
	if _, err := ar.GetDict(ctx); err == nil {
		t.Error("values by engine, of eight tasks on four engines")
	}
}

func TestGoCancel(t *testing.T) {
	c, ctx := connect(t)
	running := busy(t, ctx, c.Direct(client.Engines(2)))
	waiting := c.Direct(client.Engines(2)).ApplyAsync(square, 2.0)
	kept := c.Direct(client.Engines(2)).ApplyAsync(square, 3.0)
	done, err := waiting.Cancel(ctx)
	check(t, err)
	want(t, done, client.Cancelled{Aborted: []client.EngineID{2}})
	if _, err := waiting.Get(ctx); !errors.Is(err, client.ErrTaskAborted) {
		t.Errorf("cancelled while it waited: %v", err)
	}
	want(t, running.Ready(), false)
	done, err = running.Cancel(ctx)
	check(t, err)
	want(t, done, client.Cancelled{Interrupted: []client.EngineID{2}})
	if _, err := running.Get(ctx); !errors.Is(err, client.ErrInterrupted) {
		t.Errorf("cancelled while it ran: %v", err)
	}
	values, err := kept.Get(ctx)
	check(t, err)
	want(t, values, []any{9.0})
	done, err = kept.Cancel(ctx) // too late
	check(t, err)
	want(t, done, client.Cancelled{})

	// On one engine it runs, on another it waits.
	other := busy(t, ctx, c.Direct(client.Engines(1)))
	both := c.Direct(client.Engines(0, 1)).ExecuteAsync(`fmt.Println("begun"); for {}`)
	for range both.Outputs(ctx) {
		break
	}
	done, err = both.Cancel(ctx)
	check(t, err)
	want(t, done, client.Cancelled{Aborted: []client.EngineID{1}, Interrupted: []client.EngineID{0}})
	want(t, other.Ready(), false)
	_, err = other.Cancel(ctx)
	check(t, err)
}

// Load-balanced tasks are cancelled wherever they are.
func TestGoCancelTasks(t *testing.T) {
	c, ctx := connect(t)
	lb := c.LoadBalanced()
	var calls []*client.AsyncResult
	for range 6 { // on four engines
		calls = append(calls, lb.ExecuteAsync("for {}"))
	}
	cancelled := 0
	for _, ar := range calls {
		done, err := ar.Cancel(ctx)
		check(t, err)
		cancelled += done.Waiting + len(done.Aborted) + len(done.Interrupted)
	}
	want(t, cancelled, 6)
	one, err := lb.Apply(ctx, square, 5.0)
	check(t, err)
	want(t, one, 25.0)
}

func TestGoOutputs(t *testing.T) {
	c, ctx := connect(t)
	v := c.Direct(client.Engines(0, 3))
	ar := v.ExecuteAsync(`for i := 0; ; i++ { fmt.Println("step", i); time.Sleep(time.Millisecond) }`)
	seen := make(map[client.EngineID]string)
	for o := range ar.Outputs(ctx) { // live: the code does not end
		want(t, o.Kind, client.Stdout)
		seen[o.Engine] += o.Text
		if strings.Contains(seen[0], "step 3\n") && strings.Contains(seen[3], "step 3\n") {
			break
		}
	}
	_, err := ar.Cancel(ctx)
	check(t, err)

	ar = v.ExecuteAsync(`fmt.Println("one"); fmt.Fprintln(os.Stderr, "two"); fmt.Print("three\nfour"); 5`)
	check(t, ar.Wait(ctx))
	texts := make(map[client.EngineID][]string)
	for o := range ar.Outputs(ctx) { // and afterwards, in the order in which it came
		texts[o.Engine] = append(texts[o.Engine], fmt.Sprintf("%s %q", o.Kind, o.Text))
	}
	for _, id := range []client.EngineID{0, 3} {
		want(t, texts[id], []string{`stdout "one\n"`, `stderr "two\n"`, `stdout "three\nfour"`, `execute_result "5"`})
	}
	var b bytes.Buffer
	check(t, c.Direct(client.Engines(3)).ExecuteAsync(`fmt.Println("one"); fmt.Fprintln(os.Stderr, "two"); fmt.Print("three\nfour")`).Follow(ctx, &b))
	want(t, b.String(), "[stdout:3] one\n[stderr:3] two\n[stdout:3] three\n[stdout:3] four\n")

	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := ar.Follow(ended, &b); err != nil {
		t.Errorf("follow of what is done, in a context that has ended: %v", err)
	}
}

func TestGoMetadata(t *testing.T) {
	c, ctx := connect(t)
	rs, err := c.Direct(client.Engines(2)).Execute(ctx, `fmt.Println("hello"); 6 * 7`)
	check(t, err)
	keys := []string{
		"after", "completed", "engine_id", "engine_uuid", "error", "execute_input", "execute_result", "follow", "msg_id",
		"outputs", "received", "started", "status", "stderr", "stdout", "submitted",
	}
	decode := func(r *client.Result) map[string]any {
		b, err := json.Marshal(r)
		check(t, err)
		var m map[string]any
		check(t, json.Unmarshal(b, &m))
		want(t, slices.Sorted(maps.Keys(m)), keys)
		return m
	}
	m := decode(rs[0])
	want(t, m["engine_id"], 2.0)
	want(t, m["execute_input"], `fmt.Println("hello"); 6 * 7`)
	want(t, m["stdout"], "hello\n")
	want(t, m["status"], "ok")
	want(t, m["error"], nil)
	want(t, m["execute_result"].(map[string]any)["data"], map[string]any{"text/plain": "42"})
	for _, key := range []string{"submitted", "started", "completed", "received"} {
		if _, err := time.Parse(time.RFC3339, m[key].(string)); err != nil {
			t.Error(err)
		}
	}
	rs, err = c.Direct(client.Engines(2)).Execute(ctx, `panic("no")`)
	if err == nil {
		t.Fatal("no error")
	}
	m = decode(rs[0])
	want(t, m["status"], "error")
	e := m["error"].(map[string]any)
	want(t, e["evalue"], "no")
	want(t, len(e["traceback"].([]any)) > 1, true)
	want(t, m["execute_result"], nil)
}

func TestGoHistory(t *testing.T) {
	c, ctx := connect(t)
	v := c.Direct(client.Engines(0, 1))
	for _, code := range []string{"first := 1; first", "second := 2; second", "third := first + second; third"} {
		_, err := v.Execute(ctx, code)
		check(t, err)
	}
	check(t, v.Push(ctx, map[string]any{"x": 1})) // no command
	_, err := v.With(client.NoHistory()).Execute(ctx, `"not numbered"`)
	check(t, err)
	rs, err := v.GetResult(ctx, -2)
	check(t, err)
	want(t, []string{rs[0].Text(), rs[1].Text()}, []string{"2", "2"})
	n := rs[0].ExecutionCount
	last := rs[1].ExecutionCount + 1 // of the other engine
	text := fmt.Sprintf("%+v", rs[:1])
	want(t, text, fmt.Sprintf("[0] In [%d]: second := 2; second\n[0] Out[%d]: 2", n, n))
	rs, err = c.Direct(client.Engines(0)).GetResult(ctx, n+1)
	check(t, err)
	want(t, rs[0].Text(), "3")

	ids := c.History()
	want(t, len(ids), 10)
	want(t, rs[0].MsgID, ids[4])
	want(t, c.Outstanding(), []wire.MsgID(nil))
	rs, err = c.GetResult(ctx, ids[2], ids[0])
	check(t, err)
	want(t, []string{rs[0].Text(), rs[1].Text()}, []string{"2", "1"})
	rs, err = c.GetResult(ctx)
	check(t, err)
	want(t, []wire.MsgID{rs[0].MsgID, rs[1].MsgID}, ids[8:])

	// Another client asks the hub, and so does this one when it has flushed.
	other, _ := connect(t)
	c.Flush()
	for _, c := range []*client.Client{other, c} {
		rs, err := c.Direct(client.Engines(0, 1)).GetResult(ctx, -1)
		check(t, err)
		want(t, []string{rs[0].Text(), rs[1].Text()}, []string{"3", "3"})
		want(t, rs[0].Code, "third := first + second; third")
		want(t, []any{rs[1].Engine, rs[1].Value, rs[1].Status, rs[1].ExecutionCount}, []any{client.EngineID(1), "3", "ok", last})
		if rs[0].Submitted.IsZero() || rs[0].Started.IsZero() || rs[0].Completed.IsZero() || rs[0].Received.IsZero() {
			t.Errorf("times of %+v", rs[0])
		}
		rs, err = c.Direct(client.Engines(0)).GetResult(ctx, n)
		check(t, err)
		want(t, rs[0].Text(), "2")
		if _, err = c.Direct(client.Engines(0)).GetResult(ctx, 1_000_000); err == nil || !strings.Contains(err.Error(), "engine 0") {
			t.Errorf("a command that there was not: %v", err)
		}
		if _, err = c.GetResult(ctx, "never"); err == nil || !strings.Contains(err.Error(), "never") {
			t.Errorf("a request that there was not: %v", err)
		}
	}
	if _, err := v.GetResult(ctx, 0); err == nil {
		t.Error("command 0")
	}
}

// Of a broadcast, too, each engine's part is cancelled where it is, and found
// again by its id or number, here and at the hub.
func TestGoResultsOfBroadcasts(t *testing.T) {
	c, ctx := connect(t)
	ids := []client.EngineID{0, 1, 2, 3}
	for _, v := range []*client.BroadcastView{c.Broadcast(client.All), c.Broadcast(client.All).With(client.Coalescing())} {
		running := v.ExecuteAsync(`fmt.Println("begun"); for {}`)
		begun := make(map[client.EngineID]bool)
		for o := range running.Outputs(ctx) {
			if begun[o.Engine] = true; len(begun) == len(ids) {
				break
			}
		}
		waiting := v.ExecuteAsync("1")
		done, err := waiting.Cancel(ctx)
		check(t, err)
		want(t, done, client.Cancelled{Aborted: ids})
		done, err = running.Cancel(ctx)
		check(t, err)
		want(t, done, client.Cancelled{Interrupted: ids})

		_, err = v.Execute(ctx, "1 + 1")
		check(t, err)
		rs, err := c.GetResult(ctx)
		check(t, err)
		want(t, len(rs), len(ids))
		c.Flush()
		again, err := c.Direct(client.All).GetResult(ctx, -1)
		check(t, err)
		for i, r := range again {
			want(t, []any{r.Engine, r.Text(), r.MsgID}, []any{ids[i], "2", rs[i].MsgID})
		}
	}
}

// What runs for one client is waited for by another, and its value arrives.
func TestGoGetResultOfOthers(t *testing.T) {
	c, ctx := connect(t)
	other, _ := connect(t)
	v := c.Direct(client.Engines(1))
	endless := busy(t, ctx, v)
	ar := v.ApplyAsync(square, 3.0)
	ids := c.Outstanding()
	want(t, len(ids), 2)
	s, err := other.ResultStatus(ctx, ids...)
	for err != nil && ctx.Err() == nil { // the hub may not have seen them yet
		s, err = other.ResultStatus(ctx, ids...)
	}
	check(t, err)
	want(t, *s, client.ResultStatus{Pending: ids})
	type answer struct {
		rs  client.Results
		err error
	}
	got := make(chan answer, 1)
	go func() {
		rs, err := other.GetResult(ctx, ids[1], ids[0])
		got <- answer{rs, err}
	}()
	_, err = endless.Cancel(ctx)
	check(t, err)
	check(t, c.Barrier(ctx))
	want(t, ar.Successful(), true)
	a := <-got
	if !errors.Is(a.err, client.ErrInterrupted) || len(a.rs) != 2 {
		t.Fatalf("%v, %v", a.rs, a.err)
	}
	want(t, a.rs[0].Value, 9.0)
	want(t, a.rs[1].Code, `fmt.Println("begun"); for {}`)
	s, err = other.ResultStatus(ctx, ids...)
	check(t, err)
	want(t, len(s.Completed), 2)
	s, err = c.ResultStatus(ctx, ids...) // without the hub
	check(t, err)
	want(t, *s, client.ResultStatus{Completed: ids})
}

func TestGoQueues(t *testing.T) {
	c, ctx := connect(t)
	v := c.Direct(client.Engines(3))
	endless := busy(t, ctx, v)
	waiting := v.ApplyAsync(square, 3.0)
	ids := c.Outstanding()
	// The hub may not have seen yet what the engine has.
	for {
		q, err := c.QueueIDs(ctx, client.Engines(3, 2))
		check(t, err)
		want(t, len(q.Engines), 2)
		if slices.Equal(slices.Sorted(slices.Values(q.Engines[3].Queue)), slices.Sorted(slices.Values(ids))) {
			if text := q.String(); !strings.Contains(text, "[3] queue: "+string(ids[0])) {
				t.Errorf("printed as\n%s", text)
			}
			break
		}
	}
	s, err := c.QueueStatus(ctx, client.Engines(3))
	check(t, err)
	want(t, s.Engines[3].Queue, 2)
	if text := s.String(); !strings.HasPrefix(text, "engine  queue  tasks  completed\n3           2      0  ") || !strings.HasSuffix(text, "\nunassigned tasks: 0") {
		t.Errorf("printed as\n%s", text)
	}
	c.Flush()
	if _, err := waiting.Get(ctx); !errors.Is(err, client.ErrFlushed) {
		t.Errorf("flushed: %v", err)
	}
	want(t, len(c.Outstanding()), 0)
	check(t, c.Interrupt(ctx, client.Engines(3)))
	if _, err := endless.Get(ctx); !errors.Is(err, client.ErrFlushed) {
		t.Errorf("flushed: %v", err)
	}
}

// Where a cell failed is shown once for the engines on which it did.
func TestGoTracebacks(t *testing.T) {
	c, ctx := connect(t)
	v := c.Direct(client.Engines(1, 2, 3)).With(client.NoHistory())
	_, err := v.Execute(ctx, "bound := []int{1, 2, 3}\ni := len(bound)\nbound[i]")
	var all *client.CompositeError
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var b strings.Builder
	check(t, all.PrintTracebacks(&b))
	var one *client.RemoteError
	if !errors.As(err, &one) {
		t.Fatal(err)
	}
	if !strings.Contains(fmt.Sprint(one.Traceback), "line 3") {
		t.Errorf("no line in %q", one.Traceback)
	}
	// Whatever the engines have run before, and so call this cell.
	text := regexp.MustCompile(`cell (\d+|\*),`).ReplaceAllString(b.String(), "cell N,")
	want(t, text, "engines 1-3:\nTraceback (most recent call last):\n  cell N, line 3\n    bound[i]\nRuntimeError: index out of range\n")
	if err := all.RaiseException(1); !errors.As(err, &one) || one.Engine != 2 || one.Name != "RuntimeError" || one.Message != "index out of range" {
		t.Errorf("the second: %v", err)
	}
	for _, i := range []int{-1, 3} {
		if err := all.RaiseException(i); err == nil {
			t.Errorf("error %d of 3: %v", i, err)
		}
	}
}
