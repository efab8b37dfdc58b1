package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"muster/transport"
	"muster/wire"
)

// receive starts the goroutine that takes in what comes by a socket, until the
// socket is closed.
func (c *Client) receive(s transport.Socket, channel string, handle func(frames [][]byte) error) {
	c.incoming.Go(func() {
		for {
			frames, err := s.Recv()
			if err != nil {
				if !errors.Is(err, transport.ErrClosed) {
					c.stop(fmt.Errorf("receive by the %s channel: %w", channel, err))
				}
				return
			}
			switch err := handle(frames); {
			case err == nil:
			case errors.Is(err, wire.ErrReplay) && c.keeps.Load(): // an answer that was asked for again
				c.log.Debug("message dropped", "channel", channel, "err", err)
			default:
				c.log.Warn("message dropped", "channel", channel, "err", err)
			}
		}
	})
}

// replied takes in a reply, from whatever channel: the id of the request in
// its parent header says whose it is. (Its type does not: nannies of Python
// engines answer by "_request", protocol section 11.)
func (c *Client) replied(frames [][]byte) error {
	m, err := c.session.Decode(frames)
	if err != nil {
		return err
	}
	if bytes.Contains(m.Metadata, broadcastTargets) {
		return c.repliedAll(m)
	}
	if m.Header.MsgType == wire.Acknowledge {
		return c.acknowledged(m)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if whole := c.wholes[m.Parent.MsgID]; whole != nil { // refused to all alike
		delete(c.wholes, m.Parent.MsgID)
		for _, t := range whole {
			c.answer(t, m)
		}
		return nil
	}
	if n := c.dropped[m.Parent.MsgID]; n != nil {
		*n--
		delete(c.dropped, m.Parent.MsgID)
	}
	if t := c.pending[m.Parent.MsgID]; t != nil {
		c.answer(t, m)
	}
	return nil
}

// answer gives a task its reply. The caller holds mu.
func (c *Client) answer(t *task, m *wire.Message) {
	t.release()
	if t.ended || t.reply != nil {
		return // its engine was taken for dead, or the task was answered
	}
	c.noteAnswer(t)
	t.unkeep()
	t.reply, t.received = m, time.Now()
	t.heard = t.received
	if t.engine == NoEngine && t.result.kind == toEngines {
		c.locate(t)
	}
	if t.complete() {
		c.settle(t, nil)
	} else {
		c.sweepIn(t.grace())
	}
}

// locate notes which engine a load-balanced task ran on. The caller holds mu.
func (c *Client) locate(t *task) {
	var uuid []byte
	flat := wire.EachMember(t.reply.Metadata, func(key, value []byte) {
		if string(key) == "engine" {
			uuid = bytes.Trim(value, `"`)
		}
	})
	if !flat {
		var m struct {
			Engine string `json:"engine"`
		}
		json.Unmarshal(t.reply.Metadata, &m) // what cannot be read names no engine
		uuid = []byte(m.Engine)
	}
	id, known := c.ids[wire.EngineUUID(uuid)]
	if !known {
		return
	}
	t.engine = id
	if at, ok := c.find(id); ok && string(c.engines[at].uuid) == string(uuid) {
		t.uuid = c.engines[at].uuid // the same, once for all tasks
	} else {
		t.uuid = wire.EngineUUID(uuid)
	}
}

// outputGrace is how long a task that was answered waits for the next message
// of its output. iopub promises nothing: what is published while a
// subscription is on its way is gone.
const outputGrace = 10 * time.Second

// brokenGrace is that of a task over which the controller was away: what was
// published meanwhile will not come, and what came after it has hardly waited.
const brokenGrace = 500 * time.Millisecond

func (t *task) grace() time.Duration {
	if t.broken {
		return brokenGrace
	}
	return outputGrace
}

// sweepIn has sweep called then, or before. The caller holds mu.
func (c *Client) sweepIn(d time.Duration) {
	due := time.Now().Add(d)
	switch {
	case c.sweeper == nil:
		c.sweeper = time.AfterFunc(d, c.sweep)
	case due.Before(c.sweeps):
		c.sweeper.Reset(d)
	default:
		return
	}
	c.sweeps = due
}

// sweep settles what waits for output in vain.
func (c *Client) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweeper = nil
	if c.err != nil {
		return
	}
	now, next, soon := time.Now(), time.Duration(0), outputGrace
	var missed []*task
	for _, t := range c.pending {
		if t.reply == nil || t.asked {
			continue
		}
		if left := t.grace() - now.Sub(t.heard); left > 0 {
			if next = max(next, left); t.broken {
				soon = brokenGrace
			}
			continue
		}
		missed = append(missed, t)
	}
	c.catchUp(missed...)
	if next > 0 {
		c.sweepIn(min(next, soon))
	}
}

