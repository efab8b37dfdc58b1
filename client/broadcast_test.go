package client

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"muster/wire"
)

// Where an engine fails or dies, a coalescing broadcast has the values of the
// others, and each engine's own error, output and times.
func TestCoalescing(t *testing.T) {
	story(t, 4, func(t *testing.T, f *fakeCluster, c *Client) {
		v := c.Broadcast(All).With(Coalescing())
		f.holding()
		whoami, printed := v.ApplyAsync(Ref("whoami")), v.ExecuteAsync("print I am ID")
		synctest.Wait()
		f.kill(2)
		synctest.Wait()
		if whoami.Progress() != 1 {
			t.Errorf("%d of 4 are done, of which one has died", whoami.Progress())
		}
		f.release()
		values, err := whoami.Get(t.Context())
		equal(t, values, []any{0, 1, nil, 3})
		var remote *RemoteError
		if !errors.As(err, &remote) || remote.Name != "EngineError" || remote.Engine != 2 {
			t.Errorf("error is %v", err)
		}
		_, err = printed.Get(t.Context())
		if !errors.As(err, &remote) {
			t.Errorf("error is %v", err)
		}
		for i, r := range printed.Metadata() {
			switch {
			case i == 2 && r.Status == "error":
			case r.Status != "ok" || r.Stdout != "I am "+string(rune('0'+i))+"\n" || r.Started.IsZero() || r.Completed.IsZero() || r.ExecutionCount != 2:
				t.Errorf("result %d: %+v", i, r)
			}
		}

		check(t, c.Direct(Engines(0, 3)).Push(t.Context(), map[string]any{"k": 5}))
		pulled, err := v.Pull(t.Context(), "k")
		if !errors.As(err, &remote) || remote.Engine != 1 || remote.Name != "NameError" {
			t.Errorf("error is %v", err)
		}
		equal(t, pulled, []map[string]any{{"k": 5}, nil, {"k": 5}})
	})
}

// A controller like Python's tells less of a coalescing broadcast: an error is
// that of all, and where an engine dies nobody is left waiting.
func TestCoalescingForPython(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeCluster, c *Client) {
		f.mu.Lock()
		f.python, f.counts = true, false
		f.mu.Unlock()
		check(t, c.queryEngines(t.Context()))
		v := c.Broadcast(All).With(Coalescing())
		values, err := v.Apply(t.Context(), Ref("whoami"))
		check(t, err)
		equal(t, values, []any{0, 1, 2})
		rs, err := v.Execute(t.Context(), "print ID")
		check(t, err)
		equal(t, []string{rs[0].Stdout, rs[1].Stdout, rs[2].Stdout}, []string{"0\n", "1\n", "2\n"})
		big := make([]float64, 1000)
		big[7] = 7
		check(t, v.Push(t.Context(), map[string]any{"x": big}))
		xs, err := Get[[]float64](t.Context(), v, "x")
		check(t, err)
		equal(t, []float64{xs[0][7], xs[1][7], xs[2][7]}, []float64{7, 7, 7})

		_, err = v.Apply(t.Context(), Ref("nonsense"))
		var all *CompositeError
		if !errors.As(err, &all) || len(all.Errors) != 3 || !strings.Contains(err.Error(), "NameError") {
			t.Errorf("error is %v", err)
		}
		f.holding()
		ar := v.ApplyAsync(Ref("whoami"))
		synctest.Wait()
		f.kill(1)
		synctest.Wait()
		if _, err := ar.Get(t.Context()); !errors.As(err, &all) || len(all.Errors) != 3 || !strings.Contains(err.Error(), "engine 1 died") {
			t.Errorf("error is %v", err)
		}
	})
}

// A big value, or a call of many engines, is one message to a controller that
// keeps records, and as many as engines to another.
func TestBroadcastByItself(t *testing.T) {
	for _, python := range []bool{false, true} {
		story(t, broadcastEngines, func(t *testing.T, f *fakeCluster, c *Client) {
			f.mu.Lock()
			f.python = python
			f.mu.Unlock()
			check(t, c.queryEngines(t.Context()))
			few := c.Direct(Slice("2:"))
			for _, test := range []struct {
				name string
				call func() *AsyncResult
				one  bool
			}{
				{"all", func() *AsyncResult { return c.Direct(All).ApplyAsync(Ref("whoami")) }, true},
				{"few", func() *AsyncResult { return few.ApplyAsync(Ref("whoami")) }, false},
				{"big to few", func() *AsyncResult { return few.PushAsync(map[string]any{"x": make([]byte, broadcastBytes)}) }, true},
				{"big to one", func() *AsyncResult {
					return few.On(Engines(1)).PushAsync(map[string]any{"x": make([]byte, broadcastBytes)})
				}, false},
			} {
				f.mu.Lock()
				f.seen = nil
				f.mu.Unlock()
				ar := test.call()
				_, err := ar.Get(t.Context())
				check(t, err)
				want := ar.Len()
				if test.one && !python {
					want = 1
				}
				f.mu.Lock()
				if n := len(f.seen); n != want {
					t.Errorf("%s, Python %v: %d messages, want %d", test.name, python, n, want)
				}
				f.mu.Unlock()
			}
		})
	}
}

