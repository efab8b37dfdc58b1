package engine

import (
	"context"
	"io"
)

// An Interpreter runs user code in a namespace that persists from one request
// to the next. The worker is the only one to call it, one call at a time. A
// call returns soon after its context has ended, whatever the code does.
type Interpreter interface {
	// Exec runs a cell of source. A last bare expression is its value; without
	// one, or without a value to show, hasValue is false.
	Exec(ctx context.Context, name, source string) (value any, hasValue bool, err error)
	// Run is Exec for the source of a file: of a Go program, main is called.
	Run(ctx context.Context, file, source string) (value any, hasValue bool, err error)
	// Eval returns the value of an expression.
	Eval(ctx context.Context, expr string) (any, error)
	// Call calls the function that an expression names, interpreted or
	// registered, and returns its result: nil for none, []any for several.
	Call(ctx context.Context, fn string, args []any) (any, error)
	// Map calls a function as Call does, on the items of one or several
	// sequences, and returns the slice of its results; beside an error, of
	// those before the call that failed.
	Map(ctx context.Context, fn string, seqs ...any) (any, error)
	// Set binds a name to a value.
	Set(name string, value any) error
	// Get returns the value bound to a name.
	Get(name string) (any, error)
	// Delete forgets names. One that is not bound is an error, after the others
	// have gone.
	Delete(names ...string) error
	// Names returns the names that users have defined, sorted.
	Names() []string
	// Declare binds a name to a value that code may change but not replace, and
	// that Clear leaves alone.
	Declare(name string, value any) error
	// Define defines a function from its source: a declaration or a literal.
	Define(ctx context.Context, name, source string) error
	// Source returns the source of a function as it was typed.
	Source(name string) (string, error)
	// Clear forgets all names but the declared ones.
	Clear() error
}

// Output is where user code writes.
type Output struct{ Stdout, Stderr io.Writer }
