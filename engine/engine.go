package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
)

// patience is how long an engine that ends waits for user code to notice.
const patience = time.Second

// An Engine is one engine of a cluster. Its namespace belongs to the worker
// goroutine; what other goroutines share is said at the fields.
type Engine struct {
	cfg  Config
	log  *slog.Logger
	uuid wire.EngineUUID
	out  *outputs
	// drain gathers what compiled code has printed so far.
	drain func()
	queue *queue
	kept  *kept
	pub   *publisher
	lines struct{ hub, control, mux, task, broadcast line }

	// life ends when the engine does, by stop, which gives the cause.
	life context.Context
	stop context.CancelCauseFunc
	// worker counts the worker, receivers the goroutines of the channels.
	worker, receivers sync.WaitGroup

	// draining is why the engine takes nothing more, nil as long as it does.
	// drains is closed then.
	draining atomic.Pointer[string]
	drains   chan struct{}

	// properties are what cells see as such; the worker's, as is the namespace.
	properties map[string]any

	site *site // Run's
	// member is set before the first request, and again when the engine rejoins.
	member atomic.Pointer[membership]
	// silence ends the engine's life when it has not been reset for too long.
	silence *time.Timer

	ns Interpreter // set before the first request

	// the worker's
	count      int // execution count of cells that are kept in history
	cells      int // number of cells executed
	conditions conditions
}

// New returns an engine that is not connected yet.
func New(cfg Config) (*Engine, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	uuid := wire.EngineUUID(wire.NewSessionID())
	e := &Engine{
		cfg: cfg, log: cfg.Log, uuid: uuid, queue: newQueue(), kept: newKept(maxKept), pub: newPublisher(uuid),
		out: newOutputs(cfg.OutputLimit), drain: func() {}, properties: make(map[string]any), drains: make(chan struct{}),
	}
	return e, nil
}

// Run connects, registers and serves until ctx ends, a client shuts the engine
// down, it has drained, or nothing has been heard of the controller for too long.
// The error is nil but in the last case. An engine runs once.
func (e *Engine) Run(ctx context.Context) error {
	e.life, e.stop = context.WithCancelCause(context.WithValue(ctx, propertiesKey{}, e.properties))
	if err := e.readable(); err != nil {
		return err
	}
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer e.stop(nil)
	waiting.Go(e.awaitDrain)
	network := e.cfg.Network
	if network == nil {
		z, err := zmq.New()
		if err != nil {
			return fmt.Errorf("engine: %w", err)
		}
		defer z.Close() // delivers what was sent
		network = z
	}
	var nsErr error
	made := make(chan struct{})
	go func() { // while the controller is looked for
		defer close(made)
		e.ns, nsErr = e.cfg.Interpreter(Output{e.out.writer("stdout"), e.out.writer("stderr")})
		if n, ok := e.ns.(goNamespace); ok {
			n.saved.id = e.ownID
		}
		if nsErr == nil {
			nsErr = e.ns.Declare(propertiesName, e.properties)
		}
	}()
	if e.cfg.Startup != "" { // before there can be a request
		<-made
		if nsErr == nil {
			nsErr = e.startup()
		}
		switch {
		case e.dismissed(ctx):
			return nil
		case nsErr != nil:
			return nsErr
		}
	}
	ch, err := e.join(network)
	<-made
	if err != nil {
		if e.dismissed(ctx) { // before it had begun
			return nil
		}
		return err
	}
	if nsErr != nil {
		e.unregister(ch.registration)
		ch.close()
		return fmt.Errorf("engine: start the interpreter: %w", nsErr)
	}
	e.log.Info("registered", "engine", e.id(), "uuid", e.uuid)
	e.serve(network, ch)

	cause := context.Cause(e.life)
	if !e.dismissed(ctx) {
		return cause
	}
	e.log.Info("ended", "engine", e.id(), "cause", cause)
	return nil
}

// dismissed tells whether the engine's life has ended as somebody wanted.
func (e *Engine) dismissed(ctx context.Context) bool {
	var asked shutdown
	var done drained
	cause := context.Cause(e.life)
	return ctx.Err() != nil || errors.As(cause, &asked) || errors.As(cause, &done) || errors.Is(cause, errTerminated)
}

// join connects to the controller and registers, again if the connection file
// turns out to be that of an earlier controller and is replaced.
func (e *Engine) join(network transport.Network) (*channels, error) {
	for {
		conn, file, err := e.connection(e.life)
		if err != nil {
			return nil, err
		}
		if conn.SSH != "" {
			e.log.Warn("the connection file asks for an ssh tunnel, which engines do not make: connecting directly", "ssh", conn.SSH)
		}
		e.site = &site{conn, file, wire.NewSession(conn.Key, string(e.uuid))}
		ch, err := e.enter(network, wire.Registration{ID: e.cfg.ID, After: os.Getenv(afterVar)})
		if !errors.Is(err, errReplaced) {
			return ch, err
		}
		e.log.Info("the connection file was stale and has been replaced", "file", e.cfg.ConnectionFile)
	}
}

