package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"syscall"
	"time"

	"muster/transport"
	"muster/transport/reach"
	"muster/transport/zmq"
	"muster/wire"
)

// connectTimeout bounds Connect when its context has no deadline, as
// ipyparallel's client does.
const connectTimeout = 10 * time.Second

// Connect opens a connection to a running cluster: by default the one of the
// default profile (see WithProfile). It returns once the controller has
// answered; engines may register later (see WaitForEngines). The context bounds the wait
// and nothing afterwards; when it has no deadline that is ten seconds, and by
// way of ssh (see WithSSH) two minutes, as somebody may have to log in.
func Connect(ctx context.Context, opts ...Option) (*Client, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	s, err := o.source(ctx)
	if err != nil {
		return nil, fmt.Errorf("client: connect: %w", err)
	}
	limit := connectTimeout
	if s.conn.Via != "" {
		limit = farTimeout
	}
	ctx, cancel := bounded(ctx, limit)
	defer cancel()
	c, err := connect(ctx, s, &o)
	if err == nil {
		return c, nil
	}
	s.close()
	switch {
	case s.conn.Via != "":
		return nil, fmt.Errorf("client: connect to the controller behind ssh %s: %w", s.conn.Via, err)
	case len(s.conn.Hosts()) > 1: // what follows names them
		return nil, fmt.Errorf("client: connect to the controller of connection file %s: %w", s.file, err)
	}
	return nil, fmt.Errorf("client: connect to the controller at %s, of connection file %s: %w", s.conn.URL(s.conn.Registration), s.file, err)
}

// bounded is a context with a deadline, if need be this one.
func bounded(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if _, is := ctx.Deadline(); is {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v: %w", limit, context.DeadlineExceeded))
}

func connect(ctx context.Context, s *source, o *options) (*Client, error) {
	conn := s.conn
	c := newClient(conn.Key, o.log)
	c.source, c.conn, c.far, c.dialer, c.deaf = s, conn, conn.Via != "", o.network, o.deaf
	if c.dialer == nil {
		own, err := zmq.New()
		if err != nil {
			return nil, err
		}
		c.network, c.dialer = own, own
	}
	var err error
	if c.at, err = c.reach(ctx, conn); err != nil {
		c.Close()
		return nil, err
	}
	err = c.dial()
	if err == nil {
		var said *greeting
		if said, err = c.connected(ctx, c.greet); err == nil {
			c.mu.Lock()
			c.meet(said, nil)
			c.mu.Unlock()
		}
	}
	if err != nil {
		c.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("somebody listens there but does not answer (%w): the file is of another controller, so that its key is wrong, or the port is another program's by now; take the running controller's file, or start a cluster anew", err)
		}
		return nil, err
	}
	return c, nil
}

// newClient returns a client without sockets.
func newClient(key string, log *slog.Logger) *Client {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	session := wire.NewSession(key, "")
	return &Client{
		session:   session,
		mark:      []byte(session.ID),
		log:       log,
		pending:   make(map[wire.MsgID]*task),
		answered:  make(map[wire.MsgID]answered),
		wholes:    make(map[wire.MsgID][]*task),
		dropped:   make(map[wire.MsgID]*int),
		ids:       make(map[wire.EngineUUID]EngineID),
		changed:   make(chan struct{}),
		news:      newNotice(),
		link:      new(link),
		closed:    make(chan struct{}),
		query:     &channel{name: "registration"},
		greet:     &channel{name: "registration"},
		control:   &channel{name: "control"},
		mux:       &channel{name: "mux"},
		task:      &channel{name: "task"},
		broadcast: &channel{name: "broadcast"},
	}
}

// dial makes the sockets, and starts a receiver for each. Subscriptions come
// first: they should stand before the first reply does. The caller holds gate.
func (c *Client) dial() error {
	l := new(link)
	c.mu.Lock()
	c.link = l
	c.mu.Unlock()
	for _, d := range []struct {
		kind   transport.Kind
		port   int
		socket *transport.Socket
	}{
		{transport.Sub, c.at.IOPub, &c.iopub},
		{transport.Sub, c.at.Notification, &c.notification},
		{transport.Dealer, c.at.Control, &c.control.socket},
		{transport.Dealer, c.at.Mux, &c.mux.socket},
		{transport.Dealer, c.at.Task, &c.task.socket},
		{transport.Dealer, c.at.Broadcast, &c.broadcast.socket},
		{transport.Dealer, c.at.Registration, &c.query.socket},
	} {
		if d.socket == &c.iopub && c.deaf {
			continue
		}
		opt := transport.Options{CurveServer: c.at.ServerKey()}
		if d.kind == transport.Dealer {
			opt.Identity = c.session.ID // by which a controller that is started again finds the client
		}
		if d.port == c.at.Registration {
			opt.Departed = func([]byte) { c.departed(l) }
		}
		s, err := c.dialer.Dial(d.kind, c.at.URL(d.port), opt)
		if err != nil {
			return err
		}
		*d.socket = s
	}
	c.greet.socket = c.query.socket
	if !c.deaf {
		c.receive(c.iopub, "iopub", c.published)
	}
	c.receive(c.notification, "notification", c.notified)
	for _, ch := range []*channel{c.control, c.mux, c.task, c.broadcast, c.query} {
		c.receive(ch.socket, ch.name, c.replied)
	}
	return nil
}

