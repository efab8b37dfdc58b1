package controller

import (
	"errors"
	"log/slog"
	"strings"
	"sync"

	"muster/controller/hub"
	"muster/controller/scheduler"
	"muster/transport"
	"muster/wire"
)

// A channel is a pair of routers, one for clients and one for engines, and the
// machine that routes between them. Each router has a goroutine that receives
// from it; both step the machine.
type channel struct {
	name           string
	client, engine transport.Socket
	session        *wire.Session
	instance       string
	log            *slog.Logger
	// observe tells the hub, which keeps records of this queue; nil where it
	// keeps none.
	observe func(hub.Event)
	queue   hub.Queue
	// records are those that outlive the controller, nil where none do.
	records records
	// ask is observe where somebody waits for the hub, which answers by
	// verdicts. done is closed when it answers no more.
	ask      func(hub.Event)
	verdicts chan hub.Verdict
	done     <-chan struct{}
	// broadcast is the channel to which the parts of broadcasts belong that
	// clients send again by this one.
	broadcast *channel
	// control is the channel by which engines are asked to abort tasks, and for
	// replies that they keep; nil where nothing of the kind is asked.
	control *channel

	// clock counts the ticks since the controller began.
	clock func() int

	late   late
	absent absent

	mu      sync.Mutex // guards machine and ticks
	machine scheduler.Machine
	ticks   int // that the machine knows of
}

// serveClients passes requests on until the router is closed.
func (c *channel) serveClients() error {
	for {
		frames, err := c.client.Recv()
		if err != nil {
			return err
		}
		m, err := c.session.Decode(frames)
		if err != nil {
			c.log.Warn("request dropped", "channel", c.name, "err", err)
			continue
		}
		if c.records != nil {
			c.records.Admit()
		}
		if c.verdicts != nil && sentAgain(m) {
			c.again(frames, m)
			continue
		}
		c.request(frames, m)
	}
}

// request takes a request whose signature has been checked.
func (c *channel) request(frames [][]byte, m *wire.Message) {
	if c.observe != nil {
		switch {
		case c.queue == hub.Task:
			c.observe(hub.Submitted{Queue: c.queue, Message: m})
		case c.queue == hub.Mux && len(m.Route) == 2:
			c.submitted(m, wire.EngineUUID(m.Route[1]), 1)
		}
	}
	c.step(scheduler.Request{Frames: frames, Message: m}, m)
}

// submitted tells the hub of a request that is about to go to an engine, which
// then is on record as well.
func (c *channel) submitted(m *wire.Message, engine wire.EngineUUID, copies int) {
	c.observe(hub.Submitted{Queue: c.queue, Engine: engine, Copies: copies, Message: m})
	if c.records != nil && strings.HasSuffix(m.Header.MsgType, "_request") {
		c.records.Sent(hub.Sent{Task: m.Header.MsgID, Engine: engine, Queue: c.queue})
	}
}

// serveEngines passes replies on until the router is closed.
func (c *channel) serveEngines() error {
	for {
		frames, err := c.engine.Recv()
		if err != nil {
			return err
		}
		m, err := c.session.Inspect(frames)
		if err != nil {
			c.log.Warn("reply dropped", "channel", c.name, "err", err)
			continue
		}
		if !c.step(scheduler.Reply{Frames: frames, Message: m}, m) && c.records != nil {
			// The machine changes the route only of what it relays.
			c.observe(hub.Unwanted{Task: m.Parent.MsgID, Engine: wire.EngineUUID(frames[0])})
		}
	}
}

// step gives the machine an event and does what it says. The lock covers the
// decision and not its sending: the order between what two goroutines send is
// nobody's promise, and a send takes longer than a step. m is the message of
// the event, nil if it has none. It tells whether there was anything to do.
func (c *channel) step(ev scheduler.Event, m *wire.Message) bool {
	c.mu.Lock()
	actions := c.advance()
	n := len(actions)
	actions = append(actions, c.machine.Step(ev)...)
	c.placed(actions)
	c.mu.Unlock()
	c.perform(actions, m)
	return len(actions) > n
}

// tick tells the machine the time, if no event does.
func (c *channel) tick() {
	c.mu.Lock()
	actions := c.advance()
	c.placed(actions)
	c.mu.Unlock()
	c.perform(actions, nil)
	c.missAbsent()
}

// advance tells the machine how many ticks have passed. The caller holds mu.
func (c *channel) advance() []scheduler.Action {
	n := c.clock() - c.ticks
	if n == 0 {
		return nil
	}
	c.ticks += n
	return c.machine.Step(scheduler.Tick{N: n})
}

