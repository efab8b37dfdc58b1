package client

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/term"

	"muster/wire"
)

var (
	// ErrClosed says that the client was closed.
	ErrClosed = errors.New("the client is closed")
	// ErrGone says that the controller's process ended without a word, or
	// cannot be reached any more, and was not back in time (5 seconds, or 10
	// minutes where it can be restored): what was outstanding is lost.
	ErrGone = errors.New("the controller is gone")
	// ErrShutdown says that the controller was shut down, and what was
	// outstanding with it is lost.
	ErrShutdown = errors.New("the controller was shut down")
	// ErrRestarted says that the controller was started anew, or the connection
	// to it broke, while something was under way that it was not asked for
	// again: a request that does something, or any when it does not restore.
	ErrRestarted = errors.New("the controller was started anew, or cut off, while this was under way, and whether it was done is not known")
	// ErrNoEngines says that a call to All found no engine registered.
	ErrNoEngines = errors.New("no engines are registered (WaitForEngines waits for them)")
	// ErrUnknownEngine says that a target is not, or no longer, registered.
	// The error around it, an *UnknownEngineError, has its id.
	ErrUnknownEngine = errors.New("no such engine")
	// ErrFewItems says that a sequence has fewer items than there are engines
	// to scatter it to.
	ErrFewItems = errors.New("fewer items than engines")
	// ErrFlushed says that Flush dropped what was outstanding.
	ErrFlushed = errors.New("the result was flushed")

	// ErrEngineDied is a RemoteError named EngineError: an engine went, and
	// what it had to do went with it.
	ErrEngineDied = errors.New("the engine died")
	// ErrTaskAborted is a RemoteError named TaskAborted: Abort or Cancel took
	// the task from the queue.
	ErrTaskAborted = errors.New("the task was aborted")
	// ErrInterrupted is a RemoteError named KeyboardInterrupt: Interrupt or
	// Cancel ended the code.
	ErrInterrupted = errors.New("the code was interrupted")
	// ErrPoisoned is an ErrEngineDied of a task that is not tried again, whatever
	// its Retries, for too many engines have died that ran it: Deaths says how.
	ErrPoisoned = errors.New("the task has cost too many engines")
	// ErrImpossibleDependency is a RemoteError named ImpossibleDependency: what
	// the task depends on has ended otherwise, or none is left of the engines to
	// which it may go.
	ErrImpossibleDependency = errors.New("the dependency can never be met")
	// ErrInvalidDependency is a RemoteError named InvalidDependency: the task
	// depends on itself, or on one that the scheduler does not know.
	ErrInvalidDependency = errors.New("the dependency is on no task of the queue")
	// ErrTaskTimeout is a RemoteError named TaskTimeout: the task waited in the
	// scheduler's queue for longer than its Timeout.
	ErrTaskTimeout = errors.New("the task waited for longer than its timeout")
	// ErrDraining is a RemoteError named EngineDraining: the engine takes nothing
	// more and is about to end, as its job is (Client.Drain).
	ErrDraining = errors.New("the engine takes nothing more, and is about to end")
	// ErrDeadline is a RemoteError named TaskDeadline: the call ran for longer
	// than its Deadline.
	ErrDeadline = errors.New("the call ran for longer than its deadline")
)

// The Names of errors that callers branch by.
const (
	engineError = "EngineError"
	taskAborted = "TaskAborted"
)

// byName are the errors that RemoteErrors are, by their names.
var byName = []struct {
	name string
	err  error
}{
	{engineError, ErrEngineDied},
	{taskAborted, ErrTaskAborted},
	{"KeyboardInterrupt", ErrInterrupted},
	{"ImpossibleDependency", ErrImpossibleDependency},
	{"InvalidDependency", ErrInvalidDependency},
	{"TaskTimeout", ErrTaskTimeout},
	{"TaskDeadline", ErrDeadline},
	{wire.EngineDrains, ErrDraining},
}

// NoEngine is the Engine of an error or a result that no engine answered for:
// a task that the scheduler refused, or whose engine has gone unnamed.
const NoEngine EngineID = -1

// A RemoteError is an error that arose on one engine, or that the controller
// or the client found in its stead (protocol section 12).
type RemoteError struct {
	// Engine is where, or NoEngine.
	Engine EngineID
	// Name is the class of the error: a Python exception's class, a Go
	// engine's name for it, or one of EngineError (the engine died),
	// EngineDraining, TaskAborted, TaskTimeout, TaskDeadline,
	// InvalidDependency, ImpossibleDependency.
	Name string
	// Message is the text of the error.
	Message string
	// Traceback is where it arose, in the engine's own format; often empty
	// when it was not user code that failed.
	Traceback []string
	// Deaths are, of a task that is not tried again for it (ErrPoisoned), how the
	// engines died that ran it.
	Deaths []string
}

// Error is the engine, the class and the message, without the traceback.
func (e *RemoteError) Error() string {
	if e.Engine == NoEngine {
		return e.text()
	}
	return fmt.Sprintf("engine %d: %s", e.Engine, e.text())
}

// An UnknownEngineError is ErrUnknownEngine with the engine that was meant.
type UnknownEngineError struct {
	Engine     EngineID
	Registered string // the engines that there are, as text
}

func (e *UnknownEngineError) Error() string {
	engine, text := e.where()
	return fmt.Sprintf("engine %d: %s", engine, text)
}

// Unwrap returns ErrUnknownEngine.
func (e *UnknownEngineError) Unwrap() error { return ErrUnknownEngine }

func (e *UnknownEngineError) where() (EngineID, string) {
	return e.Engine, fmt.Sprintf("%v, registered are %s", ErrUnknownEngine, e.Registered)
}

