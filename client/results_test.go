package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"muster/wire"
)

// texts collects what a call prints until its end.
func texts(ctx context.Context, ar *AsyncResult) string {
	var b strings.Builder
	for o := range ar.Outputs(ctx) {
		fmt.Fprintf(&b, "%d %s %q\n", o.Engine, o.Kind, o.Text)
	}
	return b.String()
}

func TestOutputsLive(t *testing.T) {
	for _, counts := range []bool{true, false} {
		story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
			f.counts = counts
			f.holding()
			ar := c.Direct(All).ExecuteAsync("show ID")
			synctest.Wait()
			var b bytes.Buffer
			followed := make(chan error)
			go func() { followed <- ar.Follow(t.Context(), &b) }()
			for _, story := range []struct {
				engine EngineID
				text   string
				shown  string
			}{
				{1, "one\n", "[stdout:1] one\n"},
				{0, "two", ""}, // not a line yet
				{1, "three\n", "[stdout:1] three\n"},
				{0, " halves\nand more", "[stdout:0] two halves\n"},
			} {
				b.Reset()
				f.begin(story.engine, story.text)
				synctest.Wait()
				equal(t, b.String(), story.shown)
			}
			b.Reset()
			f.release()
			check(t, <-followed)
			lines := strings.Split(b.String(), "\n") // those of two engines in any order
			slices.Sort(lines)
			equal(t, lines, []string{"", "[0] Out[1]: 0", "[1] Out[1]: 1", "[stdout:0] and more"})
			equal(t, texts(t.Context(), ar), "1 stdout \"one\\nthree\\n\"\n0 stdout \"two halves\\nand more\"\n1 execute_result \"1\"\n0 execute_result \"0\"\n")
		})
	}
}

// A reader that does not read costs no more than what is kept anyway, and
// holds up nobody.
func TestSlowReader(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		f.holding()
		ar := c.Direct(Engines(0)).ExecuteAsync("print end")
		synctest.Wait()
		f.begin(0, "begun\n")
		got := 0
		var all strings.Builder
		for o := range ar.Outputs(t.Context()) {
			all.WriteString(o.Text)
			if got++; got > 1 {
				continue
			}
			for range 30 {
				f.begin(0, strings.Repeat("x", MaxOutput/10))
			}
			synctest.Wait()
			f.release()
			_, err := c.Direct(Engines(1)).Execute(t.Context(), "print meanwhile")
			check(t, err)
			check(t, ar.Wait(t.Context()))
		}
		out := all.String()
		if len(out) > 2*MaxOutput || !strings.HasPrefix(out, "begun\nxxx") || !strings.HasSuffix(out, "xxxend\n") || strings.Count(out, "bytes left out") != 1 {
			t.Errorf("%d bytes, from %.20q to %q", len(out), out, out[len(out)-20:])
		}
	})
}

func TestOutputsEnd(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		f.holding()
		ar := c.Direct(All).ExecuteAsync("print late")
		synctest.Wait()
		f.begin(0, "last words\n")
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan string)
		go func() { given <- texts(ctx, ar) }()
		synctest.Wait()
		cancel()
		equal(t, <-given, "0 stdout \"last words\\n\"\n")
		var b bytes.Buffer
		if err := ar.Follow(ctx, &b); !errors.Is(err, context.Canceled) {
			t.Errorf("follow in a context that has ended: %v", err)
		}

		f.kill(0)
		synctest.Wait()
		f.release() // what the dead engine prints comes too late
		equal(t, texts(t.Context(), ar), "0 stdout \"last words\\n\"\n1 stdout \"late\\n\"\n")
		equal(t, ar.Metadata()[0].Stdout, "last words\n")

		f.holding()
		ar = c.Direct(All).ExecuteAsync("print never")
		go func() { given <- texts(t.Context(), ar) }()
		synctest.Wait()
		c.Close()
		equal(t, <-given, "")
		for range c.Direct(All).ExecuteAsync("x").Outputs(t.Context()) {
			t.Error("output of what was not sent")
		}
	})
}