// enter finds the controller, dials all channels and registers, as reg says
// besides what goes without saying.
func (e *Engine) enter(network transport.Network, reg wire.Registration) (*channels, error) {
	reg.UUID, reg.Keeps, reg.EngineProcess = e.uuid, true, e.process()
	conn, err := e.reach(network)
	if err != nil {
		return nil, err
	}
	ch, err := dial(network, conn, string(e.uuid))
	if err != nil {
		return nil, err
	}
	m, err := e.register(e.life, ch, reg)
	if err == nil {
		err = ch.dialRest(m.id)
	}
	if err != nil {
		ch.discard()
		return nil, err
	}
	e.member.Store(m)
	return ch, nil
}

// serve answers on all channels, those of the first controller and of any that
// takes its place, until the engine's life ends.
func (e *Engine) serve(network transport.Network, ch *channels) {
	e.silence = time.AfterFunc(time.Hour, func() {
		e.stop(fmt.Errorf("engine: no heartbeat of the controller for %v: it is gone", e.member.Load().silence))
	})
	defer e.silence.Stop()
	e.begin(ch)
	e.out.attach(e.pub)
	e.worker.Go(e.work)
	for ch != nil && e.attend(ch) {
		e.leave(ch)
		if ch = e.rejoin(network); ch != nil {
			e.begin(ch)
		}
	}

	e.queue.close()
	if !waited(&e.worker, patience) {
		e.log.Warn("user code still runs and is left behind", "engine", e.id())
	}
	if ch == nil { // the controller is away
		return
	}
	time.Sleep(inFlight)
	var s shutdown
	if errors.As(context.Cause(e.life), &s) { // the hub takes this for the end of the engine, too
		e.publish(s.request, e.pub.publish(topicShutdown, "shutdown_reply", s.RawHeader, s.reply()))
	}
	e.unregister(ch.registration)
	ch.close()
	e.receivers.Wait()
}

// begin takes up the service of a controller, by fresh channels.
func (e *Engine) begin(ch *channels) {
	m := e.member.Load()
	e.silence.Reset(m.silence)
	e.kept.keep(m.acknowledges)
	if lost := e.pub.connect(ch.iopub, m); lost > 0 {
		e.log.Warn("output was lost while the controller was away", "messages", lost)
	}
	e.lines.hub.connect(ch.registration)
	for _, l := range []struct {
		line   *line
		socket transport.Socket
		handle func(*request)
	}{
		{&e.lines.mux, ch.mux, e.submit}, {&e.lines.task, ch.task, e.submit},
		{&e.lines.broadcast, ch.broadcast, e.submit}, {&e.lines.control, ch.control, e.control},
	} {
		l.line.connect(l.socket)
		e.receivers.Go(func() { e.receive(l.socket, m.session, l.line, l.handle) })
	}
	e.receivers.Go(func() { e.heartbeat(ch, m) })
}

// waited waits for a group, for so long at most.
func waited(g *sync.WaitGroup, limit time.Duration) bool {
	done := make(chan struct{})
	go func() { g.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}

// receive hands each sound message of a socket on, until the socket is closed.
func (e *Engine) receive(s transport.Socket, session *wire.Session, l *line, handle func(*request)) {
	for {
		frames, err := s.Recv()
		if err != nil {
			return
		}
		m, err := session.Decode(frames)
		if err != nil {
			e.log.Warn("message dropped", "err", err)
			continue
		}
		r := &request{Message: m, line: l}
		r.readMarks()
		handle(r)
	}
}

// submit takes a message of the shell channels: work is queued, what needs no
// turn is answered at once.
func (e *Engine) submit(r *request) {
	switch t := r.Header.MsgType; t {
	case wire.ExecuteRequest, wire.ApplyRequest:
		if ok, reply := e.kept.begin(r.Header.MsgID); !ok { // no request is run twice
			e.log.Warn("request repeated", "task", r.Header.MsgID)
			if reply != nil {
				e.resend(reply)
			}
			return
		}
		switch e.queue.put(r) {
		case unasked:
			e.replyAborted(r)
		case late:
			e.turnAway(r)
		}
	case "kernel_info_request":
		e.kernelInfo(r)
	case "comm_open", "comm_msg", "comm_close": // widgets, which live in Python only
	default:
		e.log.Warn("unknown request", "type", t)
	}
}
