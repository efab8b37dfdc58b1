package controller_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"muster/controller"
	"muster/transport"
	"muster/wire"
)

// What a client leaves is cancelled wherever it is, if that is asked for, but not
// of one whose connection is made again.
func TestClientLost(t *testing.T) {
	story := func(t *testing.T, network transport.Network) {
		c := start(t, controller.Config{Network: network, Log: testLog(t), OnClientLost: controller.Cancel})
		e := newEngine(t, network, c)
		goes, stays := newClient(t, network, c, known), newClient(t, network, c, known)
		goes.engines(1)
		runs := goes.send(goes.task, wire.ApplyRequest, nil, map[string]any{"retries": 5}, nil)
		task := e.recv(e.task)
		goes.send(goes.task, wire.ApplyRequest, nil, nil, nil)
		goes.send(goes.task, wire.ExplainRequest, nil, nil, wire.Explain{}) // a reply says that both are there
		goes.recv(goes.task)
		kept := stays.send(stays.task, wire.ApplyRequest, nil, nil, nil)
		stays.send(stays.task, wire.ExplainRequest, nil, nil, wire.Explain{})
		stays.recv(stays.task)

		stays.task.Close()
		stays.task = stays.dial(transport.Dealer, stays.to.URL(stays.to.Task), transport.Options{Identity: stays.session.ID})
		goes.task.Close()
		abort := content[wire.Abort](t, e.recv(e.control))
		if !abort.Running || !slices.Equal(abort.MsgIDs, []wire.MsgID{runs}) {
			t.Errorf("the engine is asked to abort %+v", abort)
		}
		e.send(e.task, wire.ApplyReply, task.RawHeader, map[string]string{"status": "error"}, wire.Failure("KeyboardInterrupt", ""), task.Route...)
		task = e.recv(e.task)
		equal(t, task.Header.MsgID, kept)
		e.send(e.task, wire.ApplyReply, task.RawHeader, map[string]string{"status": "ok"}, wire.Reply{Status: wire.StatusOK}, task.Route...)
		for {
			if m := stays.recv(stays.task); m.Parent.MsgID == kept {
				break
			}
		}
	}
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { story(t, new(transport.Memory)) })
	})
	t.Run("zmq", func(t *testing.T) {
		t.Parallel() // it takes what a client is given to be back
		story(t, newNetwork(t))
	})
}

// Without it, tasks go on.
func TestClientKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(transport.Memory)
		c := start(t, controller.Config{Network: network, Log: testLog(t)})
		e := newEngine(t, network, c)
		goes := newClient(t, network, c)
		goes.engines(1)
		goes.send(goes.task, wire.ApplyRequest, nil, nil, nil)
		next := goes.send(goes.task, wire.ApplyRequest, nil, nil, nil)
		task := e.recv(e.task)
		goes.task.Close()
		time.Sleep(time.Minute)
		e.send(e.task, wire.ApplyReply, task.RawHeader, map[string]string{"status": "ok"}, nil, task.Route...)
		equal(t, e.recv(e.task).Header.MsgID, next)
	})
}
