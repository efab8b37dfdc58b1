package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"muster/wire"
)

// A direct request reaches an engine by one of two lanes: the mux channel, by
// which every engine is sent a message of its own, or the broadcast channel, by
// which the controller is sent one message for many. What is sent by one lane
// arrives in the order of sending; between the two there is no order. So a
// request keeps to the lane on which an engine still has requests of this
// client to answer, and only an engine that has answered all of them changes
// lanes. One call may so be split over both.
type lane int

const (
	byMux lane = iota
	byBroadcast
)

// A route is what a view wants of the way that its calls take.
type route int

const (
	quickest  route = iota // mux or broadcast, whichever is faster
	broadcast              // broadcast, with a reply from each engine
	coalesce               // broadcast, with one reply for all
)

// A parcel is one message and the tasks that it is of.
type parcel struct {
	*channel
	tasks   []*task
	message wire.Message
}

// direct sends requests to engines: to each its own, or a single one to all of
// them. Nothing is waited for; what cannot be sent settles its task.
func (c *Client) direct(ar *AsyncResult, s settings, engines []*engine, requests ...*request) *AsyncResult {
	o, err := s.direct()
	if err != nil {
		return failed(ar.what, err)
	}
	requests = o.on(requests)
	keeping := c.keeps.Load()
	if keeping && !s.noCopy {
		requests = owned(requests)
	}
	ar.client, ar.done, ar.left, ar.sent = c, make(chan struct{}), len(engines), s.notice()
	hold := newHold(ar.sent)
	ar.tasks = make([]task, len(engines))
	tasks := make([]*task, len(engines))
	now := time.Now()
	for i, e := range engines {
		t := &ar.tasks[i]
		t.result, t.place, t.engine, t.uuid, t.submitted = ar, i, e.id, e.uuid, now
		tasks[i] = t
	}

	// From here to the end of the lock the order among this client's calls is
	// made. What another goroutine registers later may be sent earlier; the two
	// had no order.
	c.mu.Lock()
	parcels := c.pack(s, engines, tasks, requests)
	c.register(ar, engines)
	var all []kept
	if keeping {
		all = c.keep(parcels, hold)
	}
	c.mu.Unlock()
	give := s.noCopy || keeping
	if !give && len(requests) == 1 && len(parcels) > 1 && requests[0].size() >= oneCopy {
		own := make([][]byte, len(requests[0].buffers))
		for i, b := range requests[0].buffers {
			own[i] = bytes.Clone(b)
		}
		for i := range parcels {
			parcels[i].message.Buffers = own
		}
		give = true
	}
	c.dispatch(parcels, all, give, hold)
	return ar
}

// oneCopy is the size from which a request that goes to several engines by
// messages of their own is copied for all of them, and not for each.
const oneCopy = 64 << 10

// pack chooses the lanes and makes the messages, of which the tasks get their
// ids. The caller holds mu.
func (c *Client) pack(s settings, engines []*engine, tasks []*task, requests []*request) []parcel {
	shared := len(requests) == 1
	idle := byMux
	if shared && (s.route != quickest || c.recorded && worthwhile(requests[0], engines)) {
		idle = byBroadcast
	}
	parcels := make([]parcel, 0, len(engines))
	var together []int
	for i, e := range engines {
		way := idle
		if e.outstanding[byMux] > 0 {
			way = byMux
		} else if e.outstanding[byBroadcast] > 0 {
			way = byBroadcast
		}
		e.outstanding[way]++
		tasks[i].outstanding = &e.outstanding[way]
		r := requests[min(i, len(requests)-1)]
		switch {
		case way == byBroadcast && shared:
			together = append(together, i)
		case way == byBroadcast:
			parcels = append(parcels, c.broadcastParcel(r, false, engines[i:i+1], tasks[i:i+1]))
		default:
			m := wire.Message{Route: [][]byte{e.route}, Metadata: r.metadata, Content: r.content, Buffers: r.buffers}
			tasks[i].id, m.RawHeader = c.session.Header(r.msgType)
			parcels = append(parcels, parcel{c.mux, tasks[i : i+1], m})
		}
	}
	if len(together) > 0 {
		if len(together) < len(engines) {
			engines, tasks = choose(engines, together), choose(tasks, together)
		}
		parcels = append(parcels, c.broadcastParcel(requests[0], s.route == coalesce, engines, tasks))
	}
	return parcels
}

func choose[T any](all []T, places []int) []T {
	out := make([]T, len(places))
	for i, p := range places {
		out[i] = all[p]
	}
	return out
}

