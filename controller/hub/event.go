package hub

import (
	"encoding/json"

	"muster/wire"
)

// An Event is something that happened.
type Event interface{ event() }

// Request is a message on the registration port: a client's query, or an
// engine that comes or goes. From is the identity to reply to.
type Request struct {
	From    string
	Message *wire.Message
}

// A Queue is the way that a task went.
type Queue string

// The queues.
const (
	Mux       Queue = "mux"       // to an engine that the client named
	Broadcast Queue = "broadcast" // to each of the engines that the client named
	Task      Queue = "task"      // to one that the scheduler picks
)

// Submitted is a client's request on its way to an engine, or into the task
// queue; then Engine is "". Copies is how many requests share the memory of the
// message's content and buffers, 0 being as good as 1.
type Submitted struct {
	Queue   Queue
	Engine  wire.EngineUUID
	Copies  int
	Message *wire.Message
}

// Placed says which engine the scheduler has picked for a task; "" if the task
// is back in the queue.
type Placed struct {
	Task   wire.MsgID
	Engine wire.EngineUUID
}

// Replied is the answer to a task, from an engine or in its stead, that went to
// the client at the given moment.
type Replied struct {
	Message *wire.Message
	At      wire.Time
}

// Unwanted is an engine's reply that went to nobody: the task was answered
// before, or is not known.
type Unwanted struct {
	Task   wire.MsgID
	Engine wire.EngineUUID
}

// Committed says which requests and which replies are durable by now, by the
// session that sent them: a client's, or an engine's uuid. Those of replies are
// the ids of the tasks.
type Committed struct {
	Requests, Replies map[string][]wire.MsgID
}

// Output is a message that an engine published.
type Output struct{ Message *wire.Message }

// Pong is an engine's echo of a ping.
type Pong struct {
	Engine wire.EngineUUID
	Beat   string
}

// Departed says that the connection of an engine's heart has ended.
type Departed struct{ Engine wire.EngineUUID }

// Resubmitted says that a task was submitted once more, under another id.
type Resubmitted struct{ Task, As wire.MsgID }

// Tick says that N ticks have passed since the last one.
type Tick struct{ N int }

func (Request) event()     {}
func (Submitted) event()   {}
func (Placed) event()      {}
func (Replied) event()     {}
func (Output) event()      {}
func (Unwanted) event()    {}
func (Committed) event()   {}
func (Resubmitted) event() {}
func (Pong) event()        {}
func (Departed) event()    {}
func (Tick) event()        {}

// An Action is something to be done.
type Action interface{ action() }

// Reply answers a request: a message of the given type for the identity To, with
// the request's header as its parent (nil in a registration_reply).
type Reply struct {
	To      string
	Type    string
	Parent  json.RawMessage
	Content any
	Buffers [][]byte
}

// Notify publishes to all clients.
type Notify struct {
	Type    string
	Parent  json.RawMessage
	Content any
}

// Ping publishes a heartbeat to all engines.
type Ping struct{ Beat string }

// Up says that an engine takes requests from now on, and when its job ends, zero
// if that is not known.
type Up struct {
	ID     wire.EngineID
	UUID   wire.EngineUUID
	JobEnd wire.Time
}

// Draining says that an engine takes nothing more, and is about to end.
type Draining struct {
	ID   wire.EngineID
	UUID wire.EngineUUID
}

// Down says that an engine is gone, and why.
type Down struct {
	ID    wire.EngineID
	UUID  wire.EngineUUID
	Cause string
}

// Refused says that a registration was not accepted, or came to nothing.
type Refused struct {
	UUID  wire.EngineUUID
	Cause string
}

// Resubmit puts a message, unsigned yet, into the task queue.
type Resubmit struct{ Message *wire.Message }

// Acknowledge tells a client that its requests are durable or, if Engine is set,
// an engine that its replies are.
type Acknowledge struct {
	Client string
	Engine wire.EngineUUID
	IDs    []wire.MsgID
}

// Keep is a change of a record, where records are kept elsewhere.
type Keep struct{ Change Change }

// Find asks who keeps the records elsewhere for some of them, as they are after
// all changes that went before. Then says what is to be done about what was
// found. It touches nothing of the machine, so any goroutine may call it.
type Find struct {
	Query *Query
	Then  func(Found) []Action
}

// Exit ends the controller, once clients have had the time to hear of it.
type Exit struct{}

func (Reply) action()       {}
func (Notify) action()      {}
func (Ping) action()        {}
func (Up) action()          {}
func (Draining) action()    {}
func (Down) action()        {}
func (Refused) action()     {}
func (Resubmit) action()    {}
func (Acknowledge) action() {}
func (Keep) action()        {}
func (Find) action()        {}
func (Exit) action()        {}
