package controller

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"muster/controller/hub"
	"muster/controller/store"
	"muster/transport"
	"muster/transport/reach"
	"muster/transport/zmq"
	"muster/wire"
)

// Messages on the registration and heartbeat ports are small; a peer that
// announces more is cut off. Data has no bound but memory.
const (
	maxQuery = 16 << 20
	maxBeat  = 1 << 10
)

// A Controller is the gateway of one cluster.
type Controller struct {
	cfg     Config
	network transport.Network
	own     *zmq.Network // nil when the network was given
	session *wire.Session
	// instance names this run of the controller.
	instance string
	client   wire.ClientConnection
	engine   wire.EngineConnection
	written  []string     // connection files
	store    *store.Store // nil unless records are in a database
	left     *hub.Left    // by an earlier controller, nil unless it is restored

	mail            *mailbox
	loop            *loop
	pong            transport.Socket
	outputs, output transport.Socket // iopub, from engines and to clients
	sockets         []transport.Socket
	closing         sync.Once
}

// New binds a controller's sockets and, when every one is bound, writes its
// connection files. The error of a port that is taken names it.
func New(cfg Config) (*Controller, error) {
	c, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("controller: %w", err)
	}
	return c, nil
}

func open(cfg Config) (_ *Controller, err error) {
	c := &Controller{instance: wire.NewInstance(), mail: newMailbox()}
	if cfg.Restore {
		cfg.Reuse, cfg.DB = true, SQLite
		if cfg.Profile.Dir == "" {
			return nil, errors.New("restore: without a profile there are no connection files to tell key and ports: set Profile")
		}
	}
	if cfg.Profile.Dir != "" {
		if err := cfg.Profile.Create(); err != nil {
			return nil, err
		}
		if cfg.Reuse {
			if err := c.recall(&cfg); err != nil {
				return nil, err
			}
		}
	}
	c.cfg = cfg.withDefaults()
	if err := c.cfg.validate(); err != nil {
		return nil, err
	}
	if c.cfg.Curve && c.cfg.CurveSecret == "" {
		if c.cfg.CurvePublic, c.cfg.CurveSecret, err = zmq.NewCurveKeys(); err != nil {
			return nil, err
		}
	}
	c.session = wire.NewSession(c.cfg.Key, "")
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if c.network = c.cfg.Network; c.network == nil {
		if c.own, err = zmq.New(); err != nil {
			return nil, err
		}
		c.network = c.own
	}
	if err := c.alive(); err != nil {
		return nil, err
	}
	if c.cfg.DB == SQLite {
		open := store.Config{
			Path: c.cfg.DBFile, Limit: c.cfg.RecordBytes, Log: c.cfg.Log,
			Committed: func(done hub.Committed) { c.mail.observe(done) },
		}
		if c.cfg.Restore {
			c.store, c.left, err = store.Restore(open)
		} else {
			c.store, err = store.Open(open)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := c.bind(); err != nil {
		return nil, err
	}
	return c, c.writeFiles()
}

// bind opens all sockets and builds what stands between them.
func (c *Controller) bind() error {
	l := &loop{start: time.Now()}
	l.clock = func() int { return int(time.Since(l.start) / tick) }
	c.loop = l
	departed := func(identity []byte) { c.mail.post(hub.Departed{Engine: wire.EngineUUID(identity)}) }

	for _, e := range []*wire.Endpoint{&c.client.Endpoint, &c.engine.Endpoint} {
		e.Key, e.Location = c.cfg.Key, c.cfg.Location
		e.CurveServerKey = nil
		if c.cfg.Curve {
			e.CurveServerKey = &c.cfg.CurvePublic
		}
		e.Pack, e.Unpack, e.SignatureScheme = "json", "json", wire.SignatureScheme
	}
	c.client.SSH, c.engine.SSH = c.cfg.SSH, c.cfg.EngineSSH
	clients, err := where(&c.client.Endpoint, c.cfg.ClientIP, &c.cfg)
	if err != nil {
		return err
	}
	engines, err := where(&c.engine.Endpoint, c.cfg.EngineIP, &c.cfg)
	if err != nil {
		return err
	}
	c.client.TaskScheme = string(c.cfg.Scheme)
	if len(c.engine.Broadcast) != 1 {
		c.engine.Broadcast = make([]int, 1)
	}

	// The order in which a pool of ports is used is part of the protocol (14).
	var mux, task, control, broadcast channel
	query := transport.Options{MaxFrame: maxQuery}
	b := binder{c: c}
	b.side(slices.Concat(engines, clients), c.cfg.EnginePorts) // for both kinds of peers
	l.query = b.listen("registration", transport.Router, &c.engine.Registration, query)
	b.on = reach.Bound(engines)
	control.engine = b.listen("control", transport.Router, &c.engine.Control, transport.Options{Mandatory: true})
	mux.engine = b.listen("mux", transport.Router, &c.engine.Mux, transport.Options{Mandatory: true})
	task.engine = b.listen("task", transport.Router, &c.engine.Task, transport.Options{Mandatory: true})
	c.outputs = b.listen("iopub", transport.Sub, &c.engine.IOPub, transport.Options{})
	l.ping = b.listen("hb_ping", transport.Pub, &c.engine.HBPing, transport.Options{MaxFrame: maxBeat})
	c.pong = b.listen("hb_pong", transport.Router, &c.engine.HBPong, transport.Options{MaxFrame: maxBeat, Departed: departed})
	broadcast.engine = b.listen("broadcast", transport.Router, &c.engine.Broadcast[0], transport.Options{Mandatory: true})
	b.side(clients, c.cfg.ClientPorts)
	control.client = b.listen("control", transport.Router, &c.client.Control, transport.Options{})
	mux.client = b.listen("mux", transport.Router, &c.client.Mux, transport.Options{})
	watched := transport.Options{}
	if c.cfg.OnClientLost == Cancel {
		watched.Mandatory = true // it tells who is connected
		watched.Departed = func(identity []byte) {
			task.absent.leave(identity, l.clock())
			c.mail.wake()
		}
	}
	task.client = b.listen("task", transport.Router, &c.client.Task, watched)
	c.output = b.listen("iopub", transport.Pub, &c.client.IOPub, transport.Options{})
	l.notify = b.listen("notification", transport.Pub, &c.client.Notification, transport.Options{})
	broadcast.client = b.listen("broadcast", transport.Router, &c.client.Broadcast, transport.Options{})
	if b.err != nil {
		return b.err
	}
	c.client.Registration = c.engine.Registration

	if c.store != nil {
		l.records = c.store
	}
	c.assemble(&mux, &task, &control, &broadcast, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	return nil
}

// Client is what clients have to know: the content of their connection file.
func (c *Controller) Client() wire.ClientConnection { return c.client }

// Engine is what engines have to know: the content of their connection file.
func (c *Controller) Engine() wire.EngineConnection { return c.engine }

// Run serves until ctx ends or a client asks for shutdown, which are no errors,
// and closes the controller.
func (c *Controller) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var receivers sync.WaitGroup
	receive := func(f func() error) {
		receivers.Go(func() { cancel(f()) })
	}
	l := c.loop
	done := make(chan struct{})
	l.open = func() {
		for _, ch := range l.channels {
			ch.done = done
			receive(ch.serveClients)
			receive(ch.serveEngines)
		}
	}
	if c.left == nil {
		l.open()
	} else {
		c.mail.post(hub.Restored{Left: c.left})
		c.left = nil // the hub's
	}
	receive(l.receive)
	receive(func() error { return l.receivePongs(c.pong) })
	receive(func() error { return l.relayOutputs(c.outputs, c.output) })

	err := l.run(ctx)
	if errors.Is(err, errShutdown) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, transport.ErrClosed) {
		err = nil
	}
	l.drain()
	close(done)
	for _, ch := range l.channels {
		ch.late.end()
	}
	if closing := c.Close(); err == nil {
		err = closing
	}
	receivers.Wait()
	if err != nil {
		return fmt.Errorf("controller: %w", err)
	}
	return nil
}

// Close closes the sockets, which ends Run, and the database, and removes the
// connection files unless they are to be reused. It may be called more than
// once.
func (c *Controller) Close() error {
	var err error
	c.closing.Do(func() {
		if !c.cfg.Reuse {
			for _, f := range c.written {
				err = errors.Join(err, os.Remove(f))
			}
		}
		for _, s := range c.sockets {
			err = errors.Join(err, s.Close())
		}
		if c.store != nil {
			err = errors.Join(err, c.store.Close())
		}
		if c.own != nil {
			err = errors.Join(err, c.own.Close())
		}
	})
	return err
}
