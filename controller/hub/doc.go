// Package hub is the machine that knows who is registered, who still beats, and
// what became of each task.
//
// It stands beside the path of the data: the controller tells it which requests
// came in and which replies went out, after they are on their way. It answers
// the queries of clients (protocol section 7), registers engines (section 5)
// and keeps the records of tasks (section 8).
//
// An engine is
//
//	pending      from its registration_request to its first pong,
//	registered   from then on: clients have been notified,
//	draining     registered, but it takes nothing more, and will leave soon,
//	in doubt     when its heart's connection has ended, until it answers a ping
//	             sent after that, or the grace is over,
//	gone         forgotten; its id is not given out again, unless asked for.
//
// A task is
//
//	unassigned   in the task queue, on no engine yet,
//	pending      with an engine (counted in its queue or tasks),
//	completed    answered, and forgotten but for its record.
//
// A hub that is given what an earlier controller left ([Restored]) begins with an
// adoption: it waits for that one's engines, and for each that comes learns which
// tasks it has. When it is over ([Open]), each task without an answer is with an
// engine that has it, to be sent (again), or of unknown fate, and the schedulers
// are told ([Resume]). What clients then send again ([Again]) is pending,
// answered, held by an engine that had it before it was recorded, or new.
//
// Records are kept in memory, the latest within bounds, or elsewhere: then each
// change of one is a [Keep] and each question about them a [Find], which a
// database carries out in its own time. Either way the operators of queries are
// those of this package, so that a query finds the same.
//
// Time is a [Tick], counted and not measured; stamps pass through as data.
//
// The package imports wire. Its rule: it sees headers, never payload. Buffers
// are kept and handed back, and content is given out as it came.
package hub
