package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"muster/controller/hub"
	"muster/controller/scheduler"
	"muster/transport"
	"muster/wire"
)

const (
	// tick is the machines' unit of time. Between two due ticks the loop
	// sleeps, so an idle controller wakes once a heartbeat.
	tick = 50 * time.Millisecond
	// gather is how long the hub lets observations collect: it wakes for a
	// batch, and not for every message.
	gather = 2 * time.Millisecond
	// inFlight is how many ticks the replies of an engine that is gone may
	// take: they come by other connections than the news of its end.
	inFlight = 2
	// farewell is the time between a shutdown_reply and the end.
	farewell = time.Second
)

// errShutdown ends a run that a client asked to end.
var errShutdown = errors.New("shutdown was requested")

// A mailbox holds what the hub has to be told, in order. Putting never waits.
type mailbox struct {
	now, soon chan struct{} // of length 1

	mu     sync.Mutex // guards events
	events []hub.Event
}

func newMailbox() *mailbox {
	return &mailbox{now: make(chan struct{}, 1), soon: make(chan struct{}, 1)}
}

// post adds an event that somebody waits for.
func (b *mailbox) post(ev hub.Event) { b.add(ev, b.now) }

// observe adds an event that may wait for others.
func (b *mailbox) observe(ev hub.Event) { b.add(ev, b.soon) }

func (b *mailbox) add(ev hub.Event, signal chan struct{}) {
	b.mu.Lock()
	b.events = append(b.events, ev)
	first := len(b.events) == 1
	b.mu.Unlock()
	if first || signal == b.now {
		select {
		case signal <- struct{}{}:
		default:
		}
	}
}

// wake has the hub's goroutine look at what is due, as if there were an event.
func (b *mailbox) wake() {
	select {
	case b.now <- struct{}{}:
	default:
	}
}

// take returns the events and gives the mailbox an emptied slice to fill.
func (b *mailbox) take(emptied []hub.Event) []hub.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.events
	b.events = emptied
	return events
}

// A loop is the hub's goroutine: it owns the hub and its clock.
type loop struct {
	hub      *hub.Machine
	mail     *mailbox
	channels []*channel
	tasks    *channel // of channels, the one with the task queue
	control  *channel // and the one by which engines are told what is no work

	records records // nil unless they outlive the controller
	// open begins to receive requests and replies, when the engines of an
	// earlier controller have been adopted.
	open func()

	query, notify, ping transport.Socket
	session             *wire.Session
	instance            string
	log                 *slog.Logger

	start time.Time
	clock func() int // counts the ticks since the start
	ticks int        // that the hub knows of
	exit  <-chan time.Time
}

// run serves until the context ends or the hub says so, and returns why.
func (l *loop) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var events []hub.Event
	for {
		timer.Reset(time.Until(l.start.Add(time.Duration(l.ticks+l.due()) * tick)))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.exit:
			return errShutdown
		case <-timer.C:
		case <-l.mail.now:
		case <-l.mail.soon:
			timer.Reset(gather)
			select {
			case <-ctx.Done():
			case <-l.mail.now:
			case <-timer.C:
			}
		}
		l.advance()
		clear(events)
		events = l.turn(events[:0])
	}
}

// turn steps the hub with what it has been told. What is noted of requests is
// noted after the hub is told as much.
func (l *loop) turn(emptied []hub.Event) []hub.Event {
	var noted uint64
	if l.records != nil {
		noted = l.records.Noted()
	}
	events := l.mail.take(emptied)
	l.step(events)
	if l.records != nil {
		l.records.Reached(noted)
	}
	return events
}

func (l *loop) step(events []hub.Event) {
	for _, ev := range events {
		for _, a := range l.hub.Step(ev) {
			l.do(a)
		}
	}
}

// drain steps the hub with what it has been told before the end.
func (l *loop) drain() { l.turn(nil) }

// due is how many ticks from now some machine wants one.
func (l *loop) due() int {
	due := l.hub.Due()
	for _, c := range l.channels {
		if d := c.due(); d > 0 {
			due = min(due, d)
		}
	}
	return due
}

// advance tells the machines how many ticks have passed.
func (l *loop) advance() {
	n := l.clock() - l.ticks
	if n == 0 {
		return
	}
	l.ticks += n
	for _, a := range l.hub.Step(hub.Tick{N: n}) {
		l.do(a)
	}
	for _, c := range l.channels {
		c.tick()
	}
}

// lasts is how many ticks there are until the end of a job: 0 where that is not
// known, and otherwise one at least.
func lasts(end wire.Time) int {
	if end.IsZero() {
		return 0
	}
	return max(1, int(time.Until(end.Time)/tick))
}

// place gives every scheduler an event.
func (l *loop) place(ev scheduler.Event) {
	for _, c := range l.channels {
		c.step(ev, nil)
	}
}

