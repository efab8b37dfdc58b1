package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster/wire"
)

// A controller drops an answer for a client that is not connected, and requests get lost
// with a connection as well. Where the controller is the same afterwards, and does not
// answer what is sent again, its records tell which.

// inquiries are the times from one question to the next. The sockets connect again one by one,
// and until then an answer may still get lost: some seconds at the most.
var inquiries = [...]time.Duration{0, time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second}

// inquiry is of how many tasks at once.
const inquiry = 256

// answerKeys are those of which an answer is made.
var answerKeys = []string{"msg_id", "received", "result_header", "result_metadata", "result_content", "result_buffers"}

// inquireAfter has the hub asked about what is outstanding. The caller holds mu.
func (c *Client) inquireAfter() {
	var ids []wire.MsgID
	for id, t := range c.pending {
		if t.reply == nil && t.result.kind == toEngines {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		c.receivers.Go(func() { c.inquire(ids) })
	}
}

// inquire asks until all have been answered, or nothing gets lost any more.
func (c *Client) inquire(ids []wire.MsgID) {
	unknown := make(map[wire.MsgID]bool) // to the hub
	for _, pause := range inquiries {
		select {
		case <-c.closed:
			return
		case <-time.After(pause):
		}
		clear(unknown)
		ids = c.outstandingOf(ids)
		for some := range slices.Chunk(ids, inquiry) {
			if err := c.takeAnswers(some, unknown); err != nil {
				c.log.Warn("answers missed", "tasks", len(ids), "err", err)
				return // as when there are no records: they may still come
			}
		}
	}
	if len(unknown) > 0 {
		c.giveUpUnknown(unknown)
	}
}

// outstandingOf are those of some requests that have no answer.
func (c *Client) outstandingOf(ids []wire.MsgID) (left []wire.MsgID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if t := c.pending[id]; t != nil && t.reply == nil {
			left = append(left, id)
		}
	}
	return left
}

// takeAnswers asks for the answers to requests, and notes which ones have no record.
func (c *Client) takeAnswers(ids []wire.MsgID, unknown map[wire.MsgID]bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), missedTimeout)
	defer cancel()
	records, err := c.records(ctx, map[string]any{"msg_id": map[string]any{"$in": ids}}, answerKeys)
	if err != nil {
		return err
	}
	for _, id := range ids {
		unknown[id] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range records {
		r := &records[i]
		delete(unknown, r.MsgID)
		if t := c.pending[r.MsgID]; t != nil && !r.Received.IsZero() {
			c.answer(t, &wire.Message{Header: r.ResultHeader, Metadata: r.ResultMetadata, Content: r.ResultContent, Buffers: r.ResultBuffers})
		}
	}
	return nil
}

// giveUpUnknown fails requests that have no record and are in no queue either: they never
// arrived, or their records were dropped.
func (c *Client) giveUpUnknown(unknown map[wire.MsgID]bool) {
	ctx, cancel := context.WithTimeout(context.Background(), missedTimeout)
	defer cancel()
	queues, err := c.QueueIDs(ctx, All)
	if errors.Is(err, ErrNoEngines) {
		return // they will be answered so, or wait for one
	}
	if err != nil {
		c.log.Warn("answers missed", "tasks", len(unknown), "err", err)
		return
	}
	for _, id := range queues.Unassigned {
		delete(unknown, id)
	}
	for _, e := range queues.Engines {
		for _, id := range slices.Concat(e.Queue, e.Tasks) {
			delete(unknown, id)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range unknown {
		if t := c.pending[id]; t != nil && t.reply == nil {
			c.settle(t, fmt.Errorf("%w: the controller has no record of it", ErrRestarted))
		}
	}
}
