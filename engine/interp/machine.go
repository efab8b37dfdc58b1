package interp

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/traefik/yaegi/interp"
)

// grace is how long interrupted code may take to stop before it is taken to be
// stuck in a compiled call. Interpreted code needs microseconds, and on a node
// that is short of processors some hundred milliseconds.
const grace = time.Second

// patience is how long code may take that has stopped itself, from within a
// call of ours: it is not stuck, but a deep stack takes a while to unwind.
const patience = 30 * time.Second

// machine is one yaegi interpreter and the user code that runs in it.
//
// Stopping: yaegi's frames carry a run id and end when it differs from the
// interpreter's; its blocking channel operations also listen to a channel.
// yaegi's own EvalWithContext changes the id for good, and closures made
// before would silently return zero values ever after. So the machine changes
// the id, feeds the channel until all user code has ended, and puts it back.
type machine struct {
	yaegi *interp.Interpreter
	id    *uint64       // yaegi's current run id
	done  chan struct{} // yaegi's channel for cancelling channel operations
	out   *stream
	errs  *stream
	flags *programFlags
	// visits are what the code that runs asks to be done while it waits, and
	// running is the goroutine that it is on, 0 while none does.
	visits  chan func()
	running *atomic.Uint64
	nodes   *nodeLayout
	live    atomic.Int64 // goroutines that user code started and that still run
	idle    *runner      // for the next run, if there is one

	mu      sync.Mutex
	halting chan struct{}        // closed when user code must stop
	reason  *Error               // why, once halting is closed
	frames  map[uint64][]frame   // of panics, by goroutine
	unwinds map[uint64]*deferred // by goroutine: whose deferred calls a panic has it run
}

// newMachine starts an interpreter whose positions are those of fset.
func newMachine(cfg Config, fset *token.FileSet) (*machine, error) {
	m := &machine{
		out: &stream{name: "/dev/stdout", w: cfg.Stdout}, errs: &stream{name: "/dev/stderr", w: cfg.Stderr},
		halting: make(chan struct{}), frames: map[uint64][]frame{}, unwinds: map[uint64]*deferred{},
	}
	m.flags = newProgramFlags(m.errs)
	var err error
	if m.nodes, err = layoutOfNodes(); err != nil {
		return nil, err
	}
	m.yaegi = interp.New(interp.Options{
		Stdin: emptyInput{}, Stdout: m.out, Stderr: tracer{m}, Args: []string{"cell"}, Unrestricted: true,
		SourcecodeFilesystem: noFiles{},
	})
	// The first run with a context makes the channel; later runs without one
	// leave it in place.
	prog, err := m.yaegi.Compile("1")
	if err != nil {
		return nil, fmt.Errorf("interp: start the interpreter: %w", err)
	}
	if _, err := m.yaegi.ExecuteWithContext(context.Background(), prog); err != nil {
		return nil, fmt.Errorf("interp: start the interpreter: %w", err)
	}
	id, err := private[uint64](m.yaegi, "id")
	if err != nil {
		return nil, err
	}
	done, err := private[chan struct{}](m.yaegi, "done")
	if err != nil {
		return nil, err
	}
	files, err := private[*token.FileSet](m.yaegi, "fset")
	if err != nil {
		return nil, err
	}
	m.id, m.done, *files = id, *done, fset
	return m, nil
}

// private returns the address of a field that yaegi does not export. yaegi
// offers no other way to stop code without killing its closures, nor to share
// positions between two interpreters. go.mod pins the version, and New fails
// with this error should a new one differ.
func private[T any](i *interp.Interpreter, name string) (*T, error) {
	f := reflect.ValueOf(i).Elem().FieldByName(name)
	if !f.IsValid() || f.Type() != reflect.TypeFor[T]() {
		return nil, fmt.Errorf("interp: this version of yaegi has no field %s of type %v in Interpreter", name, reflect.TypeFor[T]())
	}
	return (*T)(unsafe.Pointer(f.UnsafeAddr())), nil
}