// published takes in a message of iopub. The controller relays those of all
// engines to all clients, so what is not for this session is dropped before
// anything is spent on it.
func (c *Client) published(frames [][]byte) error {
	if _, rest, err := wire.Split(frames); err != nil || !bytes.Contains(rest[3], c.mark) {
		return err
	}
	m, err := c.session.Decode(frames)
	if err != nil {
		return err
	}
	var content struct {
		Name           string         `json:"name"`            // stream
		Text           string         `json:"text"`            // stream
		ExecutionState string         `json:"execution_state"` // status
		ExecutionCount int            `json:"execution_count"` // execute_result
		Data           map[string]any `json:"data"`            // execute_result, display_data
		Metadata       map[string]any `json:"metadata"`        // display_data
	}
	if err := json.Unmarshal(m.Content, &content); err != nil {
		return fmt.Errorf("%s: %w", m.Header.MsgType, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.pending[m.Parent.MsgID]
	if t == nil {
		return nil
	}
	t.heard = time.Now()
	switch m.Header.MsgType {
	case "stream":
		t.count(m)
		c.out(t, m).print(content.Name, content.Text)
	case "execute_result":
		t.count(m)
		c.out(t, m).value(content.Data, content.ExecutionCount)
	case "display_data":
		t.count(m)
		c.out(t, m).show(Display{content.Data, content.Metadata}, len(m.Content))
	case "error":
		t.count(m)
	case "status":
		if t.idle = content.ExecutionState == "idle"; !t.idle {
			c.out(t, m).busy = t.heard
		}
	}
	t.result.wake()
	if t.reply != nil && t.complete() {
		c.settle(t, nil)
	}
	return nil
}

// count notes a message of output. The caller holds mu.
func (t *task) count(m *wire.Message) {
	if t.outputs == nil {
		t.outputs = make(map[string]int, 1)
	}
	t.outputs[m.Header.Session]++
}

// notified takes in news of engines and of the controller's end.
func (c *Client) notified(frames [][]byte) error {
	m, err := c.session.Decode(frames)
	if err != nil {
		return err
	}
	if m.Header.MsgType == wire.ShutdownNotification {
		c.stop(ErrShutdown)
		return nil
	}
	var e wire.EngineNotice
	if err := json.Unmarshal(m.Content, &e); err != nil {
		return fmt.Errorf("%s: %w", m.Header.MsgType, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
	case m.Header.MsgType == wire.RegistrationNotification:
		c.engineUp(e.ID, e.UUID)
	case m.Header.MsgType == wire.UnregistrationNotification:
		c.engineDown(e.UUID, e.Cause)
	}
	return nil
}

var outputsKey = []byte(`"` + wire.Outputs + `":`)

// countOf reads how many messages of output an engine has published, from the
// reply's metadata. A flat object, as engines without labels send it, is
// searched as text: within a JSON string the key's last quote would be escaped,
// so what is found is the key.
func countOf(metadata []byte) (n int, ok bool) {
	_, rest, found := bytes.Cut(metadata, outputsKey)
	if !found || bytes.Count(metadata, []byte("{")) > 1 {
		var m struct {
			Outputs *int `json:"outputs"`
		}
		if !found || json.Unmarshal(metadata, &m) != nil || m.Outputs == nil {
			return 0, false
		}
		return *m.Outputs, true
	}
	rest = bytes.TrimLeft(rest, " ")
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(string(rest[:end]))
	return n, err == nil
}
