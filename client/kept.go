package client

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"muster/wire"
)

// A controller that can be restored (wire.Connected.Restores) may have lost what
// it had not recorded when it was killed. So the client keeps what it sends:
// whole until the request is acknowledged, which says that it is recorded, or
// answered, and by its header alone until it is both (protocol section 17).
//
// A client that is far keeps requests for other controllers too, until they are
// answered: either may have got lost with a connection.

// A kept is one message that may have to be sent again. Client.mu guards it, but
// for sent.
type kept struct {
	number  uint64 // among those of the client, in the order of the calls
	channel *channel
	header  json.RawMessage

	// What follows is dropped when all tasks are acknowledged or answered; so
	// many are not.
	metadata, content json.RawMessage
	buffers           [][]byte
	hold              *hold
	wanting           int

	sent     bool // Client.gate guards it
	sendings int  // since the controller was away for the first time
}

// keep keeps messages with their tasks. The caller holds mu.
func (c *Client) keep(parcels []parcel, h *hold) []kept {
	all := make([]kept, len(parcels))
	for i := range parcels {
		p, k := &parcels[i], &all[i]
		c.requests++
		k.number, k.channel, k.header = c.requests, p.channel, p.message.RawHeader
		for _, t := range p.tasks {
			if !t.ended {
				t.kept = k
				k.wanting++
			}
		}
		if k.wanting > 0 {
			k.metadata, k.content, k.buffers, k.hold = p.message.Metadata, p.message.Content, p.message.Buffers, h
			h.take()
		}
	}
	return all
}

// acknowledged takes in the news that requests are recorded.
func (c *Client) acknowledged(m *wire.Message) error {
	var recorded wire.MsgIDs
	if err := json.Unmarshal(m.Content, &recorded); err != nil {
		return fmt.Errorf("%s: %w", wire.Acknowledge, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range recorded.MsgIDs {
		delete(c.answered, id)
		if t := c.pending[id]; t != nil && t.kept != nil && !t.acknowledged {
			t.acknowledged = true
			t.kept.part()
		}
	}
	return nil
}

// unkeep forgets a request that is answered, or need not be. The caller holds mu.
func (t *task) unkeep() {
	if t.kept != nil {
		if !t.acknowledged {
			t.kept.part()
		}
		t.kept = nil
	}
}

// An answered is a request for work that was answered before it was acknowledged:
// a controller that was killed may have known both, and recorded neither, and
// tasks may depend on it. The restored one is told, and has the answer from the
// engine, which keeps it.
type answered struct {
	id    wire.MsgID
	uuid  wire.EngineUUID // "" of a task for any engine
	place int
	kept  *kept
}

// maxAnswered bounds them: a controller whose disk is full acknowledges nothing.
const maxAnswered = 1 << 16

// noteAnswer has the controller told of a task that it answers, in case that it
// forgets. The caller holds mu.
func (c *Client) noteAnswer(t *task) {
	if c.restores && t.kept != nil && !t.acknowledged && t.result.kind == toEngines && len(c.answered) < maxAnswered {
		c.answered[t.id] = answered{t.id, t.uuid, t.place, t.kept}
	}
}

// remind tells the controller of what was answered and not acknowledged. The
// caller holds gate and mu.
func (c *Client) remind(same bool) {
	all := slices.SortedFunc(maps.Values(c.answered), func(a, b answered) int {
		return cmp.Or(cmp.Compare(a.kept.number, b.kept.number), cmp.Compare(a.place, b.place))
	})
	for i, a := range all {
		ch, m := c.again(&task{id: a.id, uuid: a.uuid, kept: a.kept, acknowledged: true, result: &AsyncResult{kind: toEngines}}, same)
		if err := ch.send(c.session.Encode(m), true, nil); err != nil {
			c.log.Warn("controller not told of an answer", "task", a.id, "err", err)
		}
		if i == len(all)-1 || all[i+1].kept != a.kept {
			a.kept.sendings++
		}
	}
}

// part notes a task that does not want the whole request any more. The caller
// holds mu.
func (k *kept) part() {
	if k.wanting--; k.wanting == 0 {
		k.metadata, k.content, k.buffers = nil, nil, nil
		k.hold.release()
	}
}

// again is the message by which a task's request is sent once more, on the mux
// channel if it is of a broadcast; whether to the same controller is for that to
// know. The caller holds gate and mu.
func (c *Client) again(t *task, same bool) (*channel, *wire.Message) {
	k := t.kept
	ch, m := k.channel, &wire.Message{RawHeader: k.header, Metadata: wire.Empty, Content: wire.Empty}
	if t.uuid != "" {
		m.Route = [][]byte{[]byte(t.uuid)}
	}
	if !t.acknowledged {
		m.Metadata, m.Content, m.Buffers = k.metadata, k.content, k.buffers
	}
	if ch == c.broadcast {
		ch, m.RawHeader, m.Metadata = c.mux, ownHeader(m.RawHeader, t.id), ownMetadata(m.Metadata)
	}
	if k.sent && t.result.kind == toEngines {
		m.Metadata = with(m.Metadata, `"`+wire.Again+`":true`)
		if same {
			m.Metadata = with(m.Metadata, fmt.Sprintf(`"%s":%q`, wire.SentTo, c.instance))
		}
		if k.sendings > 0 { // the same message once more would be a replay
			m.Metadata = with(m.Metadata, fmt.Sprintf(`"%s":%d`, wire.Sendings, k.sendings+2))
		}
	}
	return ch, m
}

// ownHeader is the header of a broadcast for one of its tasks.
func ownHeader(header json.RawMessage, id wire.MsgID) json.RawMessage {
	var h struct {
		ID wire.MsgID `json:"msg_id"`
	}
	json.Unmarshal(header, &h) // which this client has made
	return bytes.Replace(header, []byte(`"`+h.ID+`"`), []byte(`"`+id+`"`), 1)
}

// ownMetadata is the metadata of a broadcast for one of its tasks.
func ownMetadata(metadata json.RawMessage) json.RawMessage {
	for _, key := range [...]string{"targets", "is_broadcast", "is_coalescing", wire.BroadcastReplies} {
		metadata = without(metadata, key)
	}
	return metadata
}

// with is a JSON object with one more member.
func with(object json.RawMessage, member string) json.RawMessage {
	object = bytes.TrimSpace(object)
	out := append([]byte("{"), member...)
	if len(object) > len(`{}`) {
		out = append(out, ',')
	}
	return append(out, object[1:]...)
}

// owned are requests whose buffers belong to the client.
func owned(requests []*request) []*request {
	out := make([]*request, len(requests))
	for i, r := range requests {
		own := *r
		own.buffers = make([][]byte, len(r.buffers))
		for k, b := range r.buffers {
			own.buffers[k] = bytes.Clone(b)
		}
		out[i] = &own
	}
	return out
}