// placed tells the hub where tasks are. The caller holds mu, for the order in
// which a task is placed and placed again is the record.
func (c *channel) placed(actions []scheduler.Action) {
	if c.observe == nil {
		return
	}
	for _, a := range actions {
		switch a := a.(type) {
		case scheduler.Placed:
			c.observe(hub.Placed{Task: a.Task, Engine: a.Engine})
			if c.records != nil {
				c.records.Sent(hub.Sent{Task: a.Task, Engine: a.Engine, Queue: c.queue})
			}
		case scheduler.Tried:
			c.observe(hub.Tried(a))
		}
	}
}

// perform does the rest of what the machine says.
func (c *channel) perform(actions []scheduler.Action, m *wire.Message) {
	for _, a := range actions {
		if err := c.do(a, m); err != nil {
			c.log.Error("send failed", "channel", c.name, "err", err)
		}
	}
}

func (c *channel) do(a scheduler.Action, m *wire.Message) error {
	switch a := a.(type) {
	case scheduler.Relay:
		if a.To == scheduler.ToClient {
			c.replied(m, a.Ends)
		}
		return c.send(a.To, a.Frames)
	case scheduler.Sign:
		if a.To == scheduler.ToEngine && c.queue == hub.Broadcast {
			c.submitted(a.Message, wire.EngineUUID(a.Message.Route[0]), a.Copies)
		}
		return c.send(a.To, c.session.Encode(a.Message))
	case scheduler.Record:
		c.replied(a.Message, nil)
	case scheduler.Answer:
		m := c.message(a)
		c.replied(m, a.Ends)
		m.Route = [][]byte{a.Client}
		return c.send(scheduler.ToClient, c.session.Encode(m))
	case scheduler.Tell:
		_, frames, err := c.session.Frames(a.Type, a.Parent, nil, a.Content)
		if err != nil {
			return err
		}
		return c.send(scheduler.ToClient, append([][]byte{a.Client}, frames...))
	case scheduler.Abort:
		return c.control.abort(a)
	}
	return nil
}

// message makes the message of an answer.
func (c *channel) message(a scheduler.Answer) *wire.Message {
	_, frames, err := c.session.Frames(a.Type, a.Parent, a.Metadata, a.Content)
	if err == nil {
		var m *wire.Message
		if m, err = c.session.Inspect(frames); err == nil {
			return m
		}
	}
	panic(err) // it is made of strings, and of a header that was parsed
}

// abort asks an engine to abort tasks. Its reply goes to nobody: those of the
// tasks tell what became of them.
func (c *channel) abort(a scheduler.Abort) error {
	_, frames, err := c.session.Frames(wire.AbortRequest, nil, nil, wire.Abort{MsgIDs: a.IDs, Running: a.Running})
	if err != nil {
		return err
	}
	frames = append([][]byte{[]byte(nobody), []byte(a.Engine)}, frames...)
	m, err := c.session.Inspect(frames)
	if err == nil {
		c.request(frames, m)
	}
	return err
}

// tell sends an engine a message that has no reply.
func (c *channel) tell(engine wire.EngineUUID, kind string, content any) error {
	_, frames, err := c.session.Frames(kind, nil, nil, content)
	if err != nil {
		return err
	}
	return c.sendToEngine(append([][]byte{[]byte(engine), []byte(nobody)}, frames...))
}

// replied tells the hub of an answer, before the client can ask about it. The
// outcome, if there is one, is then on record before the client knows it.
func (c *channel) replied(m *wire.Message, o *scheduler.Outcome) {
	if c.observe == nil {
		return
	}
	c.observe(hub.Replied{Message: m, At: wire.Now()})
	if o != nil {
		c.records.Ended(hub.Outcome(*o))
	}
}

// send sends to a side what was received or made here, and is changed no more.
// A client that is gone needs no answer.
func (c *channel) send(to scheduler.Side, frames [][]byte) error {
	if to == scheduler.ToEngine {
		return c.sendToEngine(frames)
	}
	if err := c.client.Give(frames, nil); !errors.Is(err, transport.ErrUnreachable) {
		return err
	}
	return nil
}

// due is how many ticks from now the machine wants one, or an absent client is to
// be looked for; 0 is never.
func (c *channel) due() int {
	absent := c.absent.due(c.clock())
	c.mu.Lock()
	defer c.mu.Unlock()
	if due := c.machine.Due(); absent == 0 || due > 0 && due < absent {
		return due
	}
	return absent
}
