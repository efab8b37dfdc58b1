// Package engine is the process that computes: it keeps a namespace of named
// values, runs the Go source and the functions it is asked to run, one request
// at a time, and answers.
//
// # A request's way
//
// An engine connects to every channel of its controller (protocol section 1)
// and registers. Each channel has a goroutine that receives; requests for work
// from the direct, task and broadcast channels go into one queue, from which
// one goroutine, the worker, takes them in the order of their arrival:
//
//	mux ───┐
//	task ──┼─► queue ─► worker ─► namespace (engine/interp)
//	bcast ─┘              │
//	                      ├─► reply, on the channel the request came by
//	                      └─► iopub: output, results, errors, status
//	control ─► abort, interrupt, clear, shutdown, restart: at once, while the worker is busy
//	hb_ping ─► hb_pong: at once, always
//
// The worker sends its replies itself. What user code does costs its own
// request only: a panic becomes the error that the client reads, an interrupt
// ends interpreted code and the context of a compiled function, and output
// beyond [Config.OutputLimit] is counted instead of sent. What does end the
// process is compiled code that calls os.Exit, or that panics in a goroutine of
// its own: the controller sees the engine go, and fails what it was asked.
//
// # When the job ends
//
// An engine that is warned drains ([Engine.Drain]): what it has not begun goes back
// or is refused, what it has begun ends, and the last request in the queue is its
// own, which runs the user's checkpoint and ends the engine.
//
// # When the controller goes
//
// A controller that is killed and started anew finds its engines as they were
// (protocol section 17). A heartbeat of another instance tells the engine: it
// closes its sockets, in which nothing counts any more, dials again and says which
// requests it has, from their coming until their replies are acknowledged. The
// worker does not notice: what runs goes on, replies are kept, and output waits.
//
//	attend ─► leave ─► rejoin ─► begin ─► attend ...
//
// # What can be called
//
// Interpreted Go source defines functions by being executed. Compiled functions
// are registered by name, in a program that is client and engine at once:
//
//	var Step = engine.Func("heat.Step", step)
//
//	func main() {
//		engine.Main() // runs an engine, and does not return, when started as one
//		...           // the client's part: client.Connect, Apply(ctx, Step, ...)
//	}
//
// Either is called by name: ipp.Reference("heat.Step") from Python, the handle
// or client.Ref("heat.Step") from Go. Arguments are converted to the
// parameters where nothing is lost: ints to any number type, lists to slices,
// arrays to slices and gonum's matrices, dicts to structs as encoding/json maps
// them. Keyword arguments come as one last argument, a dict. A leading
// context.Context parameter is the request's.
//
// Besides functions of the namespace, clients call helpers that every engine
// has, in whatever language: to push, pull and delete, to map, to define functions
// from their sources and read these, to import, to keep properties (see package
// wire, and [Properties]). What a Go client pushes has the type in cells that it
// had there: a []string is not a []any, and a struct has its fields.
//
// The room's rule: one place recovers from a panic and turns it into the error
// the client will read.
package engine