func TestDisplays(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		ar := c.Direct(All).ExecuteAsync("display a plot")
		equal(t, texts(t.Context(), ar), "0 display_data \"a plot\"\n")
		r := ar.Metadata()[0]
		equal(t, r.Outputs, []Display{{map[string]any{"text/plain": "a plot", "image/png": "iVBO"}, map[string]any{"width": 3.0}}})
		equal(t, r.String(), "[output:0] a plot")
	})
	// As much is kept as of printed text.
	o := new(output)
	for range 5 {
		o.show(Display{Data: map[string]any{"text/plain": "x"}}, MaxOutput/2)
	}
	if shown := o.shown(); len(shown) != 3 || plain(shown[2].Data) != "... 3 displays left out ..." {
		t.Errorf("shown are %v", shown)
	}
}

// Whatever comes, in whatever order, a reader gets all of it once, each kind in
// its order, and as long as the runs are few, all in the order in which it came.
func TestOutputOrder(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		o := new(output)
		r := &reader{output: o, read: make(map[OutputKind]int)}
		var sent, got []string // "e text" for each byte
		read := func() {
			for {
				out, ok := r.next()
				if !ok {
					return
				}
				for _, b := range strings.Split(out.Text, "") {
					got = append(got, string(out.Kind)+" "+b)
				}
			}
		}
		n := 200
		if seed%4 == 0 {
			n = 3 * maxRuns
		}
		for i := range n {
			text := string(rune('a' + i%26))
			kind := kinds[rng.IntN(3)]
			switch kind {
			case DisplayData:
				o.show(Display{Data: map[string]any{"text/plain": text}}, 1)
			default:
				o.print(string(kind), text)
			}
			sent = append(sent, string(kind)+" "+text)
			if seed%4 != 0 && rng.IntN(20) == 0 {
				read()
			}
		}
		o.value(map[string]any{"text/plain": "v"}, 1)
		sent = append(sent, "execute_result v")
		read()
		if seed%4 == 0 { // of very many runs, the order of the last
			of := func(list []string, kind OutputKind) (out []string) {
				for _, s := range list {
					if strings.HasPrefix(s, string(kind)) {
						out = append(out, s)
					}
				}
				return out
			}
			for _, kind := range kinds {
				if !slices.Equal(of(got, kind), of(sent, kind)) {
					t.Errorf("seed %d: %s is not what was sent", seed, kind)
				}
			}
			sent, got = sent[len(sent)-maxRuns/4:], got[len(got)-maxRuns/4:]
		}
		if !slices.Equal(got, sent) {
			t.Errorf("seed %d: %d of %d\ngot  %v\nsent %v", seed, len(got), len(sent), got[:min(len(got), 40)], sent[:40])
		}
	}
}