// compile hands a file to yaegi, whose panics become errors.
func (m *machine) compile(f *ast.File) (prog *interp.Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	prog, err = m.yaegi.CompileAST(f)
	switch {
	case err != nil:
		return nil, err
	case prog == nil:
		return nil, errors.New("nothing to run")
	}
	m.trace(prog)
	return prog, m.release()
}

// release cuts two lists by which yaegi keeps all syntax it ever compiled:
// one that only its debugger reads, and one that nothing reads.
func (m *machine) release() error {
	y := reflect.ValueOf(m.yaegi).Elem()
	roots, scopes := y.FieldByName("roots"), y.FieldByName("scopes")
	if !roots.IsValid() || !scopes.IsValid() {
		return errors.New("interp: this version of yaegi has no fields roots and scopes in Interpreter")
	}
	reflect.NewAt(roots.Type(), unsafe.Pointer(roots.UnsafeAddr())).Elem().SetZero()
	if scope := scopes.MapIndex(reflect.ValueOf("main")); scope.IsValid() {
		child := scope.Elem().FieldByName("child")
		reflect.NewAt(child.Type(), unsafe.Pointer(child.UnsafeAddr())).Elem().SetZero()
	}
	return nil
}

// outcome says how user code ended.
type outcome struct {
	panicked  any    // value of the panic that ended it, nil for none
	exited    bool   // its goroutine ended by runtime.Goexit
	halted    *Error // it was stopped, and why
	frames    []frame
	stack     []string // of compiled code that panicked
	abandoned bool     // it did not stop: it is stuck in a compiled call
}

// run calls fn on the runner's goroutine and waits until it has ended, or has
// been given up after ctx ended or after it asked to be stopped.
func (m *machine) run(ctx context.Context, fn func()) outcome {
	r := m.idle
	if m.idle = nil; r == nil {
		r = newRunner()
	}
	m.running.Store(r.id)
	defer m.running.Store(0)
	r.calls <- func() (o outcome) {
		returned := false
		defer func() {
			if !returned {
				o.panicked = recover()
				o.exited = o.panicked == nil
				o.stack = compiledFrames(callers())
			}
			o.frames = m.takeFrames()
			if o.exited {
				r.ended <- o // nobody else will
			}
		}()
		fn()
		returned = true
		return o
	}
	var o outcome
	for runs := true; runs; {
		select {
		case visit := <-m.visits:
			visit()
			continue
		case o = <-r.ended:
			select {
			case <-m.halting:
				o = m.drain(nil, o)
			default:
			}
		case <-ctx.Done():
			m.halt(interrupted(ctx))
			o = m.drain(r.ended, o)
		case <-m.halting:
			o = m.drain(r.ended, o)
		}
		runs = false
	}
	if !o.abandoned && !o.exited {
		m.idle = r
	}
	return o
}

// halt tells all user code to stop; the first reason counts.
func (m *machine) halt(reason *Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reason == nil {
		m.reason = reason
		atomic.AddUint64(m.id, 1)
		close(m.halting)
	}
}

func (m *machine) halted() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.halting
}

// drain waits for halted code, the cell's own (when ended is not nil) and its
// goroutines, then makes the machine ready again. Code that outlives the grace
// leaves the machine halted for ever, so that it stops when its call returns.
func (m *machine) drain(ended chan outcome, o outcome) outcome {
	giveUp := time.NewTimer(grace)
	if m.reason.Ename == SystemExit || m.reason.Ename == RecursionError {
		giveUp.Reset(patience)
	}
	defer giveUp.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ended != nil || m.live.Load() > 0 {
		select {
		case visit := <-m.visits:
			visit()
		case o = <-ended:
			ended = nil
		case m.done <- struct{}{}: // wakes one blocked channel operation
		case <-tick.C:
		case <-giveUp.C:
			m.out.close()
			m.errs.close()
			o.abandoned = true
			o.halted = m.reason
			return o
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o.halted = m.reason
	m.reason, m.halting = nil, make(chan struct{})
	atomic.AddUint64(m.id, ^uint64(0))
	return o
}

// global returns the storage of one of yaegi's global variables.
func (m *machine) global(name string) reflect.Value { return m.yaegi.Globals()[name] }
