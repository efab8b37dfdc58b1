package client

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"muster/wire"
)

// What a client remembers of the calls it has made, for GetResult. All of it is
// bounded: a client that makes calls for ever does not grow.
const (
	// MaxHistory is how many ids of requests History goes back.
	MaxHistory = 4096
	// maxRemembered is how many calls that are done are remembered with their
	// results, as long as these take no more than maxRememberedBytes.
	maxRemembered      = 1024
	maxRememberedBytes = 16 << 20
)

// A memory holds the latest calls. Client.mu guards it.
type memory struct {
	ids   []wire.MsgID   // of requests, in the order of sending; of more than MaxHistory the last count
	calls []*AsyncResult // done, in that order
	bytes int            // what the calls take, about
	sent  uint64         // calls in all
	last  int            // requests of the last call
}

// send notes a call that was sent.
func (m *memory) send(ar *AsyncResult) {
	m.sent++
	ar.number, m.last = m.sent, len(ar.tasks)
	for i := range ar.tasks {
		m.ids = append(m.ids, ar.tasks[i].id)
	}
	if len(m.ids) > 2*MaxHistory {
		m.ids = append([]wire.MsgID(nil), m.history()...)
	}
}

// history is what is known of the ids.
func (m *memory) history() []wire.MsgID { return m.ids[max(0, len(m.ids)-MaxHistory):] }

// keep remembers a call that is done, and forgets the oldest instead.
func (m *memory) keep(ar *AsyncResult) {
	m.calls = append(m.calls, ar)
	m.bytes += ar.size()
	for len(m.calls) > maxRemembered || m.bytes > maxRememberedBytes {
		m.bytes -= m.calls[0].size()
		m.calls[0] = nil
		m.calls = m.calls[1:]
	}
}

// size is about how many bytes a call takes that is done.
func (ar *AsyncResult) size() (n int) {
	const fixed = 1 << 10 // of the task, the headers and the values
	for i := range ar.tasks {
		t := &ar.tasks[i]
		n += fixed
		if t.reply != nil {
			n += len(t.reply.Content) + len(t.reply.Metadata)
			for _, b := range t.reply.Buffers {
				n += len(b)
			}
		}
		if o := t.output; o != nil {
			n += cap(o.stdout.head) + cap(o.stdout.tail) + cap(o.stderr.head) + cap(o.stderr.tail) + o.displayed
		}
	}
	return n
}

// History returns the ids of the latest requests that the client has sent to
// engines and scheduler, oldest first, at most MaxHistory of them. GetResult
// takes them.
func (c *Client) History() []wire.MsgID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.memory.history())
}

// Outstanding returns the ids of the requests that are not done, in the order
// in which they were sent.
func (c *Client) Outstanding() []wire.MsgID {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []wire.MsgID
	for _, ar := range c.outstanding() {
		for i := range ar.tasks {
			if t := &ar.tasks[i]; !t.ended {
				ids = append(ids, t.id)
			}
		}
	}
	return ids
}

// outstanding are the calls that are not done, in the order in which they were
// sent. The caller holds mu.
func (c *Client) outstanding() []*AsyncResult {
	seen := make(map[*AsyncResult]bool)
	var calls []*AsyncResult
	for _, t := range c.pending {
		if t.result.kind == toEngines && !seen[t.result] {
			seen[t.result] = true
			calls = append(calls, t.result)
		}
	}
	slices.SortFunc(calls, func(a, b *AsyncResult) int { return cmp.Compare(a.number, b.number) })
	return calls
}

// Barrier waits until calls are done: those given, or without any, all that
// are outstanding now. It does not tell how they went, as Get does.
func (c *Client) Barrier(ctx context.Context, calls ...*AsyncResult) error {
	if len(calls) == 0 {
		c.mu.Lock()
		calls = c.outstanding()
		c.mu.Unlock()
	}
	for i, ar := range calls {
		if err := ar.Wait(ctx); err != nil {
			return fmt.Errorf("client: barrier, %d of %d calls are done: %w", i, len(calls), context.Cause(ctx))
		}
	}
	return nil
}

// Spin does nothing: replies and output are taken in as they come, by
// goroutines of the client. Clients of other languages need it for that.
func (c *Client) Spin() {}

// Flush drops what is outstanding, and forgets the results of what is done.
// The calls that are dropped fail with ErrFlushed; their engines go on (see
// Abort and Interrupt), and the hub keeps the results. Their ids stay in
// History.
func (c *Client) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.pending {
		if t.result.kind == toEngines {
			c.settle(t, ErrFlushed)
		}
	}
	c.memory.calls, c.memory.bytes = nil, 0
}

// remembered yields the tasks that the client knows, the latest calls first.
// The caller holds mu.
func (c *Client) remembered(yield func(*task) bool) {
	calls := append(c.outstanding(), c.memory.calls...)
	slices.SortFunc(calls, func(a, b *AsyncResult) int { return cmp.Compare(b.number, a.number) })
	for _, ar := range calls {
		for i := len(ar.tasks) - 1; i >= 0; i-- {
			if !yield(&ar.tasks[i]) {
				return
			}
		}
	}
}

// recall finds those of some requests that the client knows. The caller holds
// mu.
func (c *Client) recall(ids []wire.MsgID) map[wire.MsgID]*task {
	found := make(map[wire.MsgID]*task, len(ids))
	for _, id := range ids {
		found[id] = nil
	}
	for t := range c.remembered {
		if _, wanted := found[t.id]; wanted {
			found[t.id] = t
		}
	}
	return found
}

// command finds the execution of that number in an engine's history, or from
// the end of this client's executions there; nil when the client does not
// remember it. The caller holds mu.
func (c *Client) command(e *engine, n int) *task {
	for t := range c.remembered {
		switch {
		case !t.result.numbered || t.uuid != e.uuid:
		case n > 0:
			if t.describe().ExecutionCount == n {
				return t
			}
		default:
			if n++; n == 0 {
				return t
			}
		}
	}
	return nil
}
