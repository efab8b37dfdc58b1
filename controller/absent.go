package controller

import (
	"errors"
	"sync"
	"time"

	"muster/controller/scheduler"
	"muster/transport"
	"muster/wire"
)

// clientGrace is how long a client may be away, in ticks, before it is lost: its
// connection may be being made again.
const clientGrace = int(5 * time.Second / tick)

// absent are the clients of a channel whose connections have ended, where that
// makes a difference.
type absent struct {
	mu      sync.Mutex     // guards clients
	clients map[string]int // the tick of each at which it is looked for
}

// leave notes a client whose connection has ended.
func (a *absent) leave(client []byte, now int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.clients == nil {
		a.clients = make(map[string]int)
	}
	a.clients[string(client)] = now + clientGrace
}

// due is how many ticks from now the next is looked for, 0 if none is.
func (a *absent) due(now int) (next int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, at := range a.clients {
		if in := max(1, at-now); next == 0 || in < next {
			next = in
		}
	}
	return next
}

// take returns the clients that have been away for long enough, and forgets them.
func (a *absent) take(now int) (clients []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for client, at := range a.clients {
		if at <= now {
			clients = append(clients, client)
			delete(a.clients, client)
		}
	}
	return clients
}

// missAbsent tells the machine which clients have not come back. One that has is
// connected, which a message that means nothing finds out.
func (c *channel) missAbsent() {
	for _, client := range c.absent.take(c.clock()) {
		_, frames, err := c.session.Frames(wire.Acknowledge, nil, nil, wire.MsgIDs{MsgIDs: []wire.MsgID{}})
		if err == nil {
			err = c.client.Send(append([][]byte{[]byte(client)}, frames...))
		}
		if errors.Is(err, transport.ErrUnreachable) {
			c.log.Info("client lost", "channel", c.name, "client", client)
			c.step(scheduler.ClientLost{Client: []byte(client)}, nil)
		}
	}
}
