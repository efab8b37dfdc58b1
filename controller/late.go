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
	mu      sync.Mutex // guards what follows, and the order of sending
	engines map[wire.EngineUUID]*lateEngine
	timer   *time.Timer // of the next retry
	over    bool        // there will be none

	retries sync.WaitGroup // counts the one that is due or under way
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
		c.late.again(c.retry)
	}
	return nil
}

// again has requests sent a tick later. The caller holds mu.
func (l *late) again(retry func()) {
	if !l.over {
		l.retries.Add(1)
		l.timer = time.AfterFunc(tick, retry)
	}
}

// end returns when nothing is sent any more, and nothing will be.
func (l *late) end() {
	l.mu.Lock()
	if l.over = true; l.timer != nil && l.timer.Stop() {
		l.retries.Done()
	}
	l.mu.Unlock()
	l.retries.Wait()
}

// retry sends what waits. What has waited too long is the machine's business.
func (c *channel) retry() {
	defer c.late.retries.Done()
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
		c.late.again(c.retry)
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
