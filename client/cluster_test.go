package client

// A cluster of one process over an in-memory network: a hub and engines that
// know just enough of the protocol to answer this client.

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"muster/controller/scheduler"
	"muster/numeric"
	"muster/transport"
	"muster/wire"
	"muster/wire/pickle"
)

const testKey = "a key for tests"

// fakeCluster plays the controller and its engines. Replies are made in the
// goroutine that received the request, so a story has one order.
type fakeCluster struct {
	t       *testing.T
	network *transport.Memory
	session *wire.Session
	file    string
	conn    wire.ClientConnection

	query, control, mux, task, broadcast, iopub, notification transport.Socket
	receivers                                                 sync.WaitGroup

	mu      sync.Mutex // guards what follows
	engines map[EngineID]*fakeEngine
	next    EngineID
	held    []*heldTask // requests that wait for release
	hold    bool
	aborted map[wire.MsgID]bool
	// interrupted are the requests that a signal or an abort ended.
	interrupted map[wire.MsgID]bool
	seen        []string // requests of engines and hub, by type
	counts      bool     // engines put the number of outputs into replies
	loses       bool     // engines neither count nor end their output
	mute        bool     // the hub does not answer
	deafControl bool     // engines do not hear what comes by the control channel
	deaf        bool     // engines do not abort
	tasks       int
	// post, where it is set, takes the work that is sent to engines.
	post   func(s transport.Socket, e *fakeEngine, route [][]byte, m *wire.Message)
	python bool // the controller does with broadcasts as Python's does, and no more
	caster *scheduler.Broadcast
	// instance, restores and remembers are what the controller says of itself.
	instance            string
	restores, remembers bool
}

type fakeEngine struct {
	id    EngineID
	uuid  wire.EngineUUID
	vars  map[string]any
	runs  int
	shown int // outputs of what it has begun
}

func newFakeCluster(t *testing.T, engines int) *fakeCluster {
	f := &fakeCluster{
		t: t, network: new(transport.Memory), session: wire.NewSession(testKey, ""),
		engines: make(map[EngineID]*fakeEngine), aborted: make(map[wire.MsgID]bool),
		interrupted: make(map[wire.MsgID]bool), counts: true,
	}
	f.conn.Interface, f.conn.Key, f.conn.SignatureScheme = "tcp://127.0.0.1", testKey, wire.SignatureScheme
	f.conn.Pack, f.conn.Unpack = "json", "json"
	f.file = filepath.Join(t.TempDir(), "ipcontroller-client.json")
	f.open()
	for range engines {
		f.join()
	}
	return f
}

// open begins to serve, at the ports that the cluster had before if it had any.
func (f *fakeCluster) open() {
	listen := func(kind transport.Kind, s *transport.Socket, port *int) {
		var err error
		if *s, err = f.network.Listen(kind, f.conn.URL(*port), transport.Options{}); err != nil {
			f.t.Fatal(err)
		}
		fmt.Sscanf((*s).Addr(), "tcp://127.0.0.1:%d", port)
	}
	listen(transport.Router, &f.query, &f.conn.Registration)
	listen(transport.Router, &f.control, &f.conn.Control)
	listen(transport.Router, &f.mux, &f.conn.Mux)
	listen(transport.Router, &f.task, &f.conn.Task)
	listen(transport.Router, &f.broadcast, &f.conn.Broadcast)
	listen(transport.Pub, &f.iopub, &f.conn.IOPub)
	listen(transport.Pub, &f.notification, &f.conn.Notification)
	if err := wire.WriteConnection(f.file, &f.conn); err != nil {
		f.t.Fatal(err)
	}
	f.caster = scheduler.NewBroadcast(f.message)
	for _, id := range slices.Sorted(maps.Keys(f.engines)) {
		f.caster.Step(scheduler.EngineUp{ID: id, UUID: f.engines[id].uuid})
	}
	f.serve(f.query, f.answerHub)
	f.serve(f.mux, f.answerDirect)
	f.serve(f.control, f.answerDirect)
	f.serve(f.task, f.answerTask)
	f.serve(f.broadcast, f.answerBroadcast)
}

// close ends the cluster, and with it its goroutines.
func (f *fakeCluster) close() {
	for _, s := range []transport.Socket{f.query, f.control, f.mux, f.task, f.broadcast, f.iopub, f.notification} {
		s.Close()
	}
	f.receivers.Wait()
}

func (f *fakeCluster) serve(s transport.Socket, answer func(s transport.Socket, client []byte, m *wire.Message)) {
	f.receivers.Go(func() {
		for {
			frames, err := s.Recv()
			if err != nil {
				return
			}
			m, err := f.session.Inspect(frames)
			if err != nil {
				continue // as a controller does with another key's messages
			}
			f.mu.Lock()
			f.seen = append(f.seen, m.Header.MsgType)
			answer(s, m.Route[0], m)
			f.mu.Unlock()
		}
	})
}

