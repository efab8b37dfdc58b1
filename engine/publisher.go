package engine

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"muster/transport"
	"muster/wire"
)

// A publisher sends what user code shows to all clients of the controller, on
// iopub (protocol section 11). Any goroutine may use it; messages leave in the
// order of the calls.
type publisher struct {
	socket  transport.Socket
	session *wire.Session
	// prefix of topics: "engine.<id>."
	prefix   string
	status   []byte          // topic of status messages
	metadata json.RawMessage // names the engine
	// outputs counts the messages that are output of the request (wire.Outputs).
	outputs atomic.Int64
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

func newPublisher(s transport.Socket, session *wire.Session, id wire.EngineID, metadata json.RawMessage) *publisher {
	prefix := fmt.Sprintf("engine.%d.", id)
	return &publisher{socket: s, session: session, prefix: prefix, status: []byte(prefix + "status"), metadata: metadata}
}

// state publishes statusBusy or statusIdle for a request. A client takes the
// output of a request for complete at idle.
func (p *publisher) state(parent, state json.RawMessage) error {
	return p.publish(p.status, "status", parent, state)
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
	return p.publish([]byte(p.prefix+topic), msgType, parent, b)
}

func (p *publisher) publish(topic []byte, msgType string, parent, content json.RawMessage) error {
	_, header := p.session.Header(msgType)
	return p.socket.Send(p.session.Encode(&wire.Message{
		Route: [][]byte{topic}, RawHeader: header, RawParent: parent, Metadata: p.metadata, Content: content,
	}))
}
