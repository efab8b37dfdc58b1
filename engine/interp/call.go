package interp

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
)

// Call calls a function by name: a registered one, one that a cell defined, a
// variable that holds one, or any expression that gives one ("strings.ToUpper",
// "solver.Step"). Arguments are converted to the parameters' types where nothing
// is lost: numbers of another size that fit, []any to slices, map[string]any to
// maps and, by encoding/json's field names, to structs. A first parameter of type
// context.Context receives ctx. One result is returned as it is, several as
// []any; a trailing error result that is not nil becomes an *Error that wraps it.
func (in *Interp) Call(ctx context.Context, fn string, args []any) (any, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	f, err := in.function(ctx, fn)
	if err != nil {
		return nil, err
	}
	params, err := arguments(ctx, fn, f.Type(), args)
	if err != nil {
		return nil, err
	}
	var out []reflect.Value
	o := in.machine.run(ctx, func() {
		if f.Type().IsVariadic() {
			out = f.CallSlice(params)
		} else {
			out = f.Call(params)
		}
	})
	if o.abandoned || o.halted != nil || o.panicked != nil || o.exited {
		return nil, in.ended(o)
	}
	out, failed := trailing(out)
	if failed != nil {
		return nil, failed
	}
	return value(out), nil
}

var errorType = reflect.TypeFor[error]()

// trailing takes the error off what a function returned, if it returns one.
func trailing(out []reflect.Value) ([]reflect.Value, error) {
	n := len(out) - 1
	if n < 0 || out[n].Type() != errorType {
		return out, nil
	}
	if err, ok := out[n].Interface().(error); ok && err != nil {
		return nil, (&Error{Ename: fmt.Sprintf("%T", err), Evalue: err.Error(), Err: err}).at()
	}
	return out[:n], nil
}

// value is what Call returns for the results of a function.
func value(out []reflect.Value) any {
	values := make([]any, len(out))
	for i, v := range out {
		values[i] = dynamic(v.Interface(), 0)
	}
	switch len(values) {
	case 0:
		return nil
	case 1:
		return values[0]
	}
	return values
}

// function finds what Call calls.
func (in *Interp) function(ctx context.Context, name string) (reflect.Value, *Error) {
	if g := in.names[name]; g != nil {
		switch o := g.obj.(type) {
		case *types.Func:
			if fn, ok := in.cfg.Funcs[name]; ok && o.Pkg().Path() == funcsPath {
				return reflect.ValueOf(fn), nil
			}
			return in.interpreted(ctx, name, o)
		case *types.Var:
			if v := in.machine.global(g.internal); v.IsValid() && v.Kind() == reflect.Func {
				if v.IsNil() {
					return v, errorf(TypeError, "call %s: it is a nil function", name)
				}
				return v, nil
			}
		}
		if _, ok := g.obj.(*types.TypeName); !ok {
			return reflect.Value{}, errorf(TypeError, "call %s: it is a %s, not a function", name, plain(g.obj.Type().String()))
		}
	}
	if fn, ok := in.cfg.Funcs[name]; ok {
		return reflect.ValueOf(fn), nil
	}
	if isName(name) && in.names[name] == nil {
		return reflect.Value{}, errorf(NameError, "name '%s' is not defined", name)
	}
	r, err := in.exec(ctx, Cell{Name: "expression", Source: name})
	if err != nil {
		return reflect.Value{}, err
	}
	if v := reflect.ValueOf(r.Value); v.IsValid() && v.Kind() == reflect.Func && !v.IsNil() {
		return v, nil
	}
	return reflect.Value{}, errorf(TypeError, "call %q: not a function but %T", name, r.Value)
}

// interpreted returns a function of a cell as a Go function, made when first
// called by name.
func (in *Interp) interpreted(ctx context.Context, name string, f *types.Func) (reflect.Value, *Error) {
	if v, ok := in.callable[name]; ok {
		return v, nil
	}
	d := in.defs[f]
	if d == nil || d.generic() {
		return reflect.Value{}, errorf(TypeError, "call %s: it is generic; call an instance such as %s[float64]", name, name)
	}
	e := in.newEmitter(in.anchor)
	variable := in.fresh("call")
	e.declare(variable, f.Type())
	e.require(d)
	prog, err := in.compile(e, []ast.Stmt{&ast.AssignStmt{
		Lhs: []ast.Expr{e.ident(variable)}, TokPos: e.pos, Tok: token.ASSIGN, Rhs: []ast.Expr{e.ident(d.internal)},
	}})
	if err == nil {
		err = in.execute(ctx, prog)
	}
	if err != nil {
		return reflect.Value{}, err
	}
	v := in.machine.global(variable)
	in.callable[name] = v
	return v, nil
}
