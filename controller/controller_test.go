package controller_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/controller"
	"muster/transport"
	"muster/wire"
)

// networks are those that each story is told on.
func networks(t *testing.T, story func(t *testing.T, network transport.Network)) {
	t.Run("memory", func(t *testing.T) { story(t, new(transport.Memory)) })
	t.Run("zmq", func(t *testing.T) { story(t, newNetwork(t)) })
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// failure reads the error in a reply.
func failure(t *testing.T, m *wire.Message) wire.Reply {
	t.Helper()
	var r wire.Reply
	if err := json.Unmarshal(m.Content, &r); err != nil {
		t.Fatal(err)
	}
	equal(t, r.Status, wire.StatusError)
	return r
}

// Requests reach engines by every channel, and replies come back.
func TestChannels(t *testing.T) {
	networks(t, func(t *testing.T, network transport.Network) {
		c := start(t, controller.Config{Network: network, Log: testLog(t)})
		e := newEngine(t, network, c)
		p := newClient(t, network, c)
		p.engines(1)
		for _, s := range []transport.Socket{e.mux, e.task, e.broadcast, e.control} {
			go e.echo(s, map[string]string{"status": "ok"})
		}
		content := map[string]string{"code": "1"}
		for name, ask := range map[string]func() (transport.Socket, wire.MsgID){
			"mux": func() (transport.Socket, wire.MsgID) {
				return p.mux, p.send(p.mux, wire.ExecuteRequest, nil, nil, content, []byte(e.uuid))
			},
			"control": func() (transport.Socket, wire.MsgID) {
				return p.control, p.send(p.control, wire.ClearRequest, nil, nil, content, []byte(e.uuid))
			},
			"task": func() (transport.Socket, wire.MsgID) {
				return p.task, p.send(p.task, wire.ApplyRequest, nil, nil, content)
			},
			"broadcast": func() (transport.Socket, wire.MsgID) {
				targets := map[string]any{"targets": []wire.Target{{UUID: e.uuid, ID: e.id}}}
				return p.broadcast, p.send(p.broadcast, wire.ApplyRequest, nil, targets, content) + "_" + wire.MsgID(e.uuid)
			},
		} {
			s, id := ask()
			m := p.recv(s)
			if m.Parent.MsgID != id || string(m.Content) != `{"code":"1"}` {
				t.Errorf("%s: the reply to %s is to %s, with %s", name, id, m.Parent.MsgID, m.Content)
			}
		}
	})
}

// Clients hear what engines publish, in order and unchanged, and the hub
// remembers it.
func TestOutput(t *testing.T) {
	networks(t, func(t *testing.T, network transport.Network) {
		c := start(t, controller.Config{Network: network, Log: testLog(t)})
		e := newEngine(t, network, c)
		p := newClient(t, network, c)
		p.engines(1)
		id := p.send(p.mux, wire.ExecuteRequest, nil, nil, nil, []byte(e.uuid))
		request := e.recv(e.mux)
		publish := func(kind string, content any) {
			e.send(e.iopub, kind, request.RawHeader, nil, content, []byte("engine.0."+kind))
		}
		// A subscription takes a moment: until then nothing is heard.
		heard, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				publish("status", map[string]string{"execution_state": "busy"})
				select {
				case <-heard:
					return
				case <-time.After(time.Millisecond):
				}
			}
		}()
		p.recv(p.iopub)
		close(heard)
		<-stopped
		for _, text := range []string{"a", "b", "c"} {
			publish("stream", map[string]string{"name": "stdout", "text": text})
		}
		var said []string
		for len(said) < 3 {
			m := p.recv(p.iopub)
			if m.Header.MsgType == "stream" {
				var content struct{ Text string }
				if err := json.Unmarshal(m.Content, &content); err != nil {
					t.Fatal(err)
				}
				equal(t, m.Parent.MsgID, id)
				said = append(said, content.Text)
			}
		}
		equal(t, strings.Join(said, ""), "abc")
		e.send(e.mux, wire.ExecuteReply, request.RawHeader, nil, nil, request.Route...)
		p.recv(p.mux)
		var reply map[string]json.RawMessage
		if err := json.Unmarshal(p.ask(wire.ResultRequest, map[string]any{"msg_ids": []wire.MsgID{id}}).Content, &reply); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(reply[string(id)], []byte(`"stdout":"abc"`)) {
			t.Errorf("the record is %s", reply[string(id)])
		}
	})
}