// worthwhile tells whether one broadcast message is faster than messages of
// their own to the engines that could have it.
func worthwhile(r *request, engines []*engine) bool {
	n := 0
	for _, e := range engines {
		if e.outstanding[byMux] == 0 {
			n++
		}
	}
	return n >= broadcastEngines || n > 1 && r.size() >= broadcastBytes
}

// From so many engines on, or with so many bytes for more than one engine, a
// broadcast is faster. Measured on two cores with controller, client and
// simulated engines, as medians of the call, broadcast against messages of their
// own: an empty call to 2 engines 0.39 to 0.38 ms, to 4 0.57 to 0.57, to 8 0.72
// to 0.77, to 32 1.86 to 2.03, to 64 3.6 to 4.1; 4 KiB to 2 engines 0.42 to 0.45,
// 16 KiB to 2 0.48 to 0.51 and to 4 0.70 to 0.77, 256 KiB to 2 1.0 to 1.5, 1 MiB
// to 4 3.7 to 5.8. Below, nothing is won that would be worth the change of lanes.
const (
	broadcastEngines = 8
	broadcastBytes   = 16 << 10
)

// size is how many bytes of a request are copied to each engine.
func (r *request) size() int {
	n := len(r.content)
	for _, b := range r.buffers {
		n += len(b)
	}
	return n
}

// broadcastParcel makes a message for several engines (protocol section 9). The
// caller holds mu.
func (c *Client) broadcastParcel(r *request, coalescing bool, engines []*engine, tasks []*task) parcel {
	metadata := r.metadata
	if coalescing && !c.recorded {
		// Python's controller keeps one engine's metadata, with its number of
		// outputs, and of an execute_reply nothing else: as Python's client does,
		// such a request is not coalesced.
		coalescing = r.msgType != wire.ExecuteRequest
		metadata = without(metadata, wire.CountOutputs)
	}
	id, header := c.session.Header(r.msgType)
	for i, t := range tasks {
		t.id = id + "_" + wire.MsgID(engines[i].uuid)
		t.coalesced = coalescing
	}
	if coalescing {
		c.wholes[id] = tasks
	}
	return parcel{c.broadcast, tasks, wire.Message{
		RawHeader: header, Metadata: broadcastMetadata(metadata, engines, coalescing), Content: r.content, Buffers: r.buffers,
	}}
}

// without is a JSON object without a key.
func without(object json.RawMessage, key string) json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(object, &m) != nil {
		return object
	}
	delete(m, key)
	b, _ := json.Marshal(m) // what was parsed can be written
	return b
}

// broadcastMetadata adds to a request's metadata what makes it a broadcast.
func broadcastMetadata(metadata json.RawMessage, engines []*engine, coalescing bool) json.RawMessage {
	b := make([]byte, 0, len(metadata)+128+64*len(engines))
	if len(metadata) > len(`{}`) {
		b = append(append(b, metadata[:len(metadata)-1]...), ',')
	} else {
		b = append(b, '{')
	}
	b = append(b, `"targets":[`...)
	for i, e := range engines {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, e.target...)
	}
	b = append(b, `],"is_broadcast":true,"is_coalescing":`...)
	if coalescing {
		return append(b, `true,"`+wire.BroadcastReplies+`":true}`...)
	}
	return append(b, `false}`...)
}

// dispatch sends parcels: given, from where their buffers lie, until when these
// are held. Those that are kept wait while the controller is away.
func (c *Client) dispatch(parcels []parcel, kept []kept, give bool, h *hold) {
	defer h.release()
	c.gate.RLock()
	defer c.gate.RUnlock()
	for i := range parcels {
		p := &parcels[i]
		if kept != nil {
			if c.away || kept[i].sent {
				continue // it is sent by resume, or was
			}
			kept[i].sent = true
		}
		if err := p.send(c.session.Encode(&p.message), give, h); err != nil {
			c.mu.Lock()
			for _, t := range p.tasks {
				t.release()
				c.settle(t, err)
			}
			c.mu.Unlock()
		}
	}
}

// send sends a message. The caller holds Client.gate.
func (ch *channel) send(frames [][]byte, give bool, h *hold) (err error) {
	switch {
	case !give:
		err = ch.socket.Send(frames)
	case h == nil:
		err = ch.socket.Give(frames, nil)
	default:
		h.take()
		err = ch.socket.Give(frames, h.release)
	}
	if err != nil {
		return fmt.Errorf("send by the %s channel: %w", ch.name, err)
	}
	return nil
}

// release takes a task off what its engine has outstanding: it was answered, or
// never sent. The caller holds mu.
func (t *task) release() {
	if t.outstanding != nil {
		*t.outstanding--
		t.outstanding = nil
	}
}