// Cancel at every stage: of what waits, runs, is done, dies, and with a context
// that ends.
func TestCancelStages(t *testing.T) {
	for _, python := range []bool{false, true} {
		start := func(t *testing.T, f *fakeCluster, c *Client) *AsyncResult {
			f.counts = !python
			f.holding()
			ar := c.Direct(All).ExecuteAsync("print done")
			synctest.Wait()
			return ar
		}
		type answer struct {
			done Cancelled
			err  error
		}
		cancelled := func(ctx context.Context, ar *AsyncResult) chan answer {
			got := make(chan answer, 1)
			go func() {
				done, err := ar.Cancel(ctx)
				got <- answer{done, err}
			}()
			synctest.Wait()
			return got
		}
		for name, tell := range map[string]func(t *testing.T, f *fakeCluster, c *Client){
			"waiting": func(t *testing.T, f *fakeCluster, c *Client) {
				ar := start(t, f, c)
				got := cancelled(t.Context(), ar)
				f.release() // Python's engines answer when they come to it
				a := <-got
				check(t, a.err)
				equal(t, a.done, Cancelled{Aborted: []EngineID{0, 1}})
			},
			"running on one": func(t *testing.T, f *fakeCluster, c *Client) {
				ar := start(t, f, c)
				other := c.Direct(Engines(1)).ExecuteAsync("print other")
				synctest.Wait()
				f.begin(0, "begun\n")
				synctest.Wait()
				got := cancelled(t.Context(), ar)
				f.release()
				a := <-got
				check(t, a.err)
				equal(t, a.done, Cancelled{Aborted: []EngineID{1}, Interrupted: []EngineID{0}})
				if _, err := ar.Get(t.Context()); !errors.Is(err, ErrTaskAborted) || !errors.Is(err, ErrInterrupted) {
					t.Errorf("error is %v", err)
				}
				_, err := other.Get(t.Context()) // was none of Cancel's business
				check(t, err)
				if python {
					f.mu.Lock()
					defer f.mu.Unlock()
					if n := strings.Count(fmt.Sprint(f.seen), wire.SignalRequest); n != 1 {
						t.Errorf("%d signals", n)
					}
				}
			},
			"begins meanwhile": func(t *testing.T, f *fakeCluster, c *Client) {
				if !python {
					return // their aborts are final
				}
				ar := start(t, f, c)
				got := cancelled(t.Context(), ar)
				f.begin(0, "")
				f.begin(1, "")
				synctest.Wait()
				a := <-got
				check(t, a.err)
				equal(t, a.done, Cancelled{Interrupted: []EngineID{0, 1}})
			},
			"taken up to be aborted": func(t *testing.T, f *fakeCluster, c *Client) {
				ar := start(t, f, c)
				got := cancelled(t.Context(), ar)
				if python { // they are busy with it, for a moment
					f.mu.Lock()
					for _, h := range f.held {
						f.publish(h.engine, h.m, "status", map[string]any{"execution_state": "busy"})
					}
					f.mu.Unlock()
					synctest.Wait()
				}
				f.release()
				a := <-got
				check(t, a.err)
				equal(t, a.done, Cancelled{Aborted: []EngineID{0, 1}})
				f.mu.Lock()
				defer f.mu.Unlock()
				equal(t, slices.Contains(f.seen, wire.SignalRequest), false)
			},
			"done": func(t *testing.T, f *fakeCluster, c *Client) {
				ar := start(t, f, c)
				f.release()
				check(t, ar.Wait(t.Context()))
				done, err := ar.Cancel(t.Context())
				check(t, err)
				equal(t, done, Cancelled{})
			},
			"an engine dies": func(t *testing.T, f *fakeCluster, c *Client) {
				f.deaf = true
				ar := start(t, f, c)
				got := cancelled(t.Context(), ar)
				f.kill(0)
				f.kill(1)
				a := <-got
				check(t, a.err)
				equal(t, a.done, Cancelled{})
				if _, err := ar.Get(t.Context()); !errors.Is(err, ErrEngineDied) {
					t.Errorf("error is %v", err)
				}
			},
			"the context ends": func(t *testing.T, f *fakeCluster, c *Client) {
				f.deaf = true
				ar := start(t, f, c)
				ctx, cancel := context.WithCancelCause(t.Context())
				got := cancelled(ctx, ar)
				enough := errors.New("enough")
				cancel(enough)
				if a := <-got; !errors.Is(a.err, enough) || !strings.Contains(a.err.Error(), "0 of 2") {
					t.Errorf("error is %v", a.err)
				}
				equal(t, ar.Ready(), false)
				f.release()
				_, err := ar.Get(t.Context())
				check(t, err)
			},
			"the client is closed": func(t *testing.T, f *fakeCluster, c *Client) {
				f.deaf = true
				got := cancelled(t.Context(), start(t, f, c))
				c.Close()
				a := <-got
				equal(t, a.done, Cancelled{})
			},
		} {
			t.Run(fmt.Sprintf("%s, python %v", name, python), func(t *testing.T) { story(t, 2, tell) })
		}
	}
}

func TestResultsAsTheyCome(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		f.holding()
		ar := c.Direct(All).ApplyAsync(Ref("whoami"))
		synctest.Wait()
		f.kill(1)
		check(t, ar.WaitFor(t.Context(), First))
		check(t, ar.WaitFor(t.Context(), FirstError))
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		var order []EngineID
		enough := errors.New("enough")
		for r, err := range ar.Results(ctx) {
			if r == nil {
				if !errors.Is(err, enough) || !strings.Contains(err.Error(), "1 of 3 seen") {
					t.Errorf("the end: %v", err)
				}
				break
			}
			order = append(order, r.Engine)
			if !errors.Is(err, ErrEngineDied) {
				t.Errorf("error is %v", err)
			}
			cancel(enough)
		}
		equal(t, order, []EngineID{1})
		f.release()
		for r, err := range ar.Results(t.Context()) {
			if r.Engine != 1 {
				check(t, err)
				equal(t, r.Value, int(r.Engine))
				order = append(order, r.Engine)
			}
		}
		equal(t, order, []EngineID{1, 0, 2})
		for r, err := range c.Direct(Engines(9)).ApplyAsync(Ref("whoami")).Results(t.Context()) {
			if r != nil || !errors.Is(err, ErrUnknownEngine) {
				t.Errorf("of what was not sent: %v, %v", r, err)
			}
		}
	})
}