// An engine whose process ends is reported within a second, and its requests
// are answered before that.
func TestDeath(t *testing.T) {
	networks(t, func(t *testing.T, network transport.Network) {
		c := start(t, controller.Config{Network: network, Log: testLog(t)})
		e := newEngine(t, network, c)
		p := newClient(t, network, c)
		p.engines(1)
		direct := p.send(p.mux, wire.ExecuteRequest, nil, nil, nil, []byte(e.uuid))
		task := p.send(p.task, wire.ApplyRequest, nil, nil, nil)
		e.recv(e.mux)
		e.recv(e.task)
		begin := time.Now()
		e.kill()
		for s, id := range map[transport.Socket]wire.MsgID{p.mux: direct, p.task: task} {
			m := p.recv(s)
			equal(t, m.Parent.MsgID, id)
			r := failure(t, m)
			equal(t, r.Ename, "EngineError")
			if !strings.Contains(r.Evalue, "Engine 0 died while running task") {
				t.Error(r.Evalue)
			}
		}
		for {
			if m := p.recv(p.notices); m.Header.MsgType == wire.UnregistrationNotification {
				break
			}
		}
		t.Logf("reported after %v", time.Since(begin))
		p.engines(0)
		// From now on the controller answers for it at once.
		p.send(p.mux, wire.ExecuteRequest, nil, nil, nil, []byte(e.uuid))
		if r := failure(t, p.recv(p.mux)); !strings.Contains(r.Evalue, "no engine") {
			t.Error(r.Evalue)
		}
	})
}

// A request to an engine that has a heart, but no connection to the channel, is
// answered.
func TestUnsent(t *testing.T) {
	networks(t, func(t *testing.T, network transport.Network) {
		c := start(t, controller.Config{Network: network, Log: testLog(t)})
		e := newEngine(t, network, c)
		p := newClient(t, network, c)
		p.engines(1)
		go e.echo(e.mux, nil)
		p.send(p.mux, wire.ExecuteRequest, nil, nil, nil, []byte(e.uuid))
		p.recv(p.mux)
		e.mux.Close()
		var ids []wire.MsgID
		for { // what is sent before the controller knows is lost with the connection
			ids = append(ids, p.send(p.mux, wire.ExecuteRequest, nil, nil, nil, []byte(e.uuid)))
			// The hub may not have heard of the last one yet, which is an error.
			if status := p.ask(wire.ResultRequest, map[string]any{"msg_ids": ids, "status_only": true}); bytes.Contains(status.Content, []byte(`"completed":["`)) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		r := failure(t, p.recv(p.mux))
		if !strings.Contains(r.Evalue, "engine 0 is registered, but not connected now") {
			t.Error(r.Evalue)
		}
	})
}

// Requests to an engine whose connection is made after its heart has begun to
// beat wait for it, in their order.
func TestLate(t *testing.T) {
	networks(t, func(t *testing.T, network transport.Network) {
		c := start(t, controller.Config{Network: network, Log: testLog(t)})
		e := newEngineBehind(t, network, c)
		p := newClient(t, network, c)
		p.engines(1)
		var ids []wire.MsgID
		for range 5 {
			ids = append(ids, p.send(p.mux, wire.ExecuteRequest, nil, nil, nil, []byte(e.uuid)))
		}
		p.ask(wire.QueueRequest, map[string]any{"targets": nil})
		e.dialMux(c)
		for i := range ids {
			if m := e.recv(e.mux); m.Header.MsgID != ids[i] {
				t.Fatalf("request %d is %s, want %s", i, m.Header.MsgID, ids[i])
			}
		}
	})
}

// An engine that falls silent is dead after so many heartbeats, and not before;
// one that beats lives. Time is the bubble's.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(transport.Memory)
		c := start(t, controller.Config{Network: network, HeartPeriod: time.Second, HeartMisses: 3})
		p := newClient(t, network, c)
		silent, lively := newEngine(t, network, c), newEngine(t, network, c)
		p.engines(2)
		silent.hbPing.Close()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		p.engines(2)
		time.Sleep(3 * time.Second)
		if left := p.engines(1); left[lively.id] != lively.uuid {
			t.Fatalf("%v is left, want %s", left, lively.uuid)
		}
	})
}

