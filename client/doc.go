// Package client drives a running cluster from a Go program: it runs code on
// engines, calls their functions, and moves values to and fro.
//
// A cluster is a controller and any number of engines. An engine is a process
// with a namespace of variables, on some node of a cluster machine or on this
// host; the controller passes messages between the engines and the clients.
// [Connect] finds the controller by the connection file in a profile, which
// "ipcluster start" leaves there, and returns a [Client]. Engines may be
// Muster's, which run Go, or ipyparallel's, which run Python; the client is the
// same for both.
//
//	c, err := client.Connect(ctx)
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	if err := c.WaitForEngines(ctx, 4); err != nil {
//		return err
//	}
//	all := c.Direct(client.All)
//	err = all.Scatter(ctx, "x", samples)                 // a block of the rows to each engine
//	_, err = all.Execute(ctx, "m := mean(x)")            // in each engine's namespace
//	means, err := client.Get[float64](ctx, all, "m")     // one value from each
//	sq, err := all.Map(ctx, client.Ref("square"), items) // the items dealt out, the values in order
//
// # Views
//
// What is called, is called on a view. A [DirectView] addresses engines by id:
// each call happens on every target, and returns one value for each, in their
// order. A [LoadBalancedView] addresses nobody in particular: each task goes to
// an engine that has little to do, and has one value.
//
// A [BroadcastView] is a DirectView whose calls are one message to the controller
// whatever the number of engines. A DirectView does that by itself where it is
// faster. An engine gets the direct calls of a goroutine in the order in which
// they were made, on whatever view.
//
// Every method of a view that calls its engines has a twin whose name ends in
// Async (Update's is that of Push). The plain method
// takes a context and waits; the twin returns an [AsyncResult] at once, which
// is also how many calls are under way together:
//
//	a := all.ApplyAsync(client.Ref("step"), 0.1)
//	b := c.LoadBalanced().ApplyAsync(client.Ref("render"), frame)
//	fields, err := a.Get(ctx)
//	picture, err := b.Get(ctx)
//
// Of a direct call, and of an AsyncResult, a context bounds the wait and nothing
// else: when it ends, the engines go on, and only [AsyncResult.Abort] takes back
// what has not begun, and [Client.Interrupt] what has; [AsyncResult.Cancel] does
// either, as need be. A plain method of a LoadBalancedView, of which nobody has an
// AsyncResult, cancels its tasks when its context ends. An
// engine runs what it is sent one at a time, in the order of arrival.
//
// How tasks are scheduled is among the settings of a view ([LoadBalancedView.With]):
// [After] and [Follow] say which others they depend on, [Retries] how often they are
// tried again, [Timeout] how long they may wait and [Deadline] how long they may
// run, and [Priority] who goes first; [LoadBalancedView.On] bounds the engines that
// they may go to.
//
//	mesh := v.ApplyAsync(client.Ref("mesh"), domain)
//	flow := v.With(client.Follow(mesh), client.Retries(2)).ApplyAsync(client.Ref("flow"))
//	mend := v.With(client.After(client.AllOf(flow).Failed())).ApplyAsync(client.Ref("coarsen"))
//
// [Client.Explain] and [AsyncResult.Explain] say what a task waits for.
//
// # Results
//
// An AsyncResult gives the values all together ([AsyncResult.Get]) or as they
// come ([AsyncResult.Results]), waits for the first of them or for the first
// error ([AsyncResult.WaitFor]), and shows what the code prints while it runs
// ([AsyncResult.Outputs], [AsyncResult.Follow]). All that is known of the call on
// each engine is a [Result]. Results print as a session shows them, and of many
// engines those that are the same once:
//
//	62 engines the same; engines 17, 40 differ
//	[0-16, 18-39, 41-63] Out[3]: 5
//	[17, 40] Out[3]: 7
//
// [DirectView.GetResult] finds a command by its number in the history, and
// [Client.GetResult] any request by its id, also another client's: what this
// client does not remember, the hub does.
//
// # Records
//
// The hub keeps a [Record] of every request: the latest in memory, or with
// "ipcontroller --sqlitedb" all of them in a file, where they outlive it.
// [Client.DBQuery] finds records by what is in them, a [Label] say, and
// [Client.HubHistory] lists all; [Client.Resubmit] does a request once more, and
// [Client.Purge] and its siblings forget.
//
// # When the controller ends
//
// A controller with "--sqlitedb" may be killed, and started again with
// "--restore": the client waits for it, for up to ten minutes, and goes on.
// Calls that were outstanding get their answers as if nothing had happened: what
// was not recorded is sent again, nothing is run twice, and calls that are made
// meanwhile are sent when it is back. For that the client keeps the arguments of a
// call until they are recorded; with [NoCopy] it is then that they are free. Only
// what was printed while no controller stood is lost ([Result.OutputLost]), and a
// request that was to do something to engines at that moment, such as
// [Client.Clear], fails with [ErrRestarted] if nobody knows whether it did.
// Contexts go on to count. [WithLogger] shows it:
//
//	level=WARN msg="controller is away" instance=c52f7be2 grace=10m0s
//	level=INFO msg="controller is back" instance=e81e0a9f engines=64 again=1873 lost=0
//
// Any other controller is waited for for five seconds; if another stands at its
// ports then, calls that were outstanding fail with ErrRestarted, and otherwise
// with [ErrGone].
//
// # From a laptop
//
// [WithSSH] connects to a cluster behind ssh. There the connection ends when the lid is
// closed, and the controller and the engines go on: the client logs in again by itself, for a
// day if need be, and where that takes a password or a code it says so to the
// logger. Calls that were outstanding get their answers, of which the hub keeps
// those that came meanwhile; what got lost on its way is sent again, nothing is
// run twice, and what was printed is taken from the hub's records (up to 1 MiB of
// each stream). So it is with a controller that keeps its records in memory too,
// as far as there is room for them, and by way of "ipcluster attach". For that the client
// keeps the arguments of a call until it is answered.
//
//	level=WARN msg="connection to the controller lost" instance=c52f7be2 via=me@login.example.org
//	level=INFO msg="connected by ssh" to=me@login.example.org shared=false
//	level=INFO msg="controller is back" instance=c52f7be2 engines=64 again=1519 lost=0
//
// # Values
//
// Numbers, strings, bools, slices, maps and structs travel (structs as maps, to
// Python dicts, with the names encoding/json gives their fields), and arrays without being
// copied: a NumPy array with one axis is a slice here, one of float64 with two a
// *mat.Dense, and any other array a numeric.Array. A []string that is pushed to a
// Go engine is a []string in its cells, and a struct one with the same fields.
// [Get], [Call], [Gather] and [Values] convert what arrives to a Go
// type when nothing is lost by it. A [Ref] stands for a value that is on the
// engines already, such as the function to call, and a [Serialized] for one in
// the form in which it travels. What is sent has been taken when the method
// returns, and may be changed, unless the view has [NoCopy]; arrays that were
// received belong to the receiver.
//
// # Maps
//
// [DirectView.Map] deals the items of sequences to the engines and
// [LoadBalancedView.Map] makes a task of each, in chunks of a given size with the
// setting [Chunk]; [Map] is either with values of a Go type, and [Items] yields
// them while the rest is under way. [MapSeq] maps lazily over a sequence that need
// not end, with a bound on what is outstanding. [Remote] and [Parallel] make Go
// functions of those on the engines, and an [Executor] is what Python's
// concurrent.futures calls so.
//
//	step := client.Remote[func(ctx context.Context, dt float64) ([]float64, error)](all, client.Ref("step"))
//	norms, err := step(ctx, 0.1)
//
// # Tasks
//
// A [Task] is more than a call: it sets variables on its engine, runs code or a
// function, takes variables back and may leave nothing behind, in one turn. It
// says which engines may run it, by an expression over their properties, and what
// is to be done instead when it fails. [LoadBalancedView.Run] waits for one;
// [LoadBalancedView.Submit] hands over many and returns a [TaskSet], whose
// [TaskResult]s come as they are done. [Client.TaskStatus] counts those that wait,
// run, and have ended.
//
// # Errors
//
// An error on an engine is a [*RemoteError] with the engine, the name of the
// error and its traceback. A value that cannot be sent, or received as what was
// asked for, is a [*ValueError], and so is whatever else goes wrong with a call
// that moves variables. When several engines fail it is a [*CompositeError]
// that holds each one's, and errors.As looks inside. The values and outputs of
// the other engines stay available beside it. A request whose engine dies fails
// with the name EngineError as soon as the controller has noticed; every request
// is answered exactly once.
//
// # Bounds
//
// Output that user code prints is kept up to [MaxOutput] bytes a stream, and of
// the calls that are done the latest are remembered, a thousand or 16 MiB of
// them. What is not done is not bounded: a program that sends a million calls
// and collects none holds a million AsyncResults.
package client
