package scheduler

import (
	"muster/wire"
)

// An Event is something that happened: [Request], [Reply], [Unsent],
// [EngineUp], [EngineDraining], [EngineDown], [ClientLost], [Resume] or [Tick].
type Event interface{ event() }

// Request came from a client. Frames are as the client's router received them:
//
//	[client, <IDS|MSG>, ...]           Balanced, Broadcast
//	[client, engine, <IDS|MSG>, ...]   Direct
//
// Message is the same, taken apart: its Route is what stands before the
// delimiter. The machine owns both from now on.
type Request struct {
	Frames  [][]byte
	Message *wire.Message
}

// Reply came from an engine, with frames [engine, client, <IDS|MSG>, ...].
type Reply struct {
	Frames  [][]byte
	Message *wire.Message
}

// Unsent says that a request could not be handed to its engine, which has no
// connection to this channel now, though it is registered.
type Unsent struct {
	Engine, Client []byte
	ID             wire.MsgID
}

// EngineUp says that an engine takes requests from now on. Lasts is for how many
// ticks, until its job ends; 0 if that is not known.
type EngineUp struct {
	ID    wire.EngineID
	UUID  wire.EngineUUID
	Lasts int
}

// EngineDraining says that an engine takes no more tasks: it finishes what it has
// begun, gives back what it has not, and ends.
type EngineDraining struct{ UUID wire.EngineUUID }

// EngineDown says that an engine is gone, and why.
type EngineDown struct {
	UUID  wire.EngineUUID
	Cause string
}

// ClientLost says that a client is gone and that what it has left is not wanted
// any more: Balanced aborts its tasks.
type ClientLost struct{ Client []byte }

// Tick says that N ticks have passed since the last one. Only Balanced asks
// for ticks, by its Due.
type Tick struct{ N int }

func (Request) event()        {}
func (Reply) event()          {}
func (Unsent) event()         {}
func (EngineUp) event()       {}
func (EngineDraining) event() {}
func (EngineDown) event()     {}
func (ClientLost) event()     {}
func (Tick) event()           {}

// A Side is one of the two routers of a channel.
type Side int

// The sides.
const (
	ToClient Side = iota
	ToEngine
)

// An Action is something to be done: [Relay], [Sign], [Record], [Answer],
// [Placed], [Tried], [Tell] or [Abort].
type Action interface{ action() }

// Relay sends frames as they are. The first is the identity to send to.
type Relay struct {
	To     Side
	Frames [][]byte
	Ends   *Outcome // that is told by it, if it is to be on record before
}

// Sign sends a message whose dicts the machine has changed, with a new
// signature. Copies is how many there are of its content and buffers, which
// share their memory.
type Sign struct {
	To      Side
	Copies  int
	Message *wire.Message
}

// Record says that an engine has replied, or was replied for, to a task whose
// client hears of it by another message.
type Record struct{ Message *wire.Message }

// Answer replies to a request in an engine's stead: a fresh message of the
// given type whose parent is the request's header.
type Answer struct {
	Client   []byte
	Type     string
	Parent   []byte // the request's header
	Metadata Metadata
	Content  wire.Reply
	Ends     *Outcome // as that of Relay
}

// Metadata of an Answer: the engine it speaks for, if any.
type Metadata struct {
	Status string          `json:"status"`
	Engine wire.EngineUUID `json:"engine,omitempty"`
}

// Placed reports that a task of the queue is on its way to an engine or, if that
// is "", that it is on none any more.
type Placed struct {
	Task   wire.MsgID
	Engine wire.EngineUUID
}

// Tell answers a request about tasks: a fresh message of the given type whose
// parent is the request's header.
type Tell struct {
	Client  []byte
	Type    string
	Parent  []byte
	Content any
}

// Abort asks an engine, by its control channel, to give back tasks of its
// queue: it answers each with status aborted. If Running is set, one that runs
// is interrupted.
type Abort struct {
	Engine  wire.EngineUUID
	IDs     []wire.MsgID
	Running bool
}

func (Relay) action()  {}
func (Sign) action()   {}
func (Record) action() {}
func (Answer) action() {}
func (Placed) action() {}
func (Tell) action()   {}
func (Abort) action()  {}

// A Machine is Direct, Balanced or Broadcast. It has one owner at a time.
type Machine interface {
	// Step applies one event and returns what must be done about it, in order.
	Step(Event) []Action
	// Due is how many ticks from now the next Tick is wanted; 0 means none is.
	Due() int
}
