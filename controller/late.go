package controller

import (
	"errors"
	"sync"
	"time"

	"muster/controller/scheduler"
	"muster/transport"
	"muster/wire"
)

// patience is how long a request waits for the connection of a registered
// engine: one is registered when its heart beats, and its other connections may
// be a moment behind, or be being made again.
const patience = 5 * time.Second

// late are the requests that wait for their engines' connections.
type late struct {
	mu      sync.Mutex // guards engines, and the order of sending
	engines map[wire.EngineUUID]*lateEngine
}

type lateEngine struct {
	since    time.Time
	requests [][][]byte // frames, in the order in which they are to arrive
}

// sendToEngine sends a request, after those that wait, if there are any.
func (c *channel) sendToEngine(frames [][]byte) error {
	c.late.mu.Lock()
	defer c.late.mu.Unlock()
	if l := c.late.engines[wire.EngineUUID(frames[0])]; l != nil {
		l.requests = append(l.requests, frames)
		return nil
	}
	err := c.engine.Give(frames, nil)
	if !errors.Is(err, transport.ErrUnreachable) {
		return err
	}
	if c.late.engines == nil {
		c.late.engines = make(map[wire.EngineUUID]*lateEngine)
	}
	c.late.engines[wire.EngineUUID(frames[0])] = &lateEngine{time.Now(), [][][]byte{frames}}
	if len(c.late.engines) == 1 {
		time.AfterFunc(tick, c.retry)
	}
	return nil
}

// retry sends what waits. What has waited too long is the machine's business.
func (c *channel) retry() {
	c.late.mu.Lock()
	var unsent [][][]byte
	for engine, l := range c.late.engines {
		for len(l.requests) > 0 && !errors.Is(c.engine.Give(l.requests[0], nil), transport.ErrUnreachable) {
			l.requests = l.requests[1:] // or the channel is closed
		}
		if len(l.requests) > 0 && time.Since(l.since) < patience {
			continue
		}
		unsent = append(unsent, l.requests...)
		delete(c.late.engines, engine)
	}
	if len(c.late.engines) > 0 {
		time.AfterFunc(tick, c.retry)
	}
	c.late.mu.Unlock()
	for _, frames := range unsent {
		if m, err := c.session.Inspect(frames); err == nil {
			c.step(scheduler.Unsent{Engine: frames[0], Client: frames[1], ID: m.Header.MsgID}, nil)
		}
	}
}

// forget drops what waits for an engine that is gone: it has been answered.
func (c *channel) forget(engine wire.EngineUUID) {
	c.late.mu.Lock()
	defer c.late.mu.Unlock()
	delete(c.late.engines, engine)
}
