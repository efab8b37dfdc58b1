package engine

import (
	"context"
	"errors"
	"maps"

	"muster/engine/interp"
	"muster/wire"
)

// NewInterpreter returns the interpreter of Go in package interp, in which the
// functions registered by [Func] can be called too.
func NewInterpreter(out Output) (Interpreter, error) {
	saved := &saved{stderr: out.Stderr}
	funcs := saved.functions()
	maps.Copy(funcs, registered())
	in, err := interp.New(interp.Config{Stdout: out.Stdout, Stderr: out.Stderr, Funcs: funcs})
	if err != nil {
		return nil, err
	}
	saved.in = in
	return goNamespace{in, saved}, nil
}

// goNamespace makes an interp.Interp an Interpreter.
type goNamespace struct {
	in    *interp.Interp
	saved *saved
}

func (n goNamespace) Exec(ctx context.Context, name, source string) (any, bool, error) {
	return n.run(ctx, interp.Cell{Name: name, Source: source})
}

func (n goNamespace) Run(ctx context.Context, file, source string) (any, bool, error) {
	return n.run(ctx, interp.Cell{Name: file, Source: source, File: true})
}

func (n goNamespace) run(ctx context.Context, c interp.Cell) (any, bool, error) {
	r, err := n.in.Exec(ctx, c)
	return r.Value, r.HasValue, userError(n.saved.restore(err))
}

func (n goNamespace) Eval(ctx context.Context, expr string) (any, error) {
	v, err := n.in.Eval(ctx, expr)
	return v, userError(err)
}

func (n goNamespace) Call(ctx context.Context, fn string, args []any) (any, error) {
	v, err := n.in.Call(ctx, fn, args)
	return v, userError(n.saved.restore(err))
}

func (n goNamespace) Map(ctx context.Context, fn string, seqs ...any) (any, error) {
	v, err := n.in.Map(ctx, fn, seqs...)
	return v, userError(err)
}

func (n goNamespace) Set(name string, value any) error { return userError(n.in.Set(name, value)) }

func (n goNamespace) Get(name string) (any, error) {
	v, err := n.in.Get(name)
	return v, userError(err)
}

func (n goNamespace) Delete(names ...string) error { return userError(n.in.Delete(names...)) }

func (n goNamespace) Names() []string { return n.in.Names() }

func (n goNamespace) Declare(name string, value any) error {
	return userError(n.in.Declare(name, value))
}

func (n goNamespace) Define(ctx context.Context, name, source string) error {
	return userError(n.in.Define(ctx, name, source))
}

func (n goNamespace) Source(name string) (string, error) {
	source, err := n.in.Source(name)
	return source, userError(err)
}

func (n goNamespace) Clear() error { return n.in.Clear() }

// userError is an error of interp as clients read it.
func userError(err error) error {
	if err == nil {
		return nil
	}
	var e *interp.Error
	if errors.As(err, &e) {
		return &UserError{wire.Error{Ename: e.Ename, Evalue: e.Evalue, Traceback: e.Traceback}}
	}
	return err
}
