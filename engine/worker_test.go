package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"muster/transport"
	"muster/wire"
)

func newEngine(t *testing.T, cfg Config) *engineRun {
	t.Helper()
	return newController(t, new(transport.Memory)).start(cfg)
}

// waiting starts a call that lasts until it is interrupted, and returns when it runs.
func (r *engineRun) waiting() wire.MsgID {
	r.c.tb.Helper()
	id := r.execute("fmt.Println(`on`)\nselect {}")
	for {
		if ev := r.c.next("iopub"); ev.Header.MsgType == "stream" && ev.Parent.MsgID == id {
			return id
		}
	}
}

// interrupted checks that a request was.
func (r *engineRun) interrupted(id wire.MsgID) {
	r.c.tb.Helper()
	if _, c := r.reply(id); c.Ename != KeyboardInterrupt {
		r.c.tb.Errorf("interrupted code ends with %+v", c)
	}
}

func (r *engineRun) interrupt() {
	r.c.tb.Helper()
	r.reply(r.request("signal_request", map[string]any{"sig": "SIGINT"}))
}

func TestInterruptInterpreted(t *testing.T) {
	r := newEngine(t, Config{})
	r.reply(r.execute("x := 1\nfunc id(n int) int { return n }"))
	for _, code := range []string{
		"fmt.Println(1)\nfor {}",
		"fmt.Println(1)\nfor { x++ }",
		"fmt.Println(1)\nselect {}",
		"fmt.Println(1)\n<-make(chan int)",
		"fmt.Println(1)\ntime.Sleep(time.Hour)",
	} {
		id := r.execute(code)
		for r.c.next("iopub").Header.MsgType != "stream" {
		}
		r.interrupt()
		r.interrupted(id)
	}
	// The namespace is as it was.
	if v := r.value(r.apply("id", 3)); v != 3 {
		t.Errorf("id(3) is %v afterwards", v)
	}
}

// A compiled function sees its context end.
func TestInterruptCompiled(t *testing.T) {
	r := newEngine(t, Config{})
	restore, err := r.capture()
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	id := r.apply("test.Wait")
	for r.c.next("iopub").Header.MsgType != "stream" { // it has begun
	}
	if !r.Interrupt() {
		t.Error("nothing to interrupt")
	}
	r.interrupted(id)
	if r.Interrupt() {
		t.Error("something to interrupt afterwards")
	}
}

func TestAbort(t *testing.T) {
	r := newEngine(t, Config{})
	aborted := func(ids ...wire.MsgID) {
		t.Helper()
		for _, id := range ids {
			ev, c := r.reply(id)
			if c.Status != wire.StatusAborted || !strings.Contains(string(ev.Metadata), `"status":"aborted"`) {
				t.Errorf("%s: %s, metadata %s", id, ev.Content, ev.Metadata)
			}
		}
	}
	running := r.waiting()
	a, b, c := r.apply("test.Nop"), r.execute("a := 1"), r.apply("test.Nop")
	r.settle()
	abort := r.request("abort_request", map[string]any{"msg_ids": []wire.MsgID{b, running, "later"}})
	aborted(b)
	r.reply(abort)

	// One that comes after it was aborted.
	later := r.broadcast("later")
	r.settle()
	aborted(later)

	// All the others, but not the one that runs.
	abort = r.request("abort_request", map[string]any{"msg_ids": nil})
	aborted(a, c)
	r.reply(abort)
	r.interrupt()
	r.interrupted(running)
	if v := r.value(r.apply("fmt.Sprint", "on")); v != "on" {
		t.Errorf("afterwards: %v", v)
	}
}

// With "running", abort also interrupts the request that runs, interpreted or
// compiled, and says which it was.
func TestAbortRunning(t *testing.T) {
	r := newEngine(t, Config{})
	restore, err := r.capture()
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	cancel := func(ids any, want string) {
		t.Helper()
		ev, _ := r.reply(r.request("abort_request", map[string]any{"msg_ids": ids, "running": true}))
		if string(ev.Content) != want {
			t.Errorf("reply %s, want %s", ev.Content, want)
		}
	}
	interrupted := func(id wire.MsgID) string {
		return fmt.Sprintf(`{"status":"ok","interrupted":["%s"]}`, id)
	}
	running := r.waiting()
	queued := r.apply("test.Nop")
	r.settle()
	cancel([]wire.MsgID{queued}, `{"status":"ok"}`)
	cancel([]wire.MsgID{"never sent", running}, interrupted(running))
	r.interrupted(running)
	if _, c := r.reply(queued); c.Status != wire.StatusAborted {
		t.Errorf("queued: %+v", c)
	}
	running = r.apply("test.Wait")
	for r.c.next("iopub").Header.MsgType != "stream" { // it has begun
	}
	cancel(nil, interrupted(running))
	r.interrupted(running)
	cancel(nil, `{"status":"ok"}`) // nothing runs
}

