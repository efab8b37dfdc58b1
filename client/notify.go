package client

import (
	"context"
	"fmt"

	"muster/wire"
)

// An EngineEvent is news of an engine: it has registered, or it is gone.
type EngineEvent struct {
	Engine EngineID
	UUID   wire.EngineUUID
	Up     bool // it came; else it went
	// Cause says why it went, as in "killed by signal 9 (SIGKILL)"; "" if the
	// controller does not tell.
	Cause string
}

func (e EngineEvent) String() string {
	if e.Up {
		return fmt.Sprintf("engine %d registered", e.Engine)
	}
	if e.Cause != "" {
		return fmt.Sprintf("engine %d is gone: %s", e.Engine, e.Cause)
	}
	return fmt.Sprintf("engine %d is gone", e.Engine)
}

// A notice is a link in the chain of all news, which each reader follows at
// its own pace; what all have read is garbage.
type notice struct {
	ready chan struct{} // closes when what follows is set
	event EngineEvent
	next  *notice // nil at the end of all news
}

func newNotice() *notice { return &notice{ready: make(chan struct{})} }

// note adds news to the chain. The caller holds mu.
func (c *Client) note(e EngineEvent) {
	n := c.news
	n.event, n.next = e, newNotice()
	c.news = n.next
	close(n.ready)
}

// Notifications returns the engines that come and go from now on, all of them
// and in order; it may be read at any pace. Engines that were there before are
// not among them: whoever wants these too asks for IDs afterwards. The channel
// is closed when the context ends or the client is closed, and when the
// controller is gone, after the news that all engines are.
func (c *Client) Notifications(ctx context.Context) <-chan EngineEvent {
	events := make(chan EngineEvent)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		close(events)
		return events
	}
	news := c.news
	c.receivers.Go(func() {
		defer close(events)
		for {
			select {
			case <-news.ready:
			case <-ctx.Done():
				return
			case <-c.closed:
				return
			}
			if news.next == nil {
				return
			}
			select {
			case events <- news.event:
			case <-ctx.Done():
				return
			case <-c.closed:
				return
			}
			news = news.next
		}
	})
	return events
}