// connect returns a client of the cluster.
func (f *fakeCluster) connect() *Client {
	f.t.Helper()
	c, err := Connect(f.t.Context(), WithFile(f.file), WithNetwork(f.network))
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func (f *fakeCluster) notify(msgType string, content any) {
	_, frames, err := f.session.Frames(msgType, nil, nil, content)
	if err != nil {
		f.t.Error(err)
	}
	f.notification.Send(frames)
}

// join registers an engine.
func (f *fakeCluster) join() EngineID {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := &fakeEngine{id: f.next, uuid: wire.EngineUUID(wire.NewSessionID()), vars: make(map[string]any)}
	f.engines[e.id] = e
	f.next++
	f.caster.Step(scheduler.EngineUp{ID: e.id, UUID: e.uuid})
	f.notify(wire.RegistrationNotification, wire.EngineNotice{ID: e.id, UUID: e.uuid})
	return e.id
}

// kill unregisters an engine. What was held for it is never released.
func (f *fakeCluster) kill(id EngineID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.engines[id]
	delete(f.engines, id)
	if !f.python {
		f.cast(f.caster.Step(scheduler.EngineDown{UUID: e.uuid, Cause: "killed"}))
	}
	f.notify(wire.UnregistrationNotification, wire.EngineNotice{ID: e.id, UUID: e.uuid})
}

// holding keeps engines from answering until release.
func (f *fakeCluster) holding() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hold = true
}

func (f *fakeCluster) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hold = false
	for _, h := range f.held {
		f.run(h)
	}
	f.held = nil
}

// A heldTask is a request that an engine has and has not answered.
type heldTask struct {
	socket transport.Socket
	engine *fakeEngine
	route  [][]byte
	m      *wire.Message
	begun  bool
}

// begin has an engine begin the first request that it holds, and print a text.
func (f *fakeCluster) begin(id EngineID, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.held {
		if h.engine.id != id {
			continue
		}
		if !h.begun && !f.counts {
			f.publish(h.engine, h.m, "status", map[string]any{"execution_state": "busy"})
		}
		h.begun = true
		if text != "" {
			f.publish(h.engine, h.m, "stream", map[string]any{"name": "stdout", "text": text})
			h.engine.shown++
		}
		return
	}
	f.t.Errorf("engine %d holds nothing", id)
}

// end ends what engines hold and a test selects. The caller holds mu.
func (f *fakeCluster) end(which func(*heldTask) bool) {
	f.held = slices.DeleteFunc(f.held, func(h *heldTask) bool {
		if !which(h) {
			return false
		}
		f.run(h)
		return true
	})
}

// abort does what Go's engines do at once, and Python's when the turn comes.
func (f *fakeCluster) abort(ids []wire.MsgID, running bool) {
	if f.deaf {
		return
	}
	for _, id := range ids {
		f.aborted[id] = true
	}
	if f.counts {
		f.end(func(h *heldTask) bool {
			id := h.m.Header.MsgID
			f.interrupted[id] = h.begun && running && f.aborted[id]
			return f.aborted[id] && (!h.begun || running)
		})
	}
}

// releaseSome lets some engines answer, in any order, and now and then twice.
func (f *fakeCluster) releaseSome(rng *rand.Rand) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rng.Shuffle(len(f.held), func(i, j int) { f.held[i], f.held[j] = f.held[j], f.held[i] })
	n := rng.IntN(len(f.held) + 1)
	for _, h := range f.held[:n] {
		f.run(h)
		if rng.IntN(8) == 0 {
			f.run(h)
		}
	}
	f.held = f.held[n:]
}

func (f *fakeCluster) reply(s transport.Socket, route [][]byte, m *wire.Message, metadata, content any, buffers ...[]byte) {
	replyType := strings.TrimSuffix(m.Header.MsgType, "_request") + "_reply"
	_, frames, err := f.session.Frames(replyType, m.RawHeader, metadata, content, buffers...)
	if err != nil {
		f.t.Error(err)
	}
	s.Send(append(route, frames...))
}

func (f *fakeCluster) publish(e *fakeEngine, m *wire.Message, msgType string, content any) {
	_, frames, err := f.session.Frames(msgType, m.RawHeader, nil, content)
	if err != nil {
		f.t.Error(err)
	}
	f.iopub.Send(append([][]byte{fmt.Appendf(nil, "engine.%d.%s", e.id, msgType)}, frames...))
}