// What is remembered of ids that never come is bounded, and the last are kept.
func TestAbortForeseen(t *testing.T) {
	q := newQueue()
	come := func(id int) bool {
		return q.put(&request{Message: &wire.Message{Header: wire.Header{MsgID: wire.MsgID(fmt.Sprint(id))}}}) == queued
	}
	for id := range 3 * maxForeseen {
		q.abort([]wire.MsgID{wire.MsgID(fmt.Sprint(id))}, false)
	}
	if len(q.foreseen) != maxForeseen || len(q.order) != maxForeseen {
		t.Errorf("%d ids remembered, %d in order, want %d", len(q.foreseen), len(q.order), maxForeseen)
	}
	if last := 3*maxForeseen - 1; come(last) || !come(last) || !come(0) {
		t.Error("the last id is not refused, or refused twice, or the first is still remembered")
	}
}

// settle returns when the engine has received what was sent to it on the
// channels of its shell: kernel_info is answered on each at once.
func (r *engineRun) settle() {
	r.c.tb.Helper()
	for _, ch := range []string{"mux", "task", "broadcast1"} {
		id := r.c.send(ch, []byte(r.uuid), "kernel_info_request", nil, nil)
		r.reply(id)
	}
}

// broadcast sends one copy of a broadcast that its client knows by an id.
func (r *engineRun) broadcast(original string) wire.MsgID {
	return r.c.send("broadcast1", []byte(r.uuid), wire.ExecuteRequest,
		map[string]any{"is_broadcast": true, "is_coalescing": true, "original_msg_id": original, "label": map[string]int{"k": 1}},
		map[string]any{"code": "", "silent": true})
}

// The reply to a broadcast repeats its marks and its route.
func TestBroadcast(t *testing.T) {
	r := newEngine(t, Config{})
	_, frames, err := r.c.session.Frames(wire.ExecuteRequest, nil,
		map[string]any{"is_broadcast": true, "is_coalescing": true, "original_msg_id": "first", "label": "mine"},
		map[string]any{"code": "1", "silent": true})
	if err != nil {
		t.Fatal(err)
	}
	route := [][]byte{[]byte(r.uuid), []byte("root"), []byte("leaf"), []byte("a client")}
	r.c.sockets["broadcast1"].Send(append(route, frames...))
	ev := r.c.next("broadcast1")
	for i := range route {
		if string(ev.Route[i]) != string(route[i]) {
			t.Errorf("route %q, want %q", ev.Route, route)
		}
	}
	var md map[string]any
	if err := json.Unmarshal(ev.Metadata, &md); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"is_broadcast": true, "is_coalescing": true, "original_msg_id": "first", "label": "mine",
		"status": "ok", "dependencies_met": true, "engine": r.uuid, wire.Outputs: 0.0,
	} {
		if md[key] != want {
			t.Errorf("metadata %s is %v, want %v", key, md[key], want)
		}
	}
	var started wire.Time
	if b, _ := json.Marshal(md["started"]); json.Unmarshal(b, &started) != nil || started.IsZero() {
		t.Errorf("started %v", md["started"])
	}
}

// After an error the client's queued cells are aborted, as Jupyter has it;
// calls and the cells of other clients are not.
func TestStopOnError(t *testing.T) {
	r := newEngine(t, Config{})
	first := r.waiting()
	cell, call := r.execute("a := 1"), r.apply("test.Nop")
	mine := r.c.session
	r.c.session = wire.NewSession(testKey, "")
	other := r.execute("b := 1")
	r.c.session = mine
	r.settle()
	r.interrupt()
	if _, c := r.reply(cell); c.Status != wire.StatusAborted {
		t.Errorf("queued cell: %+v", c)
	}
	r.interrupted(first)
	r.value(call)
	if _, c := r.reply(other); c.Status != wire.StatusOK {
		t.Errorf("other client's cell: %+v", c)
	}
}

