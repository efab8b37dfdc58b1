package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"muster/cluster/clustertest"
	"muster/launcher"
	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
)

// Another process changes the engines of a cluster through its supervisor.
func TestRequests(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	c := start(t, config(p, 1))
	ask := func(r Request) ([]Set, error) {
		t.Helper()
		record, err := Find(p, "")
		if err != nil {
			t.Fatal(err)
		}
		return record.Ask(ctx, r, nil)
	}
	added, err := ask(Request{Do: Add, Add: AddConfig{N: 2}, Wait: true})
	if err != nil || len(added) != 1 || added[0].Name != "2" || wire.FormatIDs(added[0].IDs) != "1-2" || len(added[0].Handle.Processes) != 2 {
		t.Errorf("added %+v, %v", added, err)
	}
	wantEngines(t, c, 0, 1, 2)
	if _, err := ask(Request{Do: Remove, IDs: []wire.EngineID{1}}); err != nil {
		t.Error(err)
	}
	again, err := ask(Request{Do: Restart, Wait: true})
	if err != nil || len(again) != 2 || again[1].N != 1 || again[1].Handle.Mark == added[0].Handle.Mark {
		t.Errorf("started again %+v, %v", again, err)
	}
	wantEngines(t, c, 0, 2)
	if _, err := ask(Request{Do: Remove, Sets: []string{"1", "2"}}); err != nil {
		t.Error(err)
	}
	wantEngines(t, c)
	wantSets(t, p, "")
	// What comes to nothing leaves nothing, and says what was printed.
	t.Setenv(clustertest.EngineFails, "wrong key")
	if _, err := ask(Request{Do: Add, Add: AddConfig{N: 2}, Wait: true}); err == nil || !strings.HasPrefix(err.Error(), "cluster: engines did not start: ipengine: wrong key (exit status 1)") {
		t.Errorf("engines that fail: %v", err)
	}
	wantSets(t, p, "")
	for _, tt := range []struct {
		request Request
		want    string
	}{
		{Request{Do: "dance"}, `cluster: ask the supervisor of test: request "dance": want add, remove or restart`},
		{Request{Do: Remove}, "cluster: ask the supervisor of test: remove: name engines or sets"},
		{Request{Do: Remove, Sets: []string{"9"}}, `cluster: remove engines: there is no set "9", but none (ipcluster engines list)`},
		{Request{Do: Add, Add: AddConfig{Engines: "ssh"}}, "cluster: add engines: launcher: engines.ssh.hosts names no host"},
	} {
		if _, err := ask(tt.request); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %s", tt.request, err, tt.want)
		}
	}
}

// A message without the cluster's signature is dropped, and one that makes no sense is answered.
func TestRequestsOfStrangers(t *testing.T) {
	ctx := limited(t)
	p := clustertest.Profile(t)
	c := start(t, config(p, 1))
	record, err := Find(p, "")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := wire.ReadClientConnection(c.ClientFile())
	if err != nil {
		t.Fatal(err)
	}
	network, err := zmq.New()
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	s, err := network.Dial(transport.Dealer, record.Requests, transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	defer context.AfterFunc(ctx, func() { s.Discard() })()
	session := wire.NewSession(conn.Key, "")
	send := func(session *wire.Session, msgType string, content json.RawMessage) {
		t.Helper()
		_, frames, err := session.Frames(msgType, nil, nil, content)
		if err == nil {
			err = s.Send(frames)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	send(wire.NewSession("another key", ""), engineSetRequest, json.RawMessage(`{"do":"remove","sets":["1"]}`))
	for _, tt := range []struct{ msgType, content, want string }{
		{"kernel_info_request", "{}", `cluster: a message "kernel_info_request": only engine_set_request is understood here`},
		{engineSetRequest, `{"do":1}`, "cluster: engine_set_request: json: cannot unmarshal number"},
	} {
		send(session, tt.msgType, json.RawMessage(tt.content))
		frames, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		m, err := session.Decode(frames)
		var a answer
		if err == nil {
			err = json.Unmarshal(m.Content, &a)
		}
		if err != nil || m.Header.MsgType != engineSetReply || a.Status != wire.StatusError || !strings.HasPrefix(a.Error, tt.want) {
			t.Errorf("%v, %+v, want %s", err, a, tt.want)
		}
	}
	wantSets(t, p, "1 local 0 1/1")
}

func TestRequestsThatNobodyTakes(t *testing.T) {
	ctx := limited(t)
	cmd, r := supervised(t)
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	given, cancel := context.WithCancelCause(ctx)
	cancel(errors.New("out of patience"))
	if _, err := r.Ask(given, Request{Do: Restart}, nil); err == nil || err.Error() != "cluster: ask the supervisor of test: out of patience" {
		t.Errorf("given up: %v", err)
	}
	for _, p := range slices.Concat(r.Controller.Alive(), r.Sets[0].Handle.Alive()) {
		if err := p.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if _, err := r.Ask(ctx, Request{Do: Restart}, nil); err == nil || !strings.HasPrefix(err.Error(), "cluster: test is stale") {
		t.Errorf("stale: %v", err)
	}
	if err := r.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	r.Host = "login07"
	if _, err := r.Ask(ctx, Request{Do: Restart}, nil); err == nil || !strings.HasPrefix(err.Error(), "cluster: test runs on login07") {
		t.Errorf("elsewhere: %v", err)
	}
	self, err := launcher.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	r.Host, r.Supervisor, r.Up = hostname(), self, false
	if _, err := r.Ask(ctx, Request{Do: Restart}, nil); err == nil || !strings.HasPrefix(err.Error(), "cluster: test is still being started") {
		t.Errorf("starting: %v", err)
	}
}

// Whatever is in a request, it is either refused or one that a supervisor can carry out.
func FuzzRequest(f *testing.F) {
	for _, r := range []Request{{Do: Add, Add: AddConfig{N: 3}}, {Do: Remove, IDs: []wire.EngineID{1}}, {Do: Restart, Sets: []string{"1"}}} {
		b, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		m := &wire.Message{Content: content}
		m.Header.MsgType = engineSetRequest
		r, err := parseRequest(m)
		if err == nil && (r.Do == Remove) != (len(r.IDs)+len(r.Sets) > 0) && r.Do != Restart {
			t.Errorf("%+v is taken", r)
		}
	})
}
