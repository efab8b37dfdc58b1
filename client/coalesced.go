package client

import (
	"encoding/json"
	"errors"
	"fmt"

	"muster/wire"
)

// broadcastTargets is in the metadata of coalesced replies, and of no others.
var broadcastTargets = []byte(`"broadcast_targets"`)

// repliedAll takes in the one reply to a coalescing broadcast.
func (c *Client) repliedAll(m *wire.Message) error {
	id, replies, err := takeApart(m)
	c.mu.Lock()
	defer c.mu.Unlock()
	tasks := c.wholes[id]
	delete(c.wholes, id)
	for _, t := range tasks {
		switch r := replies[t.uuid]; {
		case r != nil:
			c.answer(t, r)
		case err != nil:
			t.release()
			c.settle(t, err)
		default:
			t.release()
			c.settle(t, fmt.Errorf("engine %d is missing in the coalesced reply", t.engine))
		}
	}
	return err
}

// abandon gives up the coalescing broadcasts that an engine which is gone took
// part in, where the controller will not answer them any more: Python's waits
// for all engines. The caller holds mu.
func (c *Client) abandon(gone wire.EngineUUID) {
	if c.recorded {
		return
	}
	for id, tasks := range c.wholes {
		for _, t := range tasks {
			if t.uuid != gone {
				continue
			}
			delete(c.wholes, id)
			for _, other := range tasks {
				other.release()
				c.settle(other, fmt.Errorf("engine %d died, and the controller coalesces the replies of all engines or none: %w", t.engine, died(t.engine, t.id, "")))
			}
			break
		}
	}
}

// takeApart makes of a coalesced reply one for each engine, as the engine would
// have sent it, and returns the id of the request.
func takeApart(m *wire.Message) (wire.MsgID, map[wire.EngineUUID]*wire.Message, error) {
	var metadata struct {
		Original wire.MsgID            `json:"original_msg_id"`
		Targets  []wire.Target         `json:"broadcast_targets"`
		Replies  []wire.BroadcastReply `json:"broadcast_replies"` // wire.BroadcastReplies
	}
	if err := json.Unmarshal(m.Metadata, &metadata); err != nil {
		return metadata.Original, nil, fmt.Errorf("coalesced reply: %w", err)
	}
	if metadata.Replies == nil {
		replies, err := guess(m, metadata.Targets)
		return metadata.Original, replies, err
	}
	if len(metadata.Replies) != len(metadata.Targets) {
		return metadata.Original, nil, fmt.Errorf("coalesced reply: %d replies of %d engines", len(metadata.Replies), len(metadata.Targets))
	}
	replies := make(map[wire.EngineUUID]*wire.Message, len(metadata.Targets))
	buffers := m.Buffers
	for i, r := range metadata.Replies {
		if r.Buffers < 0 || r.Buffers > len(buffers) {
			return metadata.Original, nil, fmt.Errorf("coalesced reply: engine %d has %d buffers of %d that are left", metadata.Targets[i].ID, r.Buffers, len(buffers))
		}
		reply := &wire.Message{RawHeader: r.Header, Metadata: r.Metadata, Content: r.Content, Buffers: buffers[:r.Buffers:r.Buffers]}
		if err := wire.ParseHeader(r.Header, &reply.Header); err != nil {
			return metadata.Original, nil, fmt.Errorf("coalesced reply: header of engine %d: %w", metadata.Targets[i].ID, err)
		}
		replies[metadata.Targets[i].UUID] = reply
		buffers = buffers[r.Buffers:]
	}
	return metadata.Original, replies, nil
}

// guess is takeApart for a reply of Python's controller, which keeps of all
// replies but one only the buffers: the values in the order of the targets
// (protocol section 9). The dicts are taken for everybody's.
func guess(m *wire.Message, targets []wire.Target) (map[wire.EngineUUID]*wire.Message, error) {
	// The number of outputs is one engine's. Without it the status "idle" of
	// each ends its output.
	metadata := without(m.Metadata, wire.Outputs)
	failed := replyError(m.Content, NoEngine, m.Parent.MsgID) != nil
	replies := make(map[wire.EngineUUID]*wire.Message, len(targets))
	buffers := m.Buffers
	for _, t := range targets {
		reply := &wire.Message{Header: m.Header, RawHeader: m.RawHeader, Metadata: metadata, Content: m.Content}
		replies[t.UUID] = reply
		if failed {
			continue // with whom, the reply does not say
		}
		_, rest, err := codec.Deserialize(buffers)
		if err != nil {
			return nil, fmt.Errorf("coalesced reply: value %d of %d: %w (an engine that fails may be passed over in silence)", len(replies), len(targets), err)
		}
		reply.Buffers = buffers[: len(buffers)-len(rest) : len(buffers)-len(rest)]
		buffers = rest
	}
	if !failed && len(buffers) > 0 {
		return nil, errors.New("coalesced reply: more values than engines")
	}
	return replies, nil
}
