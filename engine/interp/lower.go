package interp

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"strconv"
)

// lowerer copies checked syntax into what yaegi runs well. It leaves the
// positions as they are, so that a panic is found in the user's cell.
//
//   - names of the namespace become internal ones, packages become aliases;
//   - constant expressions become literals;
//   - generic functions and types become their instances;
//   - range over an integer, min, max and clear become older Go;
//   - loop variables that closures capture become one per iteration;
//   - go statements start under a recover, functions guard the stack.
type lowerer struct {
	e       *emitter
	info    *types.Info
	subst   map[*types.TypeParam]types.Type
	asIs    map[*ast.UnaryExpr]bool // receives that yaegi gets right
	called  map[ast.Expr]bool       // functions of calls
	ends    map[string]string       // labels after labelled statements, for breaks out of a select
	fn      string                  // name of the function, for tracebacks
	results []types.Object          // of the function, if they have names
	defers  string                  // the variable of its deferred calls, "" while it has none
}

func (l *lowerer) typeOf(x ast.Expr) types.Type { return replace(l.info.TypeOf(x), l.subst) }

// rt names a function of the run-time package (runtime.go).
func (l *lowerer) rt(name string) ast.Expr { return l.e.selector(runtimePath, name) }

// function lowers a declared function or method.
func (l *lowerer) function(d *ast.FuncDecl, name, recv string) *ast.FuncDecl {
	l.fn = d.Name.Name
	out := &ast.FuncDecl{
		Name: &ast.Ident{Name: name, NamePos: d.Name.NamePos},
		Type: l.signature(&ast.FuncType{Func: d.Type.Func, Params: d.Type.Params, Results: d.Type.Results}),
		Body: l.body(d.Body, d.Type, d.Pos()),
	}
	if d.Recv != nil {
		f := *d.Recv.List[0]
		base := ast.Expr(&ast.Ident{Name: recv, NamePos: f.Type.Pos()})
		if star, ok := ast.Unparen(f.Type).(*ast.StarExpr); ok {
			base = &ast.StarExpr{Star: star.Star, X: base}
		}
		out.Recv = &ast.FieldList{Opening: d.Recv.Opening, List: []*ast.Field{{Names: f.Names, Type: base}}, Closing: d.Recv.Closing}
		named(out.Recv)
	}
	return out
}

// signature lowers the type of a function that has a body.
func (l *lowerer) signature(t *ast.FuncType) *ast.FuncType {
	out := l.clone(t).(*ast.FuncType)
	named(out.Params)
	return out
}

// named calls parameters _ that have no name: yaegi has no place for these, and
// takes what follows for them.
func named(params *ast.FieldList) {
	for _, f := range params.List {
		if len(f.Names) == 0 {
			f.Names = []*ast.Ident{{Name: "_", NamePos: f.Type.Pos()}}
		}
	}
}

// body lowers the body of a function, with a look at the stack first when
// the function calls others of the user's: those might be itself.
func (l *lowerer) body(b *ast.BlockStmt, t *ast.FuncType, pos token.Pos) *ast.BlockStmt {
	if b == nil {
		return nil
	}
	defers, results := l.defers, l.results
	l.defers, l.results = "", l.namedResults(t)
	out := l.clone(b).(*ast.BlockStmt)
	out.List = l.deferring(out.List, l.fn)
	l.defers, l.results = defers, results
	if l.calls(b) {
		guard := l.e.call(l.rt("Enter"), &ast.BasicLit{ValuePos: pos, Kind: token.INT, Value: strconv.Itoa(int(pos))})
		out.List = append([]ast.Stmt{&ast.ExprStmt{X: guard}}, out.List...)
	}
	return out
}