// driveBroadcast is tried with Python engines, under Python's controller and
// under ours, which tells more.
func driveBroadcast(t *testing.T, ctx context.Context, c *Client) {
	c.mu.Lock()
	ours := c.recorded
	c.mu.Unlock()
	for _, v := range []*BroadcastView{c.Broadcast(All), c.Broadcast(All).With(Coalescing())} {
		coalescing := v.direct.settings.route == coalesce
		big := make([]float64, 20000)
		big[19999] = 0.5
		check(t, v.Push(ctx, map[string]any{"big": big, "k": 3}))
		rs, err := v.Execute(ctx, "import sys\nprint('hello')\nprint('oops', file=sys.stderr)\nk + big[-1]")
		check(t, err)
		for i, r := range rs {
			equal(t, []string{r.Stdout, r.Stderr, r.Text()}, []string{"hello\n", "oops\n", "3.5"})
			if r.Engine != EngineID(i) || r.Started.IsZero() || r.ExecutionCount == 0 {
				t.Errorf("result %d: %+v", i, r)
			}
		}
		got, err := Get[[]float64](ctx, v, "big")
		check(t, err)
		equal(t, got, [][]float64{big, big})
		values, err := Call[int](ctx, v, Ref("lambda x: x * k"), 5)
		check(t, err)
		equal(t, values, []int{15, 15})

		check(t, c.Direct(Engines(0)).Push(ctx, map[string]any{"own": 1}))
		pulled, err := v.Pull(ctx, "own")
		if err == nil || !strings.Contains(err.Error(), "own") && ours {
			t.Errorf("error is %v", err)
		}
		if ours || !coalescing {
			equal(t, pulled, []map[string]any{{"own": 1}, nil})
		}
		_, err = c.Direct(Engines(0)).Execute(ctx, "del own")
		check(t, err)
	}
}

// FuzzCoalesced: whatever a coalesced reply says, each engine's task is settled,
// once, and with its own buffers or none.
func FuzzCoalesced(f *testing.F) {
	f.Add(`{"original_msg_id":"ID","broadcast_targets":[["a",0],["b",1]],"broadcast_replies":[{"header":{},"metadata":{},"content":{"status":"ok"},"buffers":1},{"header":{},"metadata":{},"content":{},"buffers":1}]}`, `{}`, 2)
	f.Add(`{"original_msg_id":"ID","broadcast_targets":[["a",0],["b",1]],"outputs":3}`, `{"status":"ok"}`, 2)
	f.Add(`{"original_msg_id":"ID","broadcast_targets":[["a"]],"broadcast_replies":[{"buffers":-1}]}`, `{}`, 0)
	f.Add(`{"original_msg_id":"ID","broadcast_targets":3}`, `{}`, 1)
	value, err := codec.Serialize(7)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, metadata, content string, n int) {
		c := newClient(testKey, nil)
		ar := &AsyncResult{client: c, done: make(chan struct{}), left: 2, tasks: make([]task, 2), decode: applied}
		var tasks []*task
		for i, uuid := range []wire.EngineUUID{"a", "b"} {
			task := &ar.tasks[i]
			task.result, task.place, task.id, task.uuid, task.engine = ar, i, wire.MsgID("ID_"+uuid), uuid, EngineID(i)
			c.pending[task.id] = task
			tasks = append(tasks, task)
		}
		c.wholes["ID"] = tasks
		m := &wire.Message{Parent: wire.Header{MsgID: "ID_b"}, Metadata: []byte(metadata), Content: []byte(content)}
		for range min(max(n, 0), 4) {
			m.Buffers = append(m.Buffers, value...)
		}
		c.repliedAll(m)
		if c.wholes["ID"] != nil {
			return // it was not for us
		}
		for _, task := range tasks {
			if !task.ended && (task.reply == nil || c.pending[task.id] != task) {
				t.Fatalf("engine %s: neither settled nor waiting for output", task.uuid)
			}
			if task.reply == nil && task.err == nil {
				t.Fatalf("engine %s: settled with nothing", task.uuid)
			}
		}
		c.stop(ErrClosed)
		ar.Get(t.Context())
	})
}

func TestBroadcastMetadata(t *testing.T) {
	engines := []*engine{newEngine(0, "a"), newEngine(3, `b"`)}
	for _, metadata := range []json.RawMessage{nil, json.RawMessage("{}"), countOutputs} {
		var got struct {
			Count   bool          `json:"count_outputs"`
			Targets []wire.Target `json:"targets"`
			Is      bool          `json:"is_broadcast"`
			One     bool          `json:"is_coalescing"`
		}
		check(t, json.Unmarshal(broadcastMetadata(metadata, engines, true), &got))
		if got.Count != (len(metadata) > 2) || !got.Is || !got.One || !slices.Equal(got.Targets, []wire.Target{{UUID: "a", ID: 0}, {UUID: `b"`, ID: 3}}) {
			t.Errorf("%s became %+v", metadata, got)
		}
	}
}
