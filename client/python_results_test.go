package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"muster/wire"
)

// pythonResults looks at what two Python engines give.
func pythonResults(t *testing.T, ctx context.Context, c *Client) {
	v := c.Direct(All)
	rs, err := v.Execute(ctx, "from IPython.display import display, HTML\nprint('one')\ndisplay(HTML('<b>two</b>'))\nprint('three')")
	check(t, err)
	equal(t, len(rs[1].Outputs), 1)
	equal(t, rs[1].Outputs[0].Data["text/html"], "<b>two</b>")
	equal(t, rs[1].Stdout, "one\nthree\n")

	// Live, in order, and with the engine that the scheduler chose.
	const endless = "import sys, time\nsys.stdout.write('begun\\n')\nsys.stdout.flush()\nwhile True: time.sleep(0.01)" // print writes the end of the line by itself
	ar := c.LoadBalanced().ExecuteAsync(endless)
	begun := NoEngine
	for o := range ar.Outputs(ctx) {
		equal(t, o.Text, "begun\n")
		begun = o.Engine
		break
	}
	done, err := ar.Cancel(ctx)
	check(t, err)
	equal(t, done, Cancelled{Interrupted: []EngineID{begun}})

	// What runs is interrupted, what waits behind it is not touched, or aborted
	// where that is asked for.
	one := c.Direct(Engines(0))
	running, kept, waiting := one.ExecuteAsync(endless), one.ExecuteAsync("'kept'"), one.ExecuteAsync("'aborted'")
	for range running.Outputs(ctx) {
		break
	}
	cancelled := make(chan error, 1)
	go func() { // it is answered when the engine comes to it
		_, err := waiting.Cancel(ctx)
		cancelled <- err
	}()
	done, err = running.Cancel(ctx)
	check(t, err)
	equal(t, done, Cancelled{Interrupted: []EngineID{0}})
	// IPython's engines drop the executions that wait behind one that failed,
	// if their client had asked for it, and this one does not.
	values, err := kept.Get(ctx)
	check(t, err)
	equal(t, values, []any{"'kept'"})
	check(t, <-cancelled)

	_, err = v.Execute(ctx, "def f(n):\n    return 1 / n\nf(0)")
	var all *CompositeError
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var b strings.Builder
	check(t, all.PrintTracebacks(&b))
	if text := b.String(); !strings.HasPrefix(text, "engines 0-1:\n") || !strings.HasSuffix(text, "\nZeroDivisionError: division by zero\n") || strings.Count(text, "engine") != 1 {
		t.Errorf("tracebacks:\n%s", text)
	}

	// The history, as this client remembers it and as the hub does.
	for _, code := range []string{"print('to be remembered'); 40 + 1", "40 + 2"} {
		_, err = v.Execute(ctx, code)
		check(t, err)
	}
	applied := v.ApplyAsync(Ref("lambda x: {'twice': 2 * x}"), 4)
	check(t, c.Barrier(ctx))
	ids := c.History()
	var first Results
	for range 2 {
		rs, err = v.GetResult(ctx, -2)
		check(t, err)
		equal(t, []string{rs[0].Text(), rs[1].Text()}, []string{"41", "41"})
		equal(t, rs[1].Code, "print('to be remembered'); 40 + 1")
		if first == nil {
			first = rs
		}
		equal(t, rs[0].MsgID, first[0].MsgID)
		equal(t, rs[0].UUID, first[0].UUID)
		equal(t, rs[0].Engine, first[0].Engine)
		equal(t, rs[0].ExecutionCount, first[0].ExecutionCount)
		equal(t, rs[0].Started, first[0].Started)
		equal(t, rs[0].Completed, first[0].Completed)
		one, err := one.GetResult(ctx, rs[0].ExecutionCount+1)
		check(t, err)
		equal(t, one[0].Text(), "42")
		rs, err = c.GetResult(ctx, ids[len(ids)-1], ids[len(ids)-2])
		check(t, err)
		equal(t, rs[0].Value, any(map[string]any{"twice": 8}))
		equal(t, rs[0].Engine, EngineID(1))
		s, err := c.ResultStatus(ctx, ids...)
		check(t, err)
		equal(t, len(s.Completed), len(ids))
		c.Flush()
	}
	q, err := c.QueueIDs(ctx, Engines(1))
	check(t, err)
	if !slices.Contains(q.Engines[1].Completed, applied.tasks[1].id) {
		t.Errorf("completed are %v", q.Engines[1].Completed)
	}
	equal(t, q.Unassigned, []wire.MsgID{})
}
