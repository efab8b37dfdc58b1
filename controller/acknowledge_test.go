package controller_test

import (
	"encoding/json"
	"slices"
	"testing"

	"muster/controller"
	"muster/transport"
	"muster/wire"
)

// Requests and replies are acknowledged when they are recorded, to those who
// keep them.
func TestAcknowledge(t *testing.T) {
	networks(t, func(t *testing.T, network transport.Network) {
		c := start(t, controller.Config{Network: network, DB: controller.SQLite, DBFile: t.TempDir() + "/tasks.db", Log: testLog(t)})
		e := newEngine(t, network, c, keeps)
		p := newClient(t, network, c, known)
		p.engines(1)
		sent := []wire.MsgID{
			p.send(p.mux, wire.ApplyRequest, nil, nil, nil, []byte(e.uuid)),
			p.send(p.task, wire.ApplyRequest, nil, nil, nil),
			p.send(p.broadcast, wire.ApplyRequest, nil, map[string]any{"targets": []wire.Target{{UUID: e.uuid, ID: e.id}}}, nil) + "_" + wire.MsgID(e.uuid),
		}
		acknowledged(t, &p.peer, p.query, sent)
		for _, s := range []transport.Socket{e.mux, e.task, e.broadcast} {
			m := e.recv(s)
			reply := func() {
				e.send(s, wire.ApplyReply, m.RawHeader, map[string]string{"status": "ok"}, nil, m.Route...)
			}
			reply()
			acknowledged(t, &e.peer, e.control, []wire.MsgID{m.Header.MsgID})
			reply() // which nobody waits for
			acknowledged(t, &e.peer, e.control, []wire.MsgID{m.Header.MsgID})
		}
	})
}

// acknowledged waits until all these messages have been acknowledged.
func acknowledged(t *testing.T, p *peer, s transport.Socket, ids []wire.MsgID) {
	t.Helper()
	ids = slices.Clone(ids)
	for len(ids) > 0 {
		m := p.recv(s)
		equal(t, m.Header.MsgType, wire.Acknowledge)
		for _, id := range content[wire.MsgIDs](t, m).MsgIDs {
			i := slices.Index(ids, id)
			if i < 0 {
				t.Fatalf("%s is acknowledged, which is none of %s", id, ids)
			}
			ids = slices.Delete(ids, i, i+1)
		}
	}
}

// A controller that records in memory has nothing acknowledged.
func TestNoAcknowledge(t *testing.T) {
	networks(t, func(t *testing.T, network transport.Network) {
		c := start(t, controller.Config{Network: network, Log: testLog(t)})
		p := newClient(t, network, c, known)
		var said map[string]json.RawMessage
		if err := json.Unmarshal(p.ask(wire.ConnectionRequest, nil).Content, &said); err != nil {
			t.Fatal(err)
		}
		if said["restores"] != nil || len(said["instance"]) != len(`"12345678"`) {
			t.Errorf("connection_reply: %s", said)
		}
	})
}
