// Package interp runs pieces of Go source, cells, one after the other in a
// namespace that persists: what a notebook or a remote client sends to an
// engine.
//
// A cell mixes imports, declarations and statements. What it defines at its
// top level (a := 5, var, const, func, type) stays for later cells and may be
// defined again, with another type too. A bare expression at the end is the
// cell's value; printing functions of fmt have none. Packages need no import:
// those of the standard library, gonum, muster/mpi, muster/numeric and the
// functions registered in the engine are found by name (rand is math/rand,
// mat is gonum's). Of gonum, packages symbols/symbols.go lists are there: they
// add 8 MB to a binary and 10 MB to a process, all of it pages of the file; a
// new interpreter takes some 2 ms and 1 MB.
//
// A cell may be a whole file ([Cell].File): one that begins with a package
// clause is read as the Go compiler does, and main is called (program.go).
// Functions come and go as source ([Interp.Define], [Interp.Source]): what was
// typed is found by the positions that go/parser noted. [Interp.Declare] gives a
// cell variables that it can change and not lose.
//
// # From source to run
//
// A cell passes four stages. Only the third touches the namespace, and only
// the last runs user code.
//
//	parse   source.go   cut at top-level semicolons, go/parser       SyntaxError
//	check   check.go    go/types, against packages made by world.go
//	                    from the tables of compiled symbols          CompileError
//	lower   lower.go    to Go that yaegi runs well; plan.go keeps
//	                    what the cell will change, and commits it
//	                    once yaegi has compiled it
//	run     machine.go  on a goroutine that can be stopped           RuntimeError, PanicError,
//	                                                                 KeyboardInterrupt, SystemExit,
//	                                                                 RecursionError
//
// So errors before the run are the Go compiler's own, with line and column of
// the user's cell, and a cell that has one leaves no trace. Lowering brings
// what yaegi 0.16 lacks (generics, range over integers, min, max, clear, loop
// variables per iteration) and puts right what it gets wrong: received values
// (calls.go), closures and method values (calls.go), values of declared types in
// interfaces (boxes.go, assert.go, compiled.go). Range over functions is not
// supported; the error says so. Deferred calls are kept in lists of our own
// (defer.go, deferred.go), type switches with a case error in typeswitch.go, and
// assignments and returns of several values in lists.go.
//
// # Rule
//
// What knows yaegi's insides is in machine.go, trace.go and values.go; what users
// must not be able to do to the process is stopped in runtime.go and stdio.go.
//
// # What the shields do
//
//   - A panic becomes an *Error with a traceback of cells, lines and sources,
//     innermost last. In a goroutine that a cell started it is told on Stderr
//     and ends that goroutine only.
//   - When the context ends, running code stops within microseconds: loops,
//     channel operations, select {} and time.Sleep included, and with it every
//     goroutine that cells have started. Functions and closures go on working.
//   - Code in a compiled call that does not return (a lock never released, a
//     read, a collective that lacks a partner) cannot be stopped. After 1 s it
//     is left behind: Exec returns, and the namespace moves to a new
//     interpreter. Variables keep their values, functions and types are compiled
//     again; values that are or hold interpreted functions are lost, and the
//     error names them. The code left behind stops as soon as its call returns;
//     it cannot assign to variables any more nor print, but the call itself may
//     still write to memory it was given, such as the elements of a matrix.
//   - package flag has a command line of its own, empty, and its flags are
//     forgotten when the next file is run: that of the engine is not a cell's.
//   - os.Exit and log.Fatal stop the cell, as SystemExit, and runtime.Goexit
//     ends it. A recursion without end is stopped as RecursionError before the
//     stack overflows, which no Go process survives. Memory is not limited.
//
// # Limits
//
//   - A loop in a function literal takes some 60 % longer than one in a declared
//     function: what it costs to know the line that panics.
//   - One request runs at a time; others wait. A function taken out by Get is
//     not shielded: use Call.
//   - A function defined again with the same signature is the new one for
//     earlier functions; with another signature, earlier functions keep the
//     old. Methods keep what they were compiled with, and cannot be replaced
//     but by declaring the type again with all of them.
//   - Types that cells declare exist only in the interpreter: values leave it
//     as data (structs as map[string]any, as encoding/json names fields). For
//     compiled code they are structures without a name: %T prints them, fmt
//     finds a String method on an argument but not on what is in an any,
//     encoding/json sees a field x as Xx, errors.Is and errors.As do not
//     recognise error types of cells (a type assertion does).
//   - %d of a number whose type, of a cell, has a String method prints a
//     structure: convert it, int(x). An assertion x.(int) on an any takes a
//     number of a type that a cell declares too. An assertion x.(error) on an
//     any that is nil panics, even with ok.
//   - Goroutines that compiled packages start (time.AfterFunc, net/http) and
//     that call interpreted code are shielded neither from panics nor stopped.
//   - Speed is that of yaegi: a loop runs some ten to twenty million simple
//     steps a second, a call of an interpreted function takes a microsecond or
//     two. What is hot belongs in a compiled function.
package interp

//go:generate go run ./symbols/extract symbols
