// Package scheduler holds the machines that place work on engines: [Direct]
// sends a request to the engine it names, [Balanced] picks an engine by load,
// [Broadcast] sends one request to many.
//
// A machine is told what happened (an [Event]: a client's request, an engine's
// reply, an engine that came or went, a tick) and answers with what must be done
// (an [Action]: relay these frames, sign and send that message, answer in an
// engine's stead). It opens no socket, reads no clock and checks no signature:
// what reaches it was checked at the door. Messages are routed as in protocol
// section 4; of their frames, only header and metadata are read, and why an
// engine refuses a task.
//
// Where a request is found, in each machine:
//
//	Direct     on an engine, until it replies or dies
//	Balanced   held until the tasks are done that it depends on, then in the
//	           line of those that may go to the same engines, then on an
//	           engine, and perhaps in line again: it failed there and may be
//	           tried elsewhere, or the engine refused it or gave it back
//	Broadcast  on each of its targets
//
// Requests that clients made of an earlier controller are taken up by [Resume],
// in the places where that one has left them.
//
// All of them keep one promise: a request is answered exactly once. When its
// engine dies, the machine answers with an EngineError (Balanced after a grace,
// for replies that are on their way); what a dead engine says later is dropped.
//
// The package imports wire. Its rule: it routes frames that it never opens.
package scheduler
