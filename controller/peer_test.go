package controller_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"muster/controller"
	"muster/transport"
	"muster/wire"
)

// patience bounds every wait; what is waited for comes as soon as it can.
const patience = time.Minute

// start runs a controller on a network until the test ends.
func start(tb testing.TB, cfg controller.Config) *controller.Controller {
	tb.Helper()
	c, err := controller.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return c
}

// A peer is a set of sockets of a client or an engine, which a test plays.
type peer struct {
	tb      testing.TB
	network transport.Network
	session *wire.Session
}

func (p *peer) dial(kind transport.Kind, url string, opt transport.Options) transport.Socket {
	p.tb.Helper()
	s, err := p.network.Dial(kind, url, opt)
	if err != nil {
		p.tb.Fatal(err)
	}
	p.tb.Cleanup(func() { s.Close() })
	return s
}

// send sends a new message, after a route, and returns its id.
func (p *peer) send(s transport.Socket, kind string, parent json.RawMessage, metadata, content any, route ...[]byte) wire.MsgID {
	p.tb.Helper()
	id, frames, err := p.session.Frames(kind, parent, metadata, content)
	if err == nil {
		err = s.Send(append(route, frames...))
	}
	if err != nil {
		p.tb.Fatal(err)
	}
	return id
}

// recv receives a message, or fails the test when none comes.
func (p *peer) recv(s transport.Socket) *wire.Message {
	p.tb.Helper()
	timeout := time.AfterFunc(patience, func() { s.Close() })
	defer timeout.Stop()
	frames, err := s.Recv()
	if errors.Is(err, transport.ErrClosed) {
		p.tb.Fatal("no message came")
	}
	if err != nil {
		p.tb.Fatal(err)
	}
	m, err := p.session.Decode(frames)
	if err != nil {
		p.tb.Fatalf("%v: %q", err, frames)
	}
	return m
}

// A client of the controller, played by a test.
type client struct {
	peer
	to                                          wire.ClientConnection
	query, control, mux, task, broadcast, iopub transport.Socket
	notices                                     transport.Socket
}

func newClient(tb testing.TB, network transport.Network, c *controller.Controller, ways ...way) *client {
	to := c.Client()
	p := &client{peer: peer{tb, network, wire.NewSession(to.Key, "")}, to: to}
	var own transport.Options
	if slices.Contains(ways, known) {
		own.Identity = p.session.ID
	}
	for port, s := range map[int]*transport.Socket{to.Registration: &p.query, to.Control: &p.control, to.Mux: &p.mux, to.Task: &p.task, to.Broadcast: &p.broadcast} {
		*s = p.dial(transport.Dealer, to.URL(port), own)
	}
	p.notices = p.dial(transport.Sub, to.URL(to.Notification), transport.Options{})
	p.iopub = p.dial(transport.Sub, to.URL(to.IOPub), transport.Options{})
	return p
}

// ask sends a query to the hub and returns its reply.
func (p *client) ask(kind string, content any) *wire.Message {
	p.tb.Helper()
	id := p.send(p.query, kind, nil, nil, content)
	m := p.recv(p.query)
	if m.Parent.MsgID != id {
		p.tb.Fatalf("a reply to %q, want one to %q", m.Parent.MsgID, id)
	}
	return m
}

// engines waits until n engines are registered.
func (p *client) engines(n int) map[wire.EngineID]wire.EngineUUID {
	p.tb.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		var reply struct {
			Engines map[wire.EngineID]wire.EngineUUID `json:"engines"`
		}
		if err := json.Unmarshal(p.ask(wire.ConnectionRequest, nil).Content, &reply); err != nil {
			p.tb.Fatal(err)
		}
		if len(reply.Engines) == n {
			return reply.Engines
		}
		if time.Now().After(deadline) {
			p.tb.Fatalf("%d engines are registered, want %d", len(reply.Engines), n)
		}
	}
}

// An engine, played by a test.
type engine struct {
	peer
	uuid                         wire.EngineUUID
	id                           wire.EngineID
	mux, task, broadcast         transport.Socket // one socket in a real engine
	control, iopub               transport.Socket
	registration, hbPing, hbPong transport.Socket
}

// A way is one in which peers of Muster differ from those of Python.
type way int

const (
	known way = iota // a client's connections have its session as identity
	keeps            // an engine keeps replies until they are acknowledged
)

// newEngine registers an engine, whose heart beats until it is killed.
func newEngine(tb testing.TB, network transport.Network, c *controller.Controller, ways ...way) *engine {
	tb.Helper()
	e := newEngineBehind(tb, network, c, ways...)
	e.dialMux(c)
	return e
}

func (e *engine) dialMux(c *controller.Controller) {
	to := c.Engine()
	e.mux = e.dial(transport.Router, to.URL(to.Mux), transport.Options{Identity: string(e.uuid)})
}

// newEngineBehind registers an engine that is not connected to mux yet.
func newEngineBehind(tb testing.TB, network transport.Network, c *controller.Controller, ways ...way) *engine {
	tb.Helper()
	e := &engine{peer: peer{tb, network, wire.NewSession(c.Engine().Key, "")}}
	e.uuid = wire.EngineUUID(e.session.ID)
	to := c.Engine()
	own := transport.Options{Identity: e.session.ID}
	e.registration = e.dial(transport.Dealer, to.URL(to.Registration), own)
	e.send(e.registration, wire.RegistrationRequest, nil, nil, wire.Registration{UUID: e.uuid, Keeps: slices.Contains(ways, keeps)})
	var reply wire.Registered
	if err := json.Unmarshal(e.recv(e.registration).Content, &reply); err != nil {
		tb.Fatal(err)
	}
	if reply.Status != wire.StatusOK {
		tb.Fatalf("registration: %+v", reply)
	}
	e.id = reply.ID
	to = *reply.ConnectionInfo
	e.task = e.dial(transport.Router, to.URL(to.Task), own)
	e.broadcast = e.dial(transport.Router, to.URL(to.Broadcast[0]), own)
	e.control = e.dial(transport.Router, to.URL(to.Control), own)
	e.iopub = e.dial(transport.Pub, to.URL(to.IOPub), own)
	e.hbPong = e.dial(transport.Dealer, to.URL(to.HBPong), own)
	e.hbPing = e.dial(transport.Sub, to.URL(to.HBPing), transport.Options{})
	go func() {
		for {
			m, err := e.hbPing.Recv()
			if err != nil || e.hbPong.Send(m) != nil {
				return
			}
		}
	}()
	return e
}

// kill closes all that the engine has open, as the end of its process would.
func (e *engine) kill() {
	for _, s := range []transport.Socket{e.hbPing, e.hbPong, e.mux, e.task, e.broadcast, e.control, e.iopub, e.registration} {
		s.Close()
	}
}

// echo answers every request of a socket with the same content, until closed.
func (e *engine) echo(s transport.Socket, metadata any) {
	for {
		frames, err := s.Recv()
		if err != nil {
			return
		}
		m, err := e.session.Inspect(frames)
		if err != nil {
			e.tb.Error(err)
			return
		}
		kind := m.Header.MsgType[:len(m.Header.MsgType)-len("request")] + "reply"
		_, reply, err := e.session.Frames(kind, m.RawHeader, metadata, m.Content, m.Buffers...)
		if err != nil {
			e.tb.Error(err)
			return
		}
		if s.Send(append(m.Route, reply...)) != nil {
			return
		}
	}
}