// A function that ends its goroutine takes only its own request with it.
func TestGoexit(t *testing.T) {
	r := newEngine(t, Config{})
	if _, c := r.reply(r.apply("test.Goexit")); c.Ename != SystemExit {
		t.Errorf("Goexit: %+v", c)
	}
	r.value(r.apply("test.Nop"))
}

// User code that panics while its result is sent does not take the worker down.
func TestPanicInResult(t *testing.T) {
	r := newEngine(t, Config{})
	_, c := r.reply(r.apply("test.Matrix"))
	if c.Ename != PanicError || c.Evalue != "not done yet" {
		t.Errorf("%s: %s", c.Ename, c.Evalue)
	}
	if tb := strings.Join(c.Traceback, "\n"); !strings.Contains(tb, "functions_test.go") || !strings.Contains(tb, "unfinished.At") {
		t.Errorf("traceback\n%s", tb)
	}
	r.value(r.apply("test.Nop"))
}

// Interpreted os.Exit is an error; the engine stays.
func TestExitInterpreted(t *testing.T) {
	r := newEngine(t, Config{})
	if _, c := r.reply(r.execute("os.Exit(1)")); c.Ename != SystemExit {
		t.Errorf("os.Exit: %+v", c)
	}
	r.value(r.apply("test.Nop"))
}

// The namespace is cleared between two requests, not during one.
func TestClearWaits(t *testing.T) {
	r := newEngine(t, Config{})
	r.reply(r.execute("x := 1"))
	running := r.waiting()
	next := r.apply(wire.PullFunction, []any{"x"})
	r.settle()
	clear := r.request("clear_request", nil)
	r.interrupt()
	r.interrupted(running)
	r.reply(clear)
	if _, c := r.reply(next); c.Ename != NameError {
		t.Errorf("x after clear: %+v", c)
	}
}

// Shutdown ends the engine at once, also while code runs and requests wait.
func TestShutdown(t *testing.T) {
	r := newEngine(t, Config{})
	r.waiting()
	r.apply("test.Nop")
	id := r.request("shutdown_request", map[string]any{"restart": false})
	ev := r.c.find(func(ev event) bool {
		return ev.Message != nil && ev.Header.MsgType == "shutdown_reply" && ev.channel == "iopub"
	})
	if ev.Header.Session != r.uuid || ev.topic != "engine.7.shutdown" {
		t.Errorf("shutdown told as %s by %s", ev.topic, ev.Header.Session)
	}
	if _, c := r.reply(id); c.Status != wire.StatusOK {
		t.Errorf("reply %+v", c)
	}
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	if ev := r.c.next("registration"); ev.Header.MsgType != wire.UnregistrationRequest {
		t.Errorf("%s in farewell", ev.Header.MsgType)
	}
}

// SIGTERM by request ends the engine as a signal would.
func TestTerminateByRequest(t *testing.T) {
	r := newEngine(t, Config{})
	r.request("signal_request", map[string]any{"sig": 15})
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

// What is no sound message is dropped, and nothing else happens.
func TestBadMessages(t *testing.T) {
	r := newEngine(t, Config{})
	forger := wire.NewSession("another key", "")
	_, forged, _ := forger.Frames(wire.ExecuteRequest, nil, nil, map[string]any{"code": "panic(1)"})
	uuid := []byte(r.uuid)
	for _, frames := range [][][]byte{
		{uuid}, {uuid, nil}, {uuid, []byte("x")}, {uuid, []byte(wire.Delimiter)},
		append([][]byte{uuid, []byte("client")}, forged...),
	} {
		for _, ch := range []string{"mux", "task", "control", "broadcast1"} {
			r.c.sockets[ch].Send(frames)
		}
	}
	r.request("comm_open", map[string]any{"comm_id": "c"})
	r.request("no_such_request", nil)
	if _, c := r.reply(r.request(wire.ExecuteRequest, map[string]any{"code": 5})); c.Ename != ValueError {
		t.Errorf("a cell that is no text: %+v", c)
	}
	if _, c := r.reply(r.request(wire.ApplyRequest, nil, []byte("no pickle"))); c.Ename != ValueError {
		t.Errorf("a call that is no pickle: %+v", c)
	}
	r.value(r.apply("test.Nop"))
}