func TestBarrier(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeCluster, c *Client) {
		check(t, c.Barrier(t.Context()))
		f.holding()
		first, second := c.Direct(All).ExecuteAsync("fail E: x"), c.Direct(Engines(1)).ApplyAsync(Ref("whoami"))
		equal(t, len(c.Outstanding()), 3)
		equal(t, c.Outstanding(), c.History())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Barrier(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "0 of 2") {
			t.Errorf("error is %v", err)
		}
		passed := make(chan error)
		go func() { passed <- c.Barrier(t.Context(), second, first) }()
		synctest.Wait()
		f.release()
		check(t, <-passed)
		equal(t, first.Ready() && second.Ready(), true)
		c.Spin()
	})
}

func TestFlush(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		f.holding()
		ar := c.Direct(All).ApplyAsync(Ref("whoami"))
		c.Flush()
		if _, err := ar.Get(t.Context()); !errors.Is(err, ErrFlushed) {
			t.Errorf("error is %v", err)
		}
		f.release() // and the answer comes to nothing
		values, err := c.Direct(All).Apply(t.Context(), Ref("whoami"))
		check(t, err)
		equal(t, values, []any{0})
		equal(t, len(c.History()), 2)
	})
}

// A hub that does not answer, or an end of patience, is no place to hang.
func TestGetResultEnds(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		if _, err := c.GetResult(t.Context()); err == nil {
			t.Error("the last of no requests")
		}
		f.holding()
		ar := c.Direct(All).ExecuteAsync("show 1")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.GetResult(ctx, ar.tasks[0].id); !errors.Is(err, context.Canceled) {
			t.Errorf("of what runs: %v", err)
		}
		f.mu.Lock()
		f.mute = true
		f.mu.Unlock()
		for _, get := range []func(context.Context) error{
			func(ctx context.Context) error { _, err := c.GetResult(ctx, "another"); return err },
			func(ctx context.Context) error { _, err := c.ResultStatus(ctx, "another"); return err },
			func(ctx context.Context) error { _, err := c.Direct(All).GetResult(ctx, -7); return err },
			func(ctx context.Context) error { _, err := c.QueueIDs(ctx, All); return err },
		} {
			late := errors.New("too late")
			ctx, cancel := context.WithCancelCause(t.Context())
			got := make(chan error)
			go func() { got <- get(ctx) }()
			synctest.Wait()
			cancel(late)
			if err := <-got; !errors.Is(err, late) {
				t.Errorf("error is %v", err)
			}
		}
		got := make(chan error)
		go func() { _, err := c.GetResult(t.Context(), "another"); got <- err }()
		synctest.Wait()
		c.Close()
		if err := <-got; !errors.Is(err, ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

func TestNotifications(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		ctx, cancel := context.WithCancel(t.Context())
		slow, quick, left := c.Notifications(t.Context()), c.Notifications(t.Context()), c.Notifications(ctx)
		f.join()
		equal(t, (<-quick).String(), "engine 1 registered")
		synctest.Wait()
		cancel()
		for range left {
		}
		f.kill(0)
		f.kill(1)
		f.join()
		equal(t, (<-quick).String(), "engine 0 is gone")
		f.notify(wire.ShutdownNotification, map[string]any{"status": "ok"})
		for _, events := range []<-chan EngineEvent{slow, quick} {
			var seen []string
			for e := range events {
				seen = append(seen, fmt.Sprint(e.Engine, e.Up))
			}
			all := []string{"1 true", "0 false", "1 false", "2 true", "2 false"}
			equal(t, seen, all[len(all)-len(seen):])
		}
		for range c.Notifications(t.Context()) {
			t.Error("news after the end")
		}
	})
	story(t, 1, func(t *testing.T, f *fakeCluster, c *Client) {
		c.Notifications(t.Context())
		f.join() // nobody reads it
		synctest.Wait()
	})
}