// calls reports whether a body may call interpreted code: anything but
// conversions, builtins and compiled functions given no function.
func (l *lowerer) calls(b *ast.BlockStmt) bool {
	found := false
	ast.Inspect(b, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || found {
			return !found
		}
		fun := ast.Unparen(call.Fun)
		if tv := l.info.Types[fun]; tv.IsType() || tv.IsBuiltin() {
			return true
		}
		if sel, ok := fun.(*ast.SelectorExpr); ok {
			if f, ok := l.info.Uses[sel.Sel].(*types.Func); ok && f.Pkg() != nil && f.Pkg().Path() != "main" && l.e.in.defs[f] == nil {
				for _, a := range call.Args {
					if t := l.info.TypeOf(a); t != nil {
						switch t.Underlying().(type) {
						case *types.Basic, *types.Slice, *types.Array, *types.Map:
						default:
							found = true // a callback may hide in it
						}
					}
				}
				if recv := f.Signature().Recv(); recv != nil && types.IsInterface(recv.Type()) {
					found = true // perhaps a type of the user's
				}
				return true
			}
		}
		found = true
		return false
	})
	return found
}

// clone copies a node through the hooks below.
func (l *lowerer) clone(n ast.Node) ast.Node {
	return l.value(reflect.ValueOf(&n).Elem()).Interface().(ast.Node)
}

// value copies whatever a node holds. The static type tells where a hook may
// put another kind of node: only interfaces can take it.
func (l *lowerer) value(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		switch n := v.Interface().(type) {
		case ast.Expr:
			if r := l.expr(n); r != nil {
				return reflect.ValueOf(r)
			}
		case ast.Stmt:
			if r := l.stmt(n); r != nil {
				return reflect.ValueOf(r)
			}
		}
		return l.value(v.Elem())
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		switch n := v.Interface().(type) {
		//lint:ignore SA1019 the copy is to be without what the parser resolved
		case *ast.Object, *ast.Scope, *ast.CommentGroup:
			return reflect.Zero(v.Type())
		case *ast.Ident:
			return reflect.ValueOf(&ast.Ident{NamePos: n.NamePos, Name: l.name(n)})
		}
		out := reflect.New(v.Type().Elem())
		for i := range v.Elem().NumField() {
			out.Elem().Field(i).Set(l.value(v.Elem().Field(i)))
		}
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		if list, ok := v.Interface().([]ast.Stmt); ok {
			return reflect.ValueOf(l.statements(list))
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(l.value(v.Index(i)))
		}
		return out
	}
	return v
}

func (l *lowerer) object(id *ast.Ident) types.Object {
	if obj := l.info.Uses[id]; obj != nil {
		return obj
	}
	return l.info.Defs[id]
}

// name returns the internal name of an identifier that stays one.
func (l *lowerer) name(id *ast.Ident) string {
	obj := l.object(id)
	if v, ok := obj.(*types.Var); ok && v.IsField() && v.Embedded() {
		// The field is named after its type, and so is the type's new name.
		t := types.Unalias(v.Type())
		if p, ok := t.(*types.Pointer); ok {
			t = types.Unalias(p.Elem())
		}
		if n, ok := t.(*types.Named); ok {
			if x, ok := l.e.typeExpr(replace(n, l.subst)).(*ast.Ident); ok {
				return x.Name
			}
		}
		return id.Name
	}
	if n := l.e.internal(obj); obj != nil && n != "" {
		return n
	}
	return id.Name
}

func (l *lowerer) expr(x ast.Expr) ast.Expr {
	if tv, ok := l.info.Types[x]; ok && tv.Value != nil {
		if _, lit := x.(*ast.BasicLit); !lit {
			if _, param := tv.Type.(*types.TypeParam); !param {
				return l.e.constant(tv.Value, tv.Type, x.Pos())
			}
		}
		return nil
	}
	switch x := x.(type) {
	case *ast.Ident:
		return l.functionValue(x, x, l.reference(x, x))
	case *ast.SelectorExpr:
		if id, ok := x.X.(*ast.Ident); ok {
			if _, ok := l.info.Uses[id].(*types.PkgName); ok {
				return l.functionValue(x, x.Sel, l.reference(x.Sel, x))
			}
		}
		if sel := l.info.Selections[x]; sel != nil && sel.Kind() == types.MethodVal && !l.called[x] {
			return l.methodValue(x, sel)
		}
		if sel := l.info.Selections[x]; sel != nil && sel.Kind() == types.MethodExpr {
			return l.methodExpr(x, sel)
		}
	case *ast.UnaryExpr:
		if x.Op == token.ARROW && !l.asIs[x] {
			return l.receive(x)
		}
	case *ast.TypeAssertExpr:
		return l.assertion(x)
	case *ast.IndexExpr:
		return l.instantiated(x, x.X)
	case *ast.IndexListExpr:
		return l.instantiated(x, x.X)
	case *ast.CallExpr:
		return l.callExpr(x)
	case *ast.FuncLit:
		return l.closure(x)
	case *ast.CompositeLit:
		return l.composite(x)
	}
	return nil
}