// do carries out an action. Those that answer a query may come from any
// goroutine.
func (l *loop) do(a hub.Action) {
	var err error
	switch a := a.(type) {
	case hub.Reply:
		err = l.reply(a)
	case hub.Notify:
		err = l.send(l.notify, nil, a.Type, a.Parent, a.Content)
	case hub.Ping:
		err = l.ping.Send([][]byte{[]byte(a.Beat)})
	case hub.Up:
		l.place(scheduler.EngineUp{ID: a.ID, UUID: a.UUID, Lasts: lasts(a.JobEnd)})
		l.log.Info("engine registered", "engine", a.ID, "uuid", a.UUID)
	case hub.Draining:
		l.tasks.step(scheduler.EngineDraining{UUID: a.UUID}, nil)
		l.log.Info("engine drains", "engine", a.ID, "uuid", a.UUID)
	case hub.Down:
		l.place(scheduler.EngineDown{UUID: a.UUID, Cause: a.Cause})
		for _, c := range l.channels {
			c.forget(a.UUID)
		}
		l.log.Info("engine gone", "engine", a.ID, "uuid", a.UUID, "cause", a.Cause)
	case hub.Refused:
		l.log.Warn("engine not registered", "uuid", a.UUID, "cause", a.Cause)
	case hub.Resubmit:
		l.resubmit(a.Message)
	case hub.Acknowledge:
		err = l.acknowledge(a)
	case hub.Resend:
		err = l.control.tell(a.Engine, wire.Resend, wire.MsgIDs{MsgIDs: a.IDs})
	case hub.Resume:
		l.resume(a)
	case hub.Open:
		l.log.Info("restored", "engines", a.Engines, "expected", a.Expected,
			"continued", a.Continued, "again", a.Again, "waiting", a.Waiting, "unknown", a.Unknown)
		l.open()
	case hub.Verdict:
		l.channel(a.Queue).verdicts <- a
	case hub.Deliver:
		err = l.channel(a.Queue).deliver([]byte(a.Client), a.Answer)
	case hub.Enlist:
		l.records.Enlist(a.Engine)
	case hub.Keep:
		l.records.Keep(a.Change)
	case hub.Find:
		l.records.Find(a.Query, func(f hub.Found) {
			for _, a := range a.Then(f) {
				l.do(a)
			}
		})
	case hub.Exit:
		if l.exit == nil {
			l.log.Info("shutdown requested")
			l.exit = time.After(farewell)
		}
	}
	if err != nil && !errors.Is(err, transport.ErrClosed) {
		l.log.Error("hub: send failed", "err", err)
	}
}

// acknowledge tells a client what is durable of what it has sent, or an engine.
func (l *loop) acknowledge(a hub.Acknowledge) error {
	content := wire.MsgIDs{MsgIDs: a.IDs}
	if a.Engine != "" {
		return l.control.tell(a.Engine, wire.Acknowledge, content)
	}
	return l.send(l.query, []byte(a.Client), wire.Acknowledge, nil, content)
}

// reply answers a request, with an error where the answer is no message.
func (l *loop) reply(a hub.Reply) error {
	content, err := json.Marshal(a.Content)
	if err == nil && len(content) > wire.MaxDict {
		err = fmt.Errorf("the answer takes %d MiB, and a message holds %d: ask for fewer records, or fewer keys of them", len(content)>>20, wire.MaxDict>>20)
	}
	if err != nil {
		if content, err = json.Marshal(wire.Failure("ValueError", err.Error())); err != nil {
			return err
		}
		a.Buffers = nil
	}
	return l.send(l.query, []byte(a.To), a.Type, a.Parent, json.RawMessage(content), a.Buffers...)
}

func (l *loop) send(to transport.Socket, identity []byte, kind string, parent []byte, content any, buffers ...[]byte) error {
	_, frames, err := l.session.Frames(kind, parent, nil, content, buffers...)
	if err != nil {
		return err
	}
	if identity != nil {
		frames = append([][]byte{identity}, frames...)
	}
	return to.Send(frames)
}

// nobody is a client identity that no router knows: replies to resubmitted
// tasks go to the hub's records alone, those to the scheduler's own requests
// nowhere.
const nobody = "hub"

// resubmit puts a message into the task queue as if a client had sent it.
func (l *loop) resubmit(m *wire.Message) {
	frames := append([][]byte{[]byte(nobody)}, l.session.Encode(m)...)
	if m, err := l.session.Inspect(frames); err == nil {
		l.tasks.request(frames, m)
	}
}

// receive hands what comes to the registration port to the hub.
func (l *loop) receive() error {
	for {
		frames, err := l.query.Recv()
		if err != nil {
			return err
		}
		m, err := l.session.Decode(frames)
		if err != nil || len(m.Route) == 0 {
			l.log.Warn("hub: message dropped", "err", err)
			continue
		}
		l.mail.post(hub.Request{From: string(m.Route[0]), Message: m})
	}
}

// receivePongs hands heartbeats to the hub.
func (l *loop) receivePongs(pong transport.Socket) error {
	for {
		frames, err := pong.Recv()
		if err != nil {
			return err
		}
		if len(frames) == 2 {
			l.mail.post(hub.Pong{Engine: wire.EngineUUID(frames[0]), Beat: string(frames[1])})
		}
	}
}

// relayOutputs shows the hub what engines publish, and passes it on unchanged: who has
// heard it and asks for the record finds it there.
func (l *loop) relayOutputs(from, to transport.Socket) error {
	for {
		frames, err := from.Recv()
		if err != nil {
			return err
		}
		// The status messages around every request are no part of a record.
		if !strings.HasSuffix(string(frames[0]), ".status") {
			if m, err := l.session.Inspect(frames); err == nil {
				l.mail.observe(hub.Output{Message: m})
			}
		}
		if err := to.Give(frames, nil); err != nil {
			return err
		}
	}
}
