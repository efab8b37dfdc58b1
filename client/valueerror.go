package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"muster/wire/pickle"
)

// A ValueError is why a value did not get where it was to go. Every error of a
// call that moves variables (Push, Pull, Set, Get, Delete, Scatter, Gather and
// their kin) is one, and so is that of an Apply or a Map whose argument cannot
// be sent or whose result cannot be received. errors.As finds it, and errors.Is
// and errors.As look on into its reason.
type ValueError struct {
	// Op is the call: "push", "gather", "apply".
	Op string
	// Name is the variable, or several of them, "x, y"; of a call of a function
	// it is the function, and of Serialize empty.
	Name string
	// Engine is where the value was or was to go, or NoEngine when the client
	// itself found the fault, or when Err has those of several engines.
	Engine EngineID
	// Err is the reason: a *RemoteError for what failed on the engine (the name
	// is not defined there, the engine died), a *CompositeError of several
	// engines, an *UnknownEngineError, ErrFewItems, the cause of a context that has
	// ended, or in words why the value cannot travel or does not fit the type
	// that was asked for.
	Err error
}

// Error is one line:
//
//	client: push x: value[3].Ch: a chan int cannot be sent: ...
//	client: pull x: engine 3: numeric: convert []any to []int at [2]: 3.5 does not fit an int exactly
func (e *ValueError) Error() string {
	reason := e.Err.Error()
	if engine, text := e.where(); engine != NoEngine {
		reason = fmt.Sprintf("engine %d: %s", engine, text)
	}
	return fmt.Sprintf("client: %s: %s", strings.TrimSpace(e.Op+" "+e.Name), reason)
}

// Unwrap returns the reason.
func (e *ValueError) Unwrap() error { return e.Err }

// where returns the engine at fault, and the reason without its name.
func (e *ValueError) where() (EngineID, string) {
	if l, ok := e.Err.(located); ok {
		_, text := l.where()
		return e.Engine, text
	}
	return e.Engine, e.Err.Error()
}

// transfers are the calls that do nothing but move values.
var transfers = []string{"push", "pull", "delete", "scatter", "gather", "serialize"}

// callError is the error of a call: what is "execute", "pull x", "apply f".
func callError(what string, err error) error {
	if v, ok := err.(*ValueError); ok {
		return v
	}
	op, name, _ := strings.Cut(what, " ")
	if _, unsent := err.(*pickle.PathError); !unsent && !slices.Contains(transfers, op) {
		return fmt.Errorf("client: %s: %w", what, err)
	}
	v := &ValueError{Op: op, Name: name, Engine: NoEngine, Err: err}
	if l, ok := err.(located); ok {
		v.Engine, _ = l.where()
	}
	return v
}

// valueError is callError for a fault of a value that a call moves, on one
// engine or before it was sent.
func valueError(what string, engine EngineID, err error) error {
	var already *ValueError
	if errors.As(err, &already) {
		return err
	}
	op, name, _ := strings.Cut(what, " ")
	return &ValueError{Op: op, Name: name, Engine: engine, Err: err}
}

// unsendable is an error of pickle's that says which part of a value cannot
// travel: the part and the reason alone.
func unsendable(err error) error {
	if part := (*pickle.PathError)(nil); errors.As(err, &part) {
		return part
	}
	return err
}