func (f *fakeCluster) answerHub(s transport.Socket, client []byte, m *wire.Message) {
	if f.mute {
		return
	}
	content := map[string]any{"status": "ok"}
	switch m.Header.MsgType {
	case wire.ConnectionRequest:
		ids := make(map[string]wire.EngineUUID)
		for id, e := range f.engines {
			ids[fmt.Sprint(id)] = e.uuid
		}
		content["engines"] = ids
		content[wire.BroadcastRecords] = !f.python
		content["instance"], content["restores"], content["remembers"] = f.instance, f.restores, f.remembers
	case "queue_request":
		var q struct{ Targets []EngineID }
		json.Unmarshal(m.Content, &q)
		for _, id := range q.Targets {
			content[fmt.Sprint(id)] = map[string]int{"queue": len(f.held), "tasks": 0, "completed": f.engines[id].runs}
		}
		content["unassigned"] = 2
	case wire.ShutdownRequest:
		f.notify(wire.ShutdownNotification, content)
	default:
		f.reply(s, [][]byte{client}, m, nil, wire.Failure("KeyError", "no such request"))
		return
	}
	f.reply(s, [][]byte{client}, m, nil, content)
}

func (f *fakeCluster) answerDirect(s transport.Socket, client []byte, m *wire.Message) {
	if f.deafControl && s == f.control {
		return
	}
	for _, e := range f.engines {
		if string(e.uuid) == string(m.Route[1]) {
			f.answer(s, e, [][]byte{client, m.Route[1]}, m)
			return
		}
	}
	f.reply(s, [][]byte{client, m.Route[1]}, m, nil, wire.Failure(engineError, "the engine is gone"))
}

// answerBroadcast does what a controller does, by its machine.
func (f *fakeCluster) answerBroadcast(s transport.Socket, client []byte, m *wire.Message) {
	if f.python {
		var metadata map[string]json.RawMessage
		json.Unmarshal(m.Metadata, &metadata)
		delete(metadata, wire.BroadcastReplies)
		m.Metadata, _ = json.Marshal(metadata)
	}
	f.cast(f.caster.Step(scheduler.Request{Message: m}))
}

// cast carries out what the machine says.
func (f *fakeCluster) cast(actions []scheduler.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case scheduler.Relay:
			f.broadcast.Send(a.Frames)
		case scheduler.Answer:
			m := f.message(a)
			m.Route = [][]byte{a.Client}
			f.broadcast.Send(f.session.Encode(m))
		case scheduler.Sign:
			if a.To == scheduler.ToClient {
				f.broadcast.Send(f.session.Encode(a.Message))
				continue
			}
			for _, e := range f.engines {
				if string(e.uuid) == string(a.Message.Route[0]) {
					f.answer(caster{f.broadcast, f}, e, a.Message.Route, a.Message)
				}
			}
		}
	}
}

// caster is the socket by which engines answer a broadcast.
type caster struct {
	transport.Socket
	f *fakeCluster
}

func (c caster) Send(frames [][]byte) error {
	m, err := c.f.session.Inspect(frames)
	if err == nil {
		c.f.cast(c.f.caster.Step(scheduler.Reply{Frames: frames, Message: m}))
	}
	return err
}

// message makes the message of a controller's answer.
func (f *fakeCluster) message(a scheduler.Answer) *wire.Message {
	_, frames, err := f.session.Frames(a.Type, a.Parent, a.Metadata, a.Content)
	if err != nil {
		f.t.Error(err)
	}
	m, err := f.session.Inspect(frames)
	if err != nil {
		f.t.Error(err)
	}
	return m
}

// answerTask gives the tasks to the engines in turn, by id.
func (f *fakeCluster) answerTask(s transport.Socket, client []byte, m *wire.Message) {
	ids := slices.Sorted(maps.Keys(f.engines))
	e := f.engines[ids[f.tasks%len(ids)]]
	f.tasks++
	f.answer(s, e, [][]byte{client, []byte(e.uuid)}, m)
}

func (f *fakeCluster) answer(s transport.Socket, e *fakeEngine, route [][]byte, m *wire.Message) {
	switch m.Header.MsgType {
	case wire.ExecuteRequest, wire.ApplyRequest:
		if f.post != nil {
			f.post(s, e, route, m)
			return
		}
		h := &heldTask{socket: s, engine: e, route: route, m: m}
		if f.hold {
			f.held = append(f.held, h)
		} else {
			f.run(h)
		}
		return
	case wire.AbortRequest:
		var a struct {
			IDs     []wire.MsgID `json:"msg_ids"`
			Running bool         `json:"running"`
		}
		json.Unmarshal(m.Content, &a)
		f.abort(a.IDs, a.Running)
	case wire.SignalRequest:
		f.end(func(h *heldTask) bool {
			f.interrupted[h.m.Header.MsgID] = h.begun && h.engine == e
			return h.begun && h.engine == e
		})
	case wire.ClearRequest:
		clear(e.vars)
	}
	f.reply(s, route, m, nil, map[string]any{"status": "ok"})
}