// hangUp closes the sockets. The caller holds gate.
func (c *Client) hangUp(how func(transport.Socket) error) (err error) {
	for _, s := range []transport.Socket{c.query.socket, c.control.socket, c.mux.socket, c.task.socket, c.broadcast.socket, c.iopub, c.notification} {
		if s != nil {
			err = errors.Join(err, how(s))
		}
	}
	return err
}

// reach returns the connection at the address where the controller answers. Where
// there is one address it finds out at once what a ZeroMQ socket would not tell:
// that nobody listens.
func (c *Client) reach(ctx context.Context, conn *wire.ClientConnection) (*wire.ClientConnection, error) {
	host, err := reach.Controller(ctx, c.dialer, &conn.Endpoint)
	if err != nil {
		return nil, err
	}
	at := conn.At(host)
	if len(conn.Hosts()) > 1 {
		return at, nil
	}
	return at, c.listens(ctx, at)
}

// listens tells whether somebody does where the controller should.
func (c *Client) listens(ctx context.Context, at *wire.ClientConnection) error {
	err := c.dialer.Probe(ctx, at.URL(at.Registration))
	switch refused := errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist); {
	case refused && c.far:
		return fmt.Errorf("the way to it is closed: attach to it again (ipcluster attach %s): %w", c.source.conn.Via, err)
	case refused:
		return fmt.Errorf("nobody listens there: the controller is gone and its file is stale; start a cluster anew (ipcluster start): %w", err)
	case err != nil:
		return fmt.Errorf("cannot be reached: is its interface meant for this host (ipcontroller --ip), does a firewall stand between? %w", err)
	}
	return nil
}

// A greeting is what a controller has said of itself and of its engines.
type greeting struct {
	*wire.Connected
	since *notice // news from here on may be younger
}

// connected asks the controller who it is and who is registered.
func (c *Client) connected(ctx context.Context, by *channel) (*greeting, error) {
	c.mu.Lock()
	said := &greeting{new(wire.Connected), c.news}
	c.mu.Unlock()
	var query any
	if c.far {
		query = wire.ConnectionQuery{Far: true}
	}
	reply, err := c.askBy(ctx, by, wire.ConnectionRequest, query)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(reply.Content, said.Connected); err != nil {
		return nil, fmt.Errorf("%s: %w", wire.ConnectionReply, err)
	}
	return said, nil
}

// meet notes what a controller has said. Engines that are not registered any more
// are forgotten by gone, if it is not nil. The caller holds mu.
func (c *Client) meet(said *greeting, gone func(wire.EngineUUID)) {
	if c.err != nil {
		return
	}
	c.recorded, c.instance = said.Records, said.Instance
	c.restores = said.Restores
	c.keeps.Store(said.Restores || said.Remembers && c.far)
	since := make(map[wire.EngineUUID]bool) // those that came, or went, later
	for n := said.since; n.next != nil; n = n.next {
		since[n.event.UUID] = n.event.Up
	}
	if gone != nil {
		for _, e := range c.engines { // replaced, never changed
			if said.Engines[e.id] != e.uuid && !since[e.uuid] {
				gone(e.uuid)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(said.Engines)) {
		uuid := said.Engines[id]
		if _, told := since[uuid]; !told {
			c.engineUp(id, uuid)
		}
	}
}

// queryEngines asks the hub who is registered and notes whom it did not know.
func (c *Client) queryEngines(ctx context.Context) error {
	said, err := c.connected(ctx, c.query)
	if err != nil {
		return err
	}
	c.mu.Lock()
	l, same := c.link, said.Instance == c.instance
	if same {
		c.meet(said, nil)
	}
	c.mu.Unlock()
	if !same {
		c.departed(l) // it was started anew, and the old one's end was missed
	}
	return nil
}