// results makes some of engines that print what a function says.
func results(n int, text func(i int) string) (rs Results) {
	for i := range n {
		rs = append(rs, &Result{Engine: EngineID(i), Code: "x", ExecutionCount: 3, ExecuteResult: map[string]any{"text/plain": text(i)}})
	}
	return rs
}

func TestFold(t *testing.T) {
	odd := func(i int) string {
		if i == 17 || i == 40 {
			return fmt.Sprint("odd ", i/20)
		}
		return "5"
	}
	rs := results(64, odd)
	equal(t, rs.String(), "62 engines the same; engines 17, 40 differ\n[0-16, 18-39, 41-63] Out[3]: 5\n[17] Out[3]: odd 0\n[40] Out[3]: odd 2")
	equal(t, rs[:18].String(), "17 engines the same; engine 17 differs\n[0-16] Out[3]: 5\n[17] Out[3]: odd 0")
	equal(t, rs[:5].String(), "5 engines the same\n[0-4] Out[3]: 5")
	equal(t, rs[:2].String(), "[0] Out[3]: 5\n[1] Out[3]: 5")
	equal(t, fmt.Sprintf("%+v", rs[:5]), "5 engines the same\n[0-4] In [3]: x\n[0-4] Out[3]: 5")
	rs[2].ExecutionCount = 9
	equal(t, rs[:5].String(), "5 engines the same\n[0-4] Out[*]: 5")
	equal(t, fmt.Sprintf("%q", rs[0]), `"[0] Out[3]: 5"`)

	equal(t, results(6, func(i int) string { return fmt.Sprint(i) }).String(),
		"[0] Out[3]: 0\n[1] Out[3]: 1\n[2] Out[3]: 2\n[3] Out[3]: 3\n[4] Out[3]: 4\n[5] Out[3]: 5")
	equal(t, results(6, func(i int) string { return fmt.Sprint(i % 2) }).String(), "[0, 2, 4] Out[3]: 0\n[1, 3, 5] Out[3]: 1")
	equal(t, results(64, func(int) string { return "" }).String(), "")
	tasks := results(6, func(int) string { return "1" }) // several on an engine are told apart by their order
	for _, r := range tasks {
		r.Engine = 0
	}
	equal(t, strings.Count(tasks.String(), "\n"), 5)
	equal(t, (&Result{Engine: NoEngine, Err: ErrClosed}).String(), "[?] the client is closed")
	equal(t, fmt.Sprintf("%+v", &Result{Code: "a\nb"}), "[0] In [*]:\na\nb")

	e := &CompositeError{}
	for i := range EngineID(6) {
		e.Errors = append(e.Errors, &RemoteError{Engine: i, Name: "E", Message: "m", Traceback: []string{fmt.Sprintf("In[%d], line 1", 3+i/5), "E: m"}})
	}
	e.Errors = append(e.Errors, ErrClosed, &RemoteError{Engine: 9, Name: "EngineError"})
	var b strings.Builder
	check(t, e.PrintTracebacks(&b))
	equal(t, b.String(), "engines 0-5:\nIn[*], line 1\nE: m\n\nthe client is closed\n\nengine 9:\nEngineError\n")
	b.Reset()
	check(t, e.Errors[0].(*RemoteError).PrintTraceback(&b))
	equal(t, b.String(), "In[3], line 1\nE: m\n")

	s := &QueueStatus{Engines: make(map[EngineID]EngineQueue), Unassigned: 2}
	for i := range EngineID(12) {
		s.Engines[i] = EngineQueue{Completed: 7}
	}
	s.Engines[3] = EngineQueue{1, 20, 300}
	equal(t, s.String(), "engine     queue  tasks  completed\n0-2, 4-11      0      0          7\n3              1     20        300\nunassigned tasks: 2")
}

func TestResultJSON(t *testing.T) {
	b, err := json.Marshal(&Result{MsgID: "m", Engine: NoEngine, Err: ErrClosed})
	check(t, err)
	equal(t, string(b), `{"msg_id":"m","submitted":null,"started":null,"completed":null,"received":null,"engine_uuid":null,"engine_id":null,`+
		`"follow":[],"after":[],"status":null,"execute_input":null,"execute_result":null,`+
		`"error":{"ename":"Error","evalue":"the client is closed","traceback":[]},"stdout":"","stderr":"","outputs":[]}`)
}