// reference lowers the use of a name, alone or behind its package.
func (l *lowerer) reference(id *ast.Ident, whole ast.Expr) ast.Expr {
	obj := l.object(id)
	switch o := obj.(type) {
	case nil:
		return nil
	case *types.TypeName:
		if p, ok := o.Type().(*types.TypeParam); ok {
			if t := l.subst[p]; t != nil {
				return l.e.typeExpr(t)
			}
			return nil
		}
	case *types.Func:
		if inst, ok := l.info.Instances[id]; ok {
			if d := l.e.in.defs[o]; d != nil {
				return &ast.Ident{NamePos: whole.Pos(), Name: l.e.instance(d, l.typeArgs(inst.TypeArgs))}
			}
		}
	}
	if d := l.e.in.defs[obj]; d != nil {
		l.e.require(d)
		return &ast.Ident{NamePos: whole.Pos(), Name: d.internal}
	}
	if obj.Pkg() == nil || obj.Parent() == nil || obj.Parent() != obj.Pkg().Scope() || l.e.internal(obj) != "" {
		return nil
	}
	if l.e.in.world.tables[obj.Pkg().Path()] == nil {
		return nil
	}
	return &ast.SelectorExpr{
		X:   &ast.Ident{NamePos: whole.Pos(), Name: l.e.pkg(obj.Pkg().Path())},
		Sel: &ast.Ident{NamePos: id.NamePos, Name: obj.Name()},
	}
}

// receive lowers <-ch, of which yaegi 0.16 makes a variable that cannot be
// assigned to again, to a call of a function that receives by v, _ := <-ch,
// which it gets right.
func (l *lowerer) receive(x *ast.UnaryExpr) ast.Expr {
	t, ok := l.typeOf(x.X).Underlying().(*types.Chan)
	if !ok {
		return nil
	}
	fun := &ast.Ident{NamePos: x.OpPos, Name: l.e.instance(l.e.in.prelude("Recv"), []types.Type{t.Elem()})}
	return &ast.CallExpr{Fun: fun, Lparen: x.OpPos, Args: []ast.Expr{l.clone(x.X).(ast.Expr)}, Rparen: x.X.End()}
}

// keep leaves a receive as it is.
func (l *lowerer) keep(x ast.Expr) {
	if u, ok := ast.Unparen(x).(*ast.UnaryExpr); ok && u.Op == token.ARROW {
		if l.asIs == nil {
			l.asIs = map[*ast.UnaryExpr]bool{}
		}
		l.asIs[u] = true
	}
}

func (l *lowerer) typeArgs(list *types.TypeList) []types.Type {
	out := make([]types.Type, list.Len())
	for i := range out {
		out[i] = replace(list.At(i), l.subst)
	}
	return out
}

// instantiated lowers f[int] and List[int].
func (l *lowerer) instantiated(whole, x ast.Expr) ast.Expr {
	if l.info.Types[whole].IsType() {
		return l.e.typeExpr(l.typeOf(whole))
	}
	var id *ast.Ident
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return nil
	}
	if _, ok := l.info.Instances[id]; ok {
		return l.functionValue(whole, id, l.reference(id, x))
	}
	return nil
}