// located is an error of one engine.
type located interface {
	// where returns the engine and the error without its name.
	where() (EngineID, string)
}

func (e *RemoteError) where() (EngineID, string) { return e.Engine, e.text() }

func (e *RemoteError) text() string {
	if e.Message == "" {
		return e.Name
	}
	return e.Name + ": " + e.Message
}

// Is makes errors.Is find ErrEngineDied, ErrTaskAborted, ErrInterrupted,
// ErrImpossibleDependency, ErrInvalidDependency, ErrTaskTimeout, ErrDraining and
// ErrDeadline by the error's name, and ErrPoisoned by its Deaths.
func (e *RemoteError) Is(target error) bool {
	if target == ErrPoisoned {
		return len(e.Deaths) > 0
	}
	for _, x := range byName {
		if e.Name == x.name {
			return target == x.err
		}
	}
	return false
}

// PrintTraceback writes where the error arose, and what it was.
func (e *RemoteError) PrintTraceback(w io.Writer) error {
	_, err := io.WriteString(w, e.traceback()+"\n")
	return err
}

func (e *RemoteError) traceback() string {
	if len(e.Traceback) == 0 {
		return e.text()
	}
	return strings.Join(e.Traceback, "\n")
}

// where is the engine that an error of a task is from, and the error without
// its name.
func where(err error) (EngineID, string) {
	if l, ok := err.(located); ok {
		return l.where()
	}
	return NoEngine, err.Error()
}

// aborted is what becomes of a task that Abort took from an engine's queue.
func aborted(engine EngineID, id wire.MsgID) *RemoteError {
	return &RemoteError{Engine: engine, Name: taskAborted, Message: fmt.Sprintf("task %s was aborted before it began", id)}
}

// died is what becomes of a request when its engine goes.
func died(engine EngineID, id wire.MsgID, cause string) *RemoteError {
	message := fmt.Sprintf("engine %d died while running task %s", engine, id)
	if cause != "" {
		message += ": " + cause
	}
	return &RemoteError{Engine: engine, Name: engineError, Message: message}
}

// A CompositeError holds the errors of several engines that took part in one
// call. errors.As and errors.Is look into each of them.
type CompositeError struct {
	// Errors are in the order of the call's targets: a *RemoteError for what
	// failed on an engine, a *ValueError for a result that could not be read.
	Errors []error
}

// Unwrap makes every error visible to the errors package.
func (e *CompositeError) Unwrap() []error { return e.Errors }

// Error folds what is the same on several engines into one line:
//
//	4 errors: engines 0-2: NameError: name 'x' is not defined; engine 7: EngineError: ...
func (e *CompositeError) Error() string {
	groups := fold(e.Errors, func(err error) (string, EngineID) {
		engine, text := where(err)
		return text, engine
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%d errors", len(e.Errors))
	for i, g := range groups {
		b.WriteString([]string{": ", "; "}[min(i, 1)])
		if len(g.engines) > 0 {
			fmt.Fprintf(&b, "%s: ", engineList(g.engines))
		}
		b.WriteString(g.text)
	}
	return b.String()
}

// RaiseException returns the error of one place among the errors; there is none
// beyond the last.
func (e *CompositeError) RaiseException(i int) error {
	if i < 0 || i >= len(e.Errors) {
		return fmt.Errorf("client: error %d of %d: there is none of that number", i, len(e.Errors))
	}
	return e.Errors[i]
}

// cellNumber is what a traceback calls a cell by, in Go and in Python: In[3],
// cell 3, <ipython-input-3-...>.
var cellNumber = regexp.MustCompile(`([Ii]n ?\[|cell |ipython-input-)\d+`)

// colours are what IPython puts into tracebacks for terminals.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// PrintTracebacks writes every error's traceback below the engine it is from,
// with the colours of Python's where w is a terminal.
// What is the same on several engines is written once, with a star for the
// number of the cell where that is not:
//
//	engines 0-2, 5:
//	Traceback (most recent call last):
//	  In[3], line 2
//	    y := 1 / x
//	RuntimeError: integer divide by zero
func (e *CompositeError) PrintTracebacks(w io.Writer) error {
	file, terminal := w.(interface{ Fd() uintptr })
	terminal = terminal && term.IsTerminal(int(file.Fd()))
	traceback := func(err error) (string, EngineID) {
		engine, text := where(err)
		if r, ok := err.(*RemoteError); ok {
			text = r.traceback()
		}
		return text, engine
	}
	groups := fold(e.Errors, func(err error) (string, EngineID) {
		text, engine := traceback(err)
		return cellNumber.ReplaceAllString(text, "$1*"), engine
	})
	for i, g := range groups {
		text := g.text + "\n"
		if first, _ := traceback(g.items[0]); !slices.ContainsFunc(g.items, func(err error) bool {
			text, _ := traceback(err)
			return text != first
		}) {
			text = first + "\n"
		}
		if len(g.engines) > 0 {
			text = engineList(g.engines) + ":\n" + text
		}
		if i > 0 {
			text = "\n" + text
		}
		if !terminal {
			text = colours.ReplaceAllString(text, "")
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// join makes one error of what went wrong with a call's tasks; nil entries are
// tasks that went well.
func join(errs []error) error {
	var all []error
	for _, err := range errs {
		if err != nil {
			all = append(all, err)
		}
	}
	switch {
	case len(all) == 0:
		return nil
	case len(all) == 1 || !slices.ContainsFunc(all, func(err error) bool { return err != all[0] }):
		return all[0] // one engine's error, or one that struck the client itself
	}
	return &CompositeError{all}
}
