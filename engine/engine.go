package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
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
	cfg Config
	log *slog.Logger
	out *outputs
	// drain gathers what compiled code has printed so far.
	drain func()
	queue *queue

	// life ends when the engine does, by stop, which gives the cause.
	life context.Context
	stop context.CancelCauseFunc
	// worker counts the worker, receivers the goroutines of the channels.
	worker, receivers sync.WaitGroup

	// properties are what cells see as such; the worker's, as is the namespace.
	properties map[string]any

	// set before the first request, and constant from then on
	session *wire.Session
	id      wire.EngineID
	pub     *publisher
	ns      Interpreter

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
	return &Engine{
		cfg: cfg, log: cfg.Log, queue: newQueue(), out: newOutputs(cfg.OutputLimit), drain: func() {},
		properties: make(map[string]any),
	}, nil
}

// Run connects, registers and serves until ctx ends, a client shuts the engine
// down, or nothing has been heard of the controller for too long. The error is
// nil in the first two cases. An engine runs once.
func (e *Engine) Run(ctx context.Context) error {
	e.life, e.stop = context.WithCancelCause(context.WithValue(ctx, propertiesKey{}, e.properties))
	defer e.stop(nil)
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
		case ctx.Err() != nil:
			return nil
		case nsErr != nil:
			return nsErr
		}
	}
	ch, reg, err := e.join(network)
	<-made
	if err != nil {
		if ctx.Err() != nil { // told to end before it had begun
			return nil
		}
		return err
	}
	if nsErr != nil {
		e.unregister(ch.registration)
		ch.close()
		return fmt.Errorf("engine: start the interpreter: %w", nsErr)
	}
	e.log.Info("registered", "engine", e.id, "uuid", e.session.ID)
	e.serve(ch, time.Duration(reg.HeartPeriod)*time.Millisecond)

	var asked shutdown
	switch cause := context.Cause(e.life); {
	case ctx.Err() != nil, errors.As(cause, &asked), errors.Is(cause, errTerminated):
		e.log.Info("ended", "engine", e.id, "cause", cause)
		return nil
	default:
		return cause
	}
}

// join connects to the controller and registers, again if the connection file
// turns out to be that of an earlier controller and is replaced.
func (e *Engine) join(network transport.Network) (*channels, *wire.Registered, error) {
	for {
		conn, file, err := e.connection(e.life)
		if err != nil {
			return nil, nil, err
		}
		if conn.SSH != "" {
			e.log.Warn("the connection file asks for an ssh tunnel, which engines do not make: connecting directly", "ssh", conn.SSH)
		}
		e.session = wire.NewSession(conn.Key, "")
		ch, err := dial(network, conn, e.session.ID)
		if err != nil {
			return nil, nil, err
		}
		reg, err := e.register(e.life, ch.registration, conn.URL(conn.Registration), file)
		if err == nil {
			e.id = reg.ID
			err = ch.dialRest(conn, e.id)
		}
		if err == nil {
			return ch, reg, nil
		}
		ch.close()
		if !errors.Is(err, errReplaced) {
			return nil, nil, err
		}
		e.log.Info("the connection file was stale and has been replaced", "file", e.cfg.ConnectionFile)
	}
}

// serve answers on all channels until the engine's life ends.
func (e *Engine) serve(ch *channels, period time.Duration) {
	metadata := json.RawMessage(fmt.Sprintf(`{"engine":"%s"}`, e.session.ID))
	e.pub = newPublisher(ch.iopub, e.session, e.id, metadata)
	e.out.attach(e.pub)

	e.worker.Go(e.work)
	for _, s := range ch.shell {
		e.receivers.Go(func() { e.receive(s, e.submit) })
	}
	e.receivers.Go(func() { e.receive(ch.control, e.control) })
	silence := time.Duration(e.cfg.MissedPings) * (period + 500*time.Millisecond)
	e.receivers.Go(func() {
		heartbeat(ch.ping, ch.pong, silence, func() {
			e.stop(fmt.Errorf("engine: no heartbeat of the controller for %v: it is gone", silence))
		})
	})

	<-e.life.Done()
	e.queue.close()
	if !waited(&e.worker, patience) {
		e.log.Warn("user code still runs and is left behind", "engine", e.id)
	}
	time.Sleep(inFlight)
	var s shutdown
	if errors.As(context.Cause(e.life), &s) { // the hub takes this for the end of the engine, too
		e.publish(s.request, e.pub.publish([]byte(e.pub.prefix+topicShutdown), "shutdown_reply", s.RawHeader, s.reply()))
	}
	e.unregister(ch.registration)
	ch.close()
	e.receivers.Wait()
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
func (e *Engine) receive(s transport.Socket, handle func(*request)) {
	for {
		frames, err := s.Recv()
		if err != nil {
			return
		}
		m, err := e.session.Decode(frames)
		if err != nil {
			e.log.Warn("message dropped", "err", err)
			continue
		}
		r := &request{Message: m, socket: s}
		r.readMarks()
		handle(r)
	}
}

// submit takes a message of the shell channels: work is queued, what needs no
// turn is answered at once.
func (e *Engine) submit(r *request) {
	switch t := r.Header.MsgType; t {
	case wire.ExecuteRequest, wire.ApplyRequest:
		if !e.queue.put(r) {
			e.replyAborted(r)
		}
	case "kernel_info_request":
		e.kernelInfo(r)
	case "comm_open", "comm_msg", "comm_close": // widgets, which live in Python only
	default:
		e.log.Warn("unknown request", "type", t)
	}
}
