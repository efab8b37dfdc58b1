package engine

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"muster/transport"
	"muster/wire"
)

// maxHeld bounds the messages that wait for the controller to come back, in bytes.
const maxHeld = 64 << 20

// A publisher sends what user code shows to all clients of the controller, on
// iopub (protocol section 11). While the controller is away messages wait for
// it. Any goroutine may use it; messages leave in the order of the calls.
type publisher struct {
	metadata json.RawMessage // names the engine
	// outputs counts the messages that are output of the request (wire.Outputs).
	outputs atomic.Int64

	mu      sync.Mutex
	socket  transport.Socket
	away    bool
	session *wire.Session
	// prefix of topics: "engine.<id>."
	prefix string
	status []byte // topic of status messages
	// held are the messages that wait, oldest first; lost were too many.
	held       [][][]byte
	size, lost int
}

var (
	statusBusy = json.RawMessage(`{"execution_state":"busy"}`)
	statusIdle = json.RawMessage(`{"execution_state":"idle"}`)
)

// The topics end in what the message is about, which is not always its type.
const (
	topicInput    = "execute_input"
	topicResult   = "execute_result"
	topicError    = "error"
	topicShutdown = "shutdown"
)

// newPublisher returns the publisher of an engine that has no controller yet.
func newPublisher(uuid wire.EngineUUID) *publisher {
	return &publisher{metadata: fmt.Appendf(nil, `{"engine":"%s"}`, uuid), away: true}
}

// connect has the publisher send by a socket from now on, and first what waited.
// lost is how many messages were too many to wait. What an engine of another
// name or key had to say is nobody's business any more.
func (p *publisher) connect(s transport.Socket, m *membership) (lost int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	prefix := fmt.Sprintf("engine.%d.", m.id)
	if prefix != p.prefix || m.session != p.session {
		p.held, p.size = nil, 0
	}
	p.socket, p.session, p.prefix, p.status = s, m.session, prefix, []byte(prefix+"status")
	p.release()
	lost, p.lost = p.lost, 0
	return lost
}

// hold has messages wait until resume or connect.
func (p *publisher) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = true
}

// resume ends hold: the controller was not away, or is back.
func (p *publisher) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release()
}

// release sends what waited. The caller holds mu.
func (p *publisher) release() {
	p.away = false
	for _, frames := range p.held {
		_ = p.socket.Send(frames) // a closed one: the engine ends, or joins again
	}
	p.held, p.size = nil, 0
}

// state publishes statusBusy or statusIdle for a request. A client takes the
// output of a request for complete at idle.
func (p *publisher) state(parent, state json.RawMessage) error {
	return p.publish("status", "status", parent, state)
}

// output publishes a message that is output of the request with the given
// header: stream, execute_result or error.
func (p *publisher) output(topic, msgType string, parent json.RawMessage, content any) error {
	p.outputs.Add(1)
	return p.send(topic, msgType, parent, content)
}

// send publishes a message that belongs to the request with the given header.
func (p *publisher) send(topic, msgType string, parent json.RawMessage, content any) error {
	b, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("engine: publish %s: %w", msgType, err)
	}
	return p.publish(topic, msgType, parent, b)
}

// publish publishes a message under a topic of the engine's.
func (p *publisher) publish(topic, msgType string, parent, content json.RawMessage) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	route := p.status
	if topic != "status" {
		route = []byte(p.prefix + topic)
	}
	_, header := p.session.Header(msgType)
	frames := p.session.Encode(&wire.Message{
		Route: [][]byte{route}, RawHeader: header, RawParent: parent, Metadata: p.metadata, Content: content,
	})
	if !p.away {
		return p.socket.Send(frames)
	}
	n := 0
	for _, f := range frames {
		n += len(f)
	}
	if p.size+n > maxHeld {
		p.lost++
		return nil
	}
	p.held, p.size = append(p.held, frames), p.size+n
	return nil
}
