package hub

import "muster/wire"

// Left is what a controller that has ended left of its cluster, as who keeps
// the records tells it. There its last facts are certain: which engines there
// were, and to which of them a request was sent last. What became of a task
// may lack the last moments.
type Left struct {
	// Engines are all that were registered, by id.
	Engines []Engine
	// Tasks have no answer, in the order in which they came.
	Tasks []Unanswered
	// Strays are requests that were sent to an engine and have no record.
	Strays []Sent
	// Outcomes are those of answered tasks of the task queue, in the order in
	// which they came. There may be some of tasks that have no record, or none
	// of their answer.
	Outcomes []Outcome
}

// An Engine is one that is, or was, registered.
type Engine struct {
	ID   wire.EngineID
	UUID wire.EngineUUID
	// Keeps says that it keeps replies until they are acknowledged, Gone that
	// it has left or died.
	Keeps, Gone bool
}

// Sent is a request that went to an engine by a queue's channel; "" is no engine.
type Sent struct {
	Task   wire.MsgID
	Engine wire.EngineUUID
	Queue  Queue
}

// Unanswered is a task that has no answer. The engine is where it was sent last,
// "" if it was on none. Message has no route.
type Unanswered struct {
	Queue   Queue
	Engine  wire.EngineUUID
	Message *wire.Message
	Tried   *Tried // nil if there is nothing to tell
}

// Outcome is what became of a task. The engine is "" if it ran on none.
type Outcome struct {
	Task   wire.MsgID
	Engine wire.EngineUUID
	OK     bool
}

// Tried is what trying a task has come to so far, where it is to be tried
// again: the retries that are left, the engines that it does not go to, how
// engines died that ran it, and whether a client has asked to abort it. Engine
// is the one whose reply says so, "" if none does: it need not keep that.
type Tried struct {
	Task    wire.MsgID
	Engine  wire.EngineUUID
	Retries int
	Refused []wire.EngineUUID
	Deaths  []string
	Aborted bool
}

func (c Tried) TaskID() wire.MsgID { return c.Task }
func (Tried) event()               {}

// Enlist keeps an engine, where records are kept elsewhere, before a request is
// sent to it.
type Enlist struct{ Engine Engine }

func (Enlist) action() {}
