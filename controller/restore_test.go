package controller_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/controller"
	"muster/transport"
	"muster/wire"
)

// What cannot be restored is refused, with what to do.
func TestRestoreRefused(t *testing.T) {
	network := new(transport.Memory)
	profile := wire.Profile{Dir: filepath.Join(t.TempDir(), "profile_test")}
	refused := func(cfg controller.Config, want string) {
		t.Helper()
		cfg.Network, cfg.Restore = network, true
		c, err := controller.New(cfg)
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	refused(controller.Config{}, "without a profile")
	refused(controller.Config{Profile: profile}, "ipcontroller-client.json is missing")
	// One that kept its records in memory.
	c, err := controller.New(controller.Config{Network: network, Profile: profile, Reuse: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	refused(controller.Config{Profile: profile}, "nothing to restore")
	if err := os.WriteFile(filepath.Join(profile.Dir, "tasks.db"), []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(controller.Config{Profile: profile}, "move it away")
}

// A controller that was ended in order is restored as one that was killed: what
// is done is answered from its records, and what waits runs.
func TestRestoreAfterEnd(t *testing.T) {
	networks(t, func(t *testing.T, network transport.Network) {
		cfg := controller.Config{
			Network: network, Profile: wire.Profile{Dir: filepath.Join(t.TempDir(), "profile_test")},
			DB: controller.SQLite, Reuse: true, Log: testLog(t),
		}
		first, err := controller.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- first.Run(ctx) }()
		p := newClient(t, network, first, known)
		before := p.ask(wire.ConnectionRequest, nil)
		waits := p.send(p.task, wire.ApplyRequest, nil, nil, map[string]int{"x": 1})
		acknowledged(t, &p.peer, p.query, []wire.MsgID{waits})
		end()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}

		cfg.Restore = true
		second := start(t, cfg)
		for _, s := range []transport.Socket{p.query, p.task} { // they would connect again by themselves
			s.Close()
		}
		next := client{peer: p.peer, to: second.Client()}
		own := transport.Options{Identity: p.session.ID}
		next.query = next.dial(transport.Dealer, next.to.URL(next.to.Registration), own)
		next.task = next.dial(transport.Dealer, next.to.URL(next.to.Task), own)
		after := next.ask(wire.ConnectionRequest, nil)
		if a, b := content[wire.Connected](t, before), content[wire.Connected](t, after); a.Instance == b.Instance || !b.Restores {
			t.Errorf("first %+v, then %+v", a, b)
		}
		e := newEngine(t, network, second, keeps)
		task := e.recv(e.task)
		equal(t, task.Header.MsgID, waits)
		equal(t, string(task.Content), `{"x":1}`)
		e.send(e.task, wire.ApplyReply, task.RawHeader, map[string]string{"status": "ok"}, map[string]int{"y": 2}, task.Route...)
		m := next.recv(next.task)
		equal(t, m.Parent.MsgID, waits)
		acknowledged(t, &e.peer, e.control, []wire.MsgID{waits})

		// It is answered from the records as often as its client asks.
		again := next.session.Encode(&wire.Message{RawHeader: task.RawHeader, Metadata: []byte(`{"again":true}`)})
		if err := next.task.Send(again); err != nil {
			t.Fatal(err)
		}
		got, err := next.task.Recv()
		if err != nil {
			t.Fatal(err)
		}
		reply, err := next.session.Inspect(got)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, reply.Parent.MsgID, waits)
		equal(t, string(reply.Content), `{"y":2}`)
	})
}
