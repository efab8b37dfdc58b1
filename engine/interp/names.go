package interp

import (
	"context"
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"maps"
	"reflect"
	"slices"
)

// Names returns the names that cells, Set and Define have defined, sorted:
// variables, constants, functions and types.
func (in *Interp) Names() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.defined()
}

// Declare declares a variable beforehand: cells see it and change what it
// refers to, a map or what a pointer points to, but cannot assign to it. A cell
// or Set may define another variable of the name, until that is deleted or the
// namespace cleared: then the declared one is back.
func (in *Interp) Declare(name string, v any) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if err := in.declare(name, v); err != nil {
		return err
	}
	in.vars[name] = v
	return nil
}

func (in *Interp) declare(name string, v any) *Error {
	delete(in.declared, name)
	if err := in.set(name, v); err != nil {
		return err
	}
	in.declared[name] = in.names[name]
	return nil
}

// redeclare declares in a namespace that was cleared what was declared in it.
func (in *Interp) redeclare() error {
	for name, v := range in.vars {
		if err := in.declare(name, v); err != nil {
			return err
		}
	}
	return nil
}

// protect refuses code that would assign to what was declared beforehand.
func (in *Interp) protect(items []*item, info *types.Info) (err *Error) {
	if len(in.declared) == 0 {
		return nil
	}
	mutated(items, func(id *ast.Ident) {
		internal := in.internal[info.Uses[id]]
		for name, g := range in.declared {
			if err == nil && internal != "" && internal == g.internal {
				pos := in.fset.Position(id.Pos())
				err = (&Error{Ename: CompileError, Evalue: fmt.Sprintf("cannot assign to %s or take its address: it is the engine's; change what is in it, or define one of your own (%s := ...)", name, name)}).
					at(in.place(pos.Line, pos.Column, "")...)
			}
		}
	})
	return err
}

// Set defines a variable of the value's own type: cells then use a
// *mat.Dense as one. A nil value makes a nil variable of type any.
func (in *Interp) Set(name string, v any) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if err := in.set(name, v); err != nil {
		return err
	}
	return nil
}

func (in *Interp) set(name string, v any) *Error {
	if !isName(name) {
		return errorf(NameError, "set %q: not a name a Go variable can have", name)
	}
	t := types.Type(types.Universe.Lookup("any").Type())
	if v != nil {
		t = in.world.typ(reflect.TypeOf(v))
	}
	g := in.names[name]
	if g == nil || g.internal == "" || g == in.declared[name] || !types.Identical(g.obj.Type(), t) || !in.machine.global(g.internal).CanSet() {
		obj := types.NewVar(0, types.NewPackage("main", "main"), name, t)
		g = &global{obj: obj, internal: in.fresh(name)}
		e := in.newEmitter(in.anchor)
		e.declare(g.internal, t)
		prog, err := in.compile(e, nil)
		if err == nil {
			err = in.execute(context.Background(), prog)
		}
		if err != nil {
			return err
		}
		in.drop(name)
		delete(in.imports, name)
		in.names[name], in.internal[obj] = g, g.internal
	}
	storage := in.machine.global(g.internal)
	if v == nil {
		storage.SetZero()
	} else {
		storage.Set(reflect.ValueOf(v))
	}
	return nil
}

func isName(s string) bool {
	for i, r := range s {
		if r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || i > 0 && '0' <= r && r <= '9' || r > 127 && r != 'ꞏ' {
			continue
		}
		return false
	}
	return s != "" && s != "_" && !isKeyword(s)
}

// Get returns the value of a name: of a variable or constant its value, of a
// function the function. Values of types that cells declared come as the data
// in them: a struct as map[string]any, as encoding/json would name its fields.
func (in *Interp) Get(name string) (any, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	g := in.names[name]
	if g == nil {
		return nil, errorf(NameError, "name '%s' is not defined", name)
	}
	switch o := g.obj.(type) {
	case *types.Const:
		return constantValue(o), nil
	case *types.TypeName:
		return nil, errorf(TypeError, "%s is a type, not a value", name)
	case *types.Func:
		fn, err := in.function(context.Background(), name)
		if err != nil {
			return nil, err
		}
		return fn.Interface(), nil
	}
	return export(g.obj.Type(), in.machine.global(g.internal)), nil
}

// constantValue returns a constant as the Go value it has in an any.
func constantValue(c *types.Const) any {
	b := types.Default(c.Type()).Underlying().(*types.Basic)
	var v any
	switch {
	case b.Info()&types.IsBoolean != 0:
		return constant.BoolVal(c.Val())
	case b.Info()&types.IsString != 0:
		return constant.StringVal(c.Val())
	case b.Info()&types.IsUnsigned != 0:
		v, _ = constant.Uint64Val(constant.ToInt(c.Val()))
	case b.Info()&types.IsInteger != 0:
		v, _ = constant.Int64Val(constant.ToInt(c.Val()))
	case b.Info()&types.IsFloat != 0:
		v, _ = constant.Float64Val(c.Val())
	default:
		re, _ := constant.Float64Val(constant.Real(c.Val()))
		im, _ := constant.Float64Val(constant.Imag(c.Val()))
		v = complex(re, im)
	}
	for kind, basic := range basicKinds {
		if basic == b.Kind() {
			return reflect.ValueOf(v).Convert(kindTypes[kind]).Interface()
		}
	}
	return v
}