// run does what an engine does with work: output first, then the reply, then
// the status that ends the output where outputs are not counted.
func (f *fakeCluster) run(h *heldTask) {
	s, e, route, m := h.socket, h.engine, h.route, h.m
	metadata := map[string]any{"started": wire.Now(), "engine": e.uuid, "status": "ok"}
	if f.aborted[m.Header.MsgID] && !h.begun {
		metadata["status"] = "aborted"
		f.reply(s, route, m, metadata, map[string]any{"status": "aborted"})
		return
	}
	e.runs++
	outputs := 0
	if h.begun {
		outputs, e.shown = e.shown, 0
	}
	show := func(msgType string, content map[string]any) {
		f.publish(e, m, msgType, content)
		outputs++
	}
	content := map[string]any{"status": "ok", "execution_count": e.runs}
	var buffers [][]byte
	var err error
	if f.interrupted[m.Header.MsgID] {
		err = errors.New("KeyboardInterrupt: interrupted")
	} else if m.Header.MsgType == wire.ExecuteRequest {
		var x wire.Execute
		json.Unmarshal(m.Content, &x)
		err = e.execute(x.Code, show)
	} else {
		var v any
		if v, err = e.call(m.Buffers); err == nil {
			buffers, err = codec.Serialize(v)
		}
	}
	if err != nil {
		name, message, _ := strings.Cut(err.Error(), ": ")
		r := wire.Failure(name, message)
		r.Traceback = []string{"cell 1, line 1"}
		metadata["status"] = "error"
		show("error", map[string]any{"ename": name, "evalue": message})
		if f.counts {
			metadata[wire.Outputs] = outputs
		}
		f.reply(s, route, m, metadata, r)
	} else {
		if f.counts {
			metadata[wire.Outputs] = outputs
		}
		f.reply(s, route, m, metadata, content, buffers...)
	}
	if !f.counts && !f.loses {
		f.publish(e, m, "status", map[string]any{"execution_state": "idle"})
	}
}

// execute runs a line of the fake engines' language: "print x", "warn x",
// "show x" and "fail x".
func (e *fakeEngine) execute(code string, show func(string, map[string]any)) error {
	verb, rest, _ := strings.Cut(code, " ")
	rest = strings.ReplaceAll(rest, "ID", fmt.Sprint(e.id))
	switch verb {
	case "print":
		show("stream", map[string]any{"name": "stdout", "text": rest + "\n"})
	case "warn":
		show("stream", map[string]any{"name": "stderr", "text": rest + "\n"})
	case "flood":
		for range 100 {
			show("stream", map[string]any{"name": "stdout", "text": strings.Repeat(rest, MaxOutput/10)})
		}
	case "display":
		show("display_data", map[string]any{"data": map[string]any{"text/plain": rest, "image/png": "iVBO"}, "metadata": map[string]any{"width": 3}})
	case "show":
		show("execute_result", map[string]any{"execution_count": e.runs, "data": map[string]any{"text/plain": rest}})
	case "fail":
		return errors.New(rest)
	}
	return nil
}

// call calls a function: those of wire, and add, double, whoami and fail.
func (e *fakeEngine) call(buffers [][]byte) (any, error) {
	call, err := codec.DeserializeCall(buffers)
	if err != nil {
		return nil, err
	}
	for i, a := range call.Args {
		if r, ok := a.(pickle.Reference); ok && r.Name != "double" {
			call.Args[i] = e.vars[r.Name]
		}
	}
	fn := call.Func.(pickle.Reference).Name
	switch fn {
	case wire.PushFunction:
		maps.Copy(e.vars, call.Kwargs)
		return nil, nil
	case wire.PullFunction:
		var out []any
		for _, name := range call.Args[0].([]any) {
			v, ok := e.vars[name.(string)]
			if !ok {
				return nil, fmt.Errorf("NameError: name '%s' is not defined", name)
			}
			out = append(out, v)
		}
		return out, nil
	case wire.MapFunction:
		items, err := numeric.To[[]float64](call.Args[1])
		if err != nil {
			return nil, err
		}
		out := make([]any, len(items))
		for i, x := range items {
			if x < 0 {
				return nil, errors.New("ValueError: negative")
			}
			out[i] = 2 * x
		}
		return out, nil
	case "add":
		sum := 0.0
		for _, a := range slices.Concat(call.Args, slices.Collect(maps.Values(call.Kwargs))) {
			x, err := numeric.To[float64](a)
			if err != nil {
				return nil, err
			}
			sum += x
		}
		return sum, nil
	case "double":
		x, err := numeric.To[float64](call.Args[0])
		return 2 * x, err
	case "first":
		x, err := numeric.To[[]float64](call.Args[0])
		return x[0], err
	case "whoami":
		return int(e.id), nil
	}
	return nil, fmt.Errorf("NameError: name '%s' is not defined", fn)
}
