package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
)

// connectTimeout bounds Connect when its context has no deadline, as
// ipyparallel's client does.
const connectTimeout = 10 * time.Second

// Connect opens a connection to a running cluster: by default the one of the
// default profile (see WithProfile). It returns once the controller has
// answered; engines may register later (see WaitForEngines). The context, or
// ten seconds when it has no deadline, bounds the wait and nothing afterwards.
func Connect(ctx context.Context, opts ...Option) (*Client, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, connectTimeout, fmt.Errorf("no answer within %v: %w", connectTimeout, context.DeadlineExceeded))
		defer cancel()
	}
	path, err := o.path()
	if err != nil {
		return nil, fmt.Errorf("client: connect: %w", err)
	}
	conn, err := wire.ReadClientConnection(path)
	if err != nil {
		return nil, fmt.Errorf("client: connect: %w", err)
	}
	c, err := connect(ctx, conn, &o)
	if err != nil {
		return nil, fmt.Errorf("client: connect to the controller at %s, of connection file %s: %w", conn.URL(conn.Registration), path, err)
	}
	return c, nil
}

func connect(ctx context.Context, conn *wire.ClientConnection, o *options) (*Client, error) {
	if here, _ := os.Hostname(); conn.SSH != "" && conn.Location != here {
		return nil, fmt.Errorf("the file asks for an ssh tunnel by way of %q, which this client does not open: run it on %s, or forward the file's ports with ssh -L", conn.SSH, conn.Location)
	}
	c := newClient(conn.Key, o.log)
	network := o.network
	if network == nil {
		if err := probe(ctx, conn.URL(conn.Registration)); err != nil {
			return nil, err
		}
		own, err := zmq.New()
		if err != nil {
			return nil, err
		}
		c.network, network = own, own
	}
	err := c.open(network, conn)
	if err == nil {
		err = c.queryEngines(ctx)
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
		wholes:    make(map[wire.MsgID][]*task),
		dropped:   make(map[wire.MsgID]*int),
		ids:       make(map[wire.EngineUUID]EngineID),
		changed:   make(chan struct{}),
		news:      newNotice(),
		closed:    make(chan struct{}),
		query:     &channel{name: "registration"},
		control:   &channel{name: "control"},
		mux:       &channel{name: "mux"},
		task:      &channel{name: "task"},
		broadcast: &channel{name: "broadcast"},
	}
}

// open dials every channel and starts a receiver for each. Subscriptions come
// first: they should stand before the first reply does.
func (c *Client) open(network transport.Network, conn *wire.ClientConnection) error {
	dial := func(kind transport.Kind, port int) (transport.Socket, error) {
		opt := transport.Options{CurveServer: conn.ServerKey()}
		if kind == transport.Dealer {
			opt.Identity = c.session.ID // by which a controller that is started again finds the client
		}
		if port == conn.Registration && c.network != nil {
			opt.Departed = func([]byte) { c.missController(conn.URL(port)) }
		}
		return network.Dial(kind, conn.URL(port), opt)
	}
	var err error
	for _, d := range []struct {
		kind   transport.Kind
		port   int
		socket *transport.Socket
	}{
		{transport.Sub, conn.IOPub, &c.iopub},
		{transport.Sub, conn.Notification, &c.notification},
		{transport.Dealer, conn.Control, &c.control.socket},
		{transport.Dealer, conn.Mux, &c.mux.socket},
		{transport.Dealer, conn.Task, &c.task.socket},
		{transport.Dealer, conn.Broadcast, &c.broadcast.socket},
		{transport.Dealer, conn.Registration, &c.query.socket},
	} {
		if *d.socket, err = dial(d.kind, d.port); err != nil {
			*d.socket = nil
			return err
		}
	}
	c.receive(c.iopub, "iopub", c.published)
	c.receive(c.notification, "notification", c.notified)
	for _, ch := range []*channel{c.control, c.mux, c.task, c.broadcast, c.query} {
		c.receive(ch.socket, ch.name, c.replied)
	}
	return nil
}

// probe finds out at once what a ZeroMQ socket would not tell: that nobody
// listens at an address.
func probe(ctx context.Context, url string) error {
	_, address, _ := strings.Cut(url, "://")
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err == nil {
		return conn.Close()
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("nobody listens there: the controller is gone and its file is stale; start a cluster anew (ipcluster start): %w", err)
	}
	return fmt.Errorf("cannot be reached: is its interface meant for this host (ipcontroller --ip), does a firewall stand between? %w", err)
}

// controllerGrace is how long a controller may be away, to be started again
// with the ports that it had.
const controllerGrace = 5 * time.Second

// missController looks for the controller when the connection to it has ended.
// The sockets connect again by themselves when it is there; when it is not,
// nobody need wait for answers that will not come. That something listens is
// not enough: a process that is ending may still do so.
func (c *Client) missController(url string) {
	c.receivers.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), controllerGrace)
		defer cancel()
		go func() {
			select {
			case <-c.closed:
				cancel()
			case <-ctx.Done():
			}
		}()
		for !c.answers(ctx, url) {
			select {
			case <-ctx.Done():
				c.stop(ErrGone)
				return
			case <-time.After(controllerGrace / 20):
			}
		}
	})
}

// answers tells whether the controller does, within a part of its grace.
func (c *Client) answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, controllerGrace/4)
	defer cancel()
	return probe(ctx, url) == nil && c.queryEngines(ctx) == nil
}

// queryEngines asks the hub who is registered and notes whom it did not know.
func (c *Client) queryEngines(ctx context.Context) error {
	reply, err := c.ask(ctx, wire.ConnectionRequest, nil)
	if err != nil {
		return err
	}
	var content struct {
		Engines map[string]wire.EngineUUID `json:"engines"`
		Records bool                       `json:"broadcast_records"` // wire.BroadcastRecords
	}
	if err := json.Unmarshal(reply.Content, &content); err != nil {
		return fmt.Errorf("%s: %w", wire.ConnectionReply, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recorded = content.Records
	for id, uuid := range content.Engines {
		n, err := strconv.Atoi(id)
		if err != nil {
			return fmt.Errorf("%s: engine id %q is no number", wire.ConnectionReply, id)
		}
		// One that was seen before is registered, or was and is gone.
		if _, seen := c.ids[uuid]; !seen && c.err == nil {
			c.engineUp(EngineID(n), uuid)
		}
	}
	return nil
}