// Bad input costs its sender alone.
func TestBadInput(t *testing.T) {
	network := newNetwork(t)
	c := start(t, controller.Config{Network: network})
	e := newEngine(t, network, c)
	p := newClient(t, network, c)
	p.engines(1)
	go e.echo(e.mux, nil)

	stranger := newClient(t, network, c)
	stranger.session = wire.NewSession("another key", "")
	_, unsigned, err := wire.NewSession("", "").Frames(wire.ShutdownRequest, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, short, err := p.session.Frames(wire.ApplyRequest, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []transport.Socket{stranger.query, stranger.mux, stranger.task, stranger.control, stranger.broadcast} {
		stranger.send(s, wire.ShutdownRequest, nil, nil, nil)
		stranger.send(s, wire.ApplyRequest, nil, nil, nil, []byte(e.uuid))
		for _, frames := range [][][]byte{
			unsigned, short[:4], {{}}, {[]byte(wire.Delimiter)}, {[]byte(e.uuid), bytes.Repeat([]byte("x"), 1<<16)},
		} {
			if err := s.Send(frames); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.hbPong.Send([][]byte{[]byte("nonsense")}); err != nil {
		t.Fatal(err)
	}
	e.iopub.Send([][]byte{[]byte("topic alone")})
	// A frame of two gigabytes is announced, and nothing follows.
	url := p.to.URL(p.to.Registration)
	raw, err := net.Dial("tcp", strings.TrimPrefix(url, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.Write([]byte("\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL" + strings.Repeat("\x00", 48)))
	raw.Write([]byte("\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"))
	raw.Write([]byte("\x02\x00\x00\x00\x00\x80\x00\x00\x00"))

	// A message sent twice is taken once.
	_, frames, err := p.session.Frames(wire.ApplyRequest, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.mux.Send(append([][]byte{[]byte(e.uuid)}, frames...)); err != nil {
			t.Fatal(err)
		}
	}
	p.recv(p.mux)

	// All others are served as before.
	p.engines(1)
	id := p.send(p.mux, wire.ApplyRequest, nil, nil, nil, []byte(e.uuid))
	equal(t, p.recv(p.mux).Parent.MsgID, id)
	equal(t, p.ask("no_such_request", nil).Header.MsgType, wire.HubError)
}

// A task whose records are asked for again runs through the queue.
func TestResubmit(t *testing.T) {
	network := new(transport.Memory)
	c := start(t, controller.Config{Network: network})
	e := newEngine(t, network, c)
	p := newClient(t, network, c)
	p.engines(1)
	go e.echo(e.mux, nil)
	id := p.send(p.mux, wire.ApplyRequest, nil, nil, nil, []byte(e.uuid))
	p.recv(p.mux)
	var reply struct{ Resubmitted map[wire.MsgID]wire.MsgID }
	if err := json.Unmarshal(p.ask(wire.ResubmitRequest, map[string]any{"msg_ids": []wire.MsgID{id}}).Content, &reply); err != nil {
		t.Fatal(err)
	}
	equal(t, e.recv(e.task).Header.MsgID, reply.Resubmitted[id])
}

// Shutdown is answered, told to all, and ends Run.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(transport.Memory)
		c, err := controller.New(controller.Config{Network: network})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- c.Run(t.Context()) }()
		p, other := newClient(t, network, c), newClient(t, network, c)
		equal(t, string(p.ask(wire.ShutdownRequest, nil).Content), `{"status":"ok"}`)
		equal(t, other.recv(other.notices).Header.MsgType, wire.ShutdownNotification)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}

// Connection files appear with the controller, for its user alone, and go with it.
func TestFiles(t *testing.T) {
	profile := wire.Profile{Dir: filepath.Join(t.TempDir(), "profile_x")}
	cfg := controller.Config{Profile: profile, ClusterID: "id", SSH: "login.site", Location: "head"}
	c, err := controller.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	client, err := wire.ReadClientConnection(profile.ClientFile("id"))
	if err != nil {
		t.Fatal(err)
	}
	engine, err := wire.ReadEngineConnection(profile.EngineFile("id"))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*client, c.Client()) || client.SSH != "login.site" || client.Location != "head" || engine.Key != client.Key || len(client.Key) != 64 {
		t.Errorf("%+v", client)
	}
	for _, path := range []string{profile.ClientFile("id"), profile.EngineFile("id")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, info.Mode(), 0o600)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(profile.ClientFile("id")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

// With Reuse, a second run has the key and the ports of the first.
func TestReuse(t *testing.T) {
	cfg := controller.Config{Profile: wire.Profile{Dir: t.TempDir()}, Reuse: true}
	var first wire.ClientConnection
	for range 2 {
		c, err := controller.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if first.Key == "" {
			first = c.Client()
		}
		if !reflect.DeepEqual(c.Client(), first) {
			t.Fatalf("got %v, want %v", c.Client(), first)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Key = "another"
	_, err := controller.New(cfg)
	if err == nil || !strings.Contains(err.Error(), "the key given is not the one in") {
		t.Error(err)
	}
}

// A controller that answers is not replaced; the file of one that is gone is.
func TestAlive(t *testing.T) {
	cfg := controller.Config{Profile: wire.Profile{Dir: t.TempDir()}}
	running := start(t, cfg)
	_, err := controller.New(cfg)
	if err == nil || !strings.Contains(err.Error(), "a controller is running already: it answers at tcp://127.0.0.1:") {
		t.Fatal(err)
	}
	// The file of one that was killed names ports at which nobody answers.
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	stale := running.Client()
	stale.Registration = closed.Addr().(*net.TCPAddr).Port
	gone := controller.Config{Profile: wire.Profile{Dir: t.TempDir()}}
	if err := gone.Profile.Create(); err != nil {
		t.Fatal(err)
	}
	if err := wire.WriteConnection(gone.Profile.ClientFile(""), stale); err != nil {
		t.Fatal(err)
	}
	c, err := controller.New(gone)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// Each thing that cannot be gives one error that says what and where.
func TestErrors(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	port := busy.Addr().(*net.TCPAddr).Port
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := wire.Profile{Dir: t.TempDir()}
	if err := broken.Create(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken.ClientFile(""), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  controller.Config
		want string
	}{
		"port in use":     {controller.Config{Ports: controller.Ports{port}}, busy.Addr().String() + ": address already in use: is another controller running?"},
		"no such address": {controller.Config{IP: "192.0.2.1"}, "192.0.2.1"},
		"no address":      {controller.Config{IP: "here"}, `ip "here": "here" is no address, and no interface of this host: it has lo (127.0.0.1`},
		"no location":     {controller.Config{IP: "*", Location: "a b"}, `location "a b"`},
		"key":             {controller.Config{Key: "ключ"}, "key: want printable ASCII"},
		"key and none":    {controller.Config{Key: "k", Unsigned: true}, "choose one"},
		"scheme":          {controller.Config{Scheme: "fastest"}, `scheme "fastest"`},
		"cluster id":      {controller.Config{ClusterID: "../x"}, `cluster id "../x"`},
		"period":          {controller.Config{HeartPeriod: time.Nanosecond}, "heart period 1ns"},
		"profile":         {controller.Config{Profile: wire.Profile{Dir: filepath.Join(file, "x")}}, file},
		"reuse":           {controller.Config{Profile: broken, Reuse: true}, "ipcontroller-client.json"},
		"negative":        {controller.Config{Grace: -1}, "negative"},
	} {
		_, err := controller.New(c.cfg)
		if err == nil || !strings.HasPrefix(err.Error(), "controller: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
}

func TestPorts(t *testing.T) {
	for text, want := range map[string]string{"": "", "5": "5", "10-12, 20": "10,11,12,20"} {
		p, err := controller.ParsePorts(text)
		if got, _ := p.MarshalText(); err != nil || string(got) != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"x", "0", "65536", "5-3", "1-2-3", "-"} {
		if p, err := controller.ParsePorts(text); err == nil {
			t.Errorf("%q: %v", text, p)
		}
	}
	c, err := controller.New(controller.Config{Network: new(transport.Memory), Ports: controller.Ports{7001, 7002, 7003}, EnginePorts: controller.Ports{6001}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	equal(t, c.Engine().Registration, 6001)
	equal(t, c.Engine().Control, 7001)
	equal(t, c.Engine().Task, 7003)
	equal(t, c.Client().Registration, 6001)
}