var kindTypes = map[reflect.Kind]reflect.Type{
	reflect.Int: reflect.TypeFor[int](), reflect.Int8: reflect.TypeFor[int8](), reflect.Int16: reflect.TypeFor[int16](),
	reflect.Int32: reflect.TypeFor[int32](), reflect.Int64: reflect.TypeFor[int64](), reflect.Uint: reflect.TypeFor[uint](),
	reflect.Uint8: reflect.TypeFor[uint8](), reflect.Uint16: reflect.TypeFor[uint16](), reflect.Uint32: reflect.TypeFor[uint32](),
	reflect.Uint64: reflect.TypeFor[uint64](), reflect.Uintptr: reflect.TypeFor[uintptr](), reflect.Float32: reflect.TypeFor[float32](),
	reflect.Float64: reflect.TypeFor[float64](), reflect.Complex64: reflect.TypeFor[complex64](), reflect.Complex128: reflect.TypeFor[complex128](),
}

// Delete forgets names and releases what their variables hold; the first that
// is unknown is an error, after all others have gone. A function that uses a deleted
// variable finds it zero.
func (in *Interp) Delete(names ...string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	var missing *Error
	for _, name := range names {
		g := in.names[name]
		if g == nil {
			if missing == nil {
				missing = errorf(NameError, "name '%s' is not defined", name)
			}
			continue
		}
		if g == in.declared[name] {
			missing = errorf(NameError, "name '%s' is the engine's, and stays: delete what is in it", name)
			continue
		}
		if g.internal != "" {
			if v := in.machine.global(g.internal); v.CanSet() {
				v.SetZero()
			}
		}
		in.drop(name)
	}
	if missing != nil {
		return missing
	}
	return nil
}

// Clear forgets every name and import but what was declared beforehand.
// Goroutines that cells started are stopped.
func (in *Interp) Clear() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.machine.halt(errorf(KeyboardInterrupt, "the namespace was cleared"))
	in.machine.drain(nil, outcome{})
	in.clear()
	if err := in.start(); err != nil {
		return err
	}
	return in.redeclare()
}

// restart replaces a machine whose code does not stop. The namespace moves to
// a new one: functions and types by compiling them again, variables by value.
// The left-behind code keeps the old variables, so it cannot assign to the new
// ones; memory that both point to (the elements of a slice, a matrix) it may
// still write. Values made of interpreted functions belong to the old machine
// and are lost: restart returns their names.
func (in *Interp) restart() (lost []string) {
	old := in.machine.yaegi.Globals()
	if err := in.start(); err != nil {
		panic(err) // it has started before
	}
	e := in.newEmitter(in.anchor)
	declared := map[string]bool{}
	for obj, name := range in.internal {
		if !declared[name] {
			declared[name] = true
			e.declare(name, obj.Type())
		}
	}
	for _, g := range in.names {
		if d := in.defs[g.obj]; d != nil && !d.generic() {
			e.require(d)
		}
	}
	prog, err := in.compile(e, nil)
	if err == nil {
		err = in.execute(context.Background(), prog)
	}
	if err != nil { // it did compile once, in parts
		lost = slices.Sorted(maps.Keys(in.names))
		in.clear()
		if err := in.redeclare(); err != nil {
			panic(err) // it was declared before
		}
		return lost
	}
	now := in.machine.yaegi.Globals()
	movable := map[string]bool{}
	for obj, name := range in.internal {
		if v := now[name]; v.CanSet() && moves(obj.Type(), old[name]) {
			v.Set(old[name])
			movable[name] = true
		}
	}
	for name, g := range in.names {
		if g.internal != "" && !movable[g.internal] {
			lost = append(lost, name)
			in.drop(name)
		}
	}
	slices.Sort(lost)
	return lost
}

// moves reports whether a value means the same in another machine.
func moves(t types.Type, v reflect.Value) bool {
	ok := v.IsValid()
	walkTypes(t, func(t types.Type) {
		if n, named := t.(*types.Named); named && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "main" {
			ok = ok && moves(n.Underlying(), v)
			return
		}
		switch u := t.(type) {
		case *types.Signature:
			ok = false
		case *types.Interface:
			if v.IsValid() && v.Kind() == reflect.Interface && !v.IsNil() {
				_, wrapped := unwrapInterface(v.Interface())
				ok = ok && !wrapped
			} else {
				ok = ok && u.Empty()
			}
		}
	})
	return ok
}
