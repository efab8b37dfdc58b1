package interp

import (
	"go/ast"
	"go/token"
	"go/types"
)

// callExpr lowers calls: builtins that yaegi lacks or gets wrong, arguments that
// become interfaces, literals called on the spot.
func (l *lowerer) callExpr(x *ast.CallExpr) ast.Expr {
	fun := ast.Unparen(x.Fun)
	if id, ok := fun.(*ast.Ident); ok {
		if b, ok := l.info.Uses[id].(*types.Builtin); ok {
			return l.builtin(x, b.Name())
		}
	}
	return l.arguments(x)
}

// callee lowers the function of a call.
func (l *lowerer) callee(fun ast.Expr) ast.Expr {
	if lit, ok := ast.Unparen(fun).(*ast.FuncLit); ok {
		return &ast.FuncLit{Type: l.signature(lit.Type), Body: l.body(lit.Body, lit.Type, lit.Pos())}
	}
	if l.called == nil {
		l.called = map[ast.Expr]bool{}
	}
	l.called[ast.Unparen(fun)] = true
	return l.clone(fun).(ast.Expr)
}

// rebuilt returns the call with another function.
func (l *lowerer) rebuilt(x *ast.CallExpr, fun ast.Expr) ast.Expr {
	out := &ast.CallExpr{Fun: fun, Lparen: x.Lparen, Ellipsis: x.Ellipsis, Rparen: x.Rparen}
	for _, a := range x.Args {
		out.Args = append(out.Args, l.clone(a).(ast.Expr))
	}
	return out
}

// prelude names an instance of a function of generic/prelude.go.txt.
func (l *lowerer) prelude(pos token.Pos, name string, targs ...types.Type) ast.Expr {
	return &ast.Ident{NamePos: pos, Name: l.e.instance(l.e.in.prelude(name), targs)}
}

func (l *lowerer) builtin(x *ast.CallExpr, name string) ast.Expr {
	switch name {
	case "append":
		if s, ok := l.typeOf(x).Underlying().(*types.Slice); ok && !x.Ellipsis.IsValid() {
			out := &ast.CallExpr{Fun: l.e.ident("append"), Lparen: x.Lparen, Rparen: x.Rparen, Args: []ast.Expr{l.clone(x.Args[0]).(ast.Expr)}}
			for _, a := range x.Args[1:] {
				out.Args = append(out.Args, l.boxed(a, s.Elem()))
			}
			return out
		}
	case "print":
		return l.rebuilt(x, l.rt("Print"))
	case "println":
		return l.rebuilt(x, l.rt("Println"))
	case "recover":
		return l.rebuilt(x, l.rt("Recover"))
	case "min":
		return l.rebuilt(x, l.prelude(x.Pos(), "Min", l.typeOf(x)))
	case "max":
		return l.rebuilt(x, l.prelude(x.Pos(), "Max", l.typeOf(x)))
	case "clear":
		t := l.typeOf(x.Args[0])
		switch u := t.Underlying().(type) {
		case *types.Map:
			return l.rebuilt(x, l.prelude(x.Pos(), "ClearMap", t, u.Key(), u.Elem()))
		case *types.Slice:
			return l.rebuilt(x, l.prelude(x.Pos(), "ClearSlice", t, u.Elem()))
		}
	}
	return nil
}

// closure lowers a function literal that is not called on the spot to
// func() F { return literal }(). yaegi keeps a closure's value in a slot of the
// frame that makes it, shares that frame when the value goes to a compiled
// function directly, and resets the slot when the closure returns, on whatever
// goroutine: made in a frame of its own, it is right in loops and in goroutines.
func (l *lowerer) closure(lit *ast.FuncLit) ast.Expr {
	sig, ok := l.typeOf(lit).(*types.Signature)
	if !ok {
		return nil
	}
	return l.e.framed(sig, &ast.FuncLit{Type: l.signature(lit.Type), Body: l.body(lit.Body, lit.Type, lit.Pos())}, lit.Pos())
}

func (e *emitter) framed(sig *types.Signature, lit ast.Expr, pos token.Pos) ast.Expr {
	maker := &ast.FuncLit{
		Type: &ast.FuncType{Func: pos, Params: &ast.FieldList{}, Results: &ast.FieldList{List: []*ast.Field{{Type: e.funcType(sig)}}}},
		Body: &ast.BlockStmt{Lbrace: pos, List: []ast.Stmt{&ast.ReturnStmt{Return: pos, Results: []ast.Expr{lit}}}, Rbrace: pos},
	}
	return &ast.CallExpr{Fun: maker, Lparen: pos, Rparen: pos}
}

// methodValue lowers x.M, not called, to a closure over its receiver, which
// yaegi would look up only when the value is called.
func (l *lowerer) methodValue(x *ast.SelectorExpr, sel *types.Selection) ast.Expr {
	m, ok := sel.Obj().(*types.Func)
	if !ok || m.Pkg() == nil || m.Pkg().Path() != "main" {
		return nil // a method of a compiled type: reflect's
	}
	e, pos := l.e, x.Pos()
	recv := l.clone(x.X).(ast.Expr)
	t := l.typeOf(x.X)
	_, onPointer := types.Unalias(m.Signature().Recv().Type()).(*types.Pointer)
	if _, isPointer := t.Underlying().(*types.Pointer); onPointer && !isPointer {
		recv, t = &ast.UnaryExpr{OpPos: pos, Op: token.AND, X: recv}, types.NewPointer(t)
	}
	sig := replace(sel.Type(), l.subst).(*types.Signature)
	inner := e.funcType(sig)
	r := e.in.fresh("r")
	call := e.call(&ast.SelectorExpr{X: e.ident(r), Sel: &ast.Ident{Name: x.Sel.Name, NamePos: x.Sel.NamePos}})
	for _, f := range inner.Params.List {
		name := e.in.fresh("a")
		f.Names = []*ast.Ident{e.ident(name)}
		call.Args = append(call.Args, e.ident(name))
	}
	if sig.Variadic() {
		call.Ellipsis = pos
	}
	var body ast.Stmt = &ast.ExprStmt{X: call}
	if sig.Results().Len() > 0 {
		body = &ast.ReturnStmt{Return: pos, Results: []ast.Expr{call}}
	}
	closure := &ast.FuncLit{Type: inner, Body: &ast.BlockStmt{Lbrace: pos, List: []ast.Stmt{body}, Rbrace: pos}}
	outer := &ast.FuncLit{
		Type: &ast.FuncType{
			Func:    pos,
			Params:  &ast.FieldList{List: []*ast.Field{{Names: []*ast.Ident{e.ident(r)}, Type: e.typeExpr(t)}}},
			Results: &ast.FieldList{List: []*ast.Field{{Type: e.funcType(sig)}}},
		},
		Body: &ast.BlockStmt{Lbrace: pos, List: []ast.Stmt{&ast.ReturnStmt{Return: pos, Results: []ast.Expr{closure}}}, Rbrace: pos},
	}
	return e.call(outer, recv)
}

// methodExpr lowers T.M to a function of the receiver and the parameters, of
// which yaegi loses the receiver.
func (l *lowerer) methodExpr(x *ast.SelectorExpr, sel *types.Selection) ast.Expr {
	return l.calling(replace(sel.Type(), l.subst).(*types.Signature), x.Pos(), func(args []ast.Expr) *ast.CallExpr {
		return l.e.call(&ast.SelectorExpr{X: args[0], Sel: &ast.Ident{Name: x.Sel.Name, NamePos: x.Sel.NamePos}}, args[1:]...)
	})
}

// functionValue lowers x, by which id names a function that a cell declares or
// an instance of a generic one, to what reference made of it where x is called,
// and else to a closure that calls it: what yaegi has for the name is no
// function to a slice, to a return, nor to compiled code.
func (l *lowerer) functionValue(x ast.Expr, id *ast.Ident, named ast.Expr) ast.Expr {
	f, ok := l.object(id).(*types.Func)
	if named == nil || !ok || l.e.in.defs[f] == nil || l.called[x] {
		return named
	}
	sig, ok := l.typeOf(x).(*types.Signature)
	if !ok {
		return named
	}
	return l.calling(sig, x.Pos(), func(args []ast.Expr) *ast.CallExpr { return l.e.call(named, args...) })
}

// calling is a closure of a signature that makes one call with its arguments.
func (l *lowerer) calling(sig *types.Signature, pos token.Pos, makeCall func(args []ast.Expr) *ast.CallExpr) ast.Expr {
	e := l.e
	ft := e.funcType(sig)
	args := make([]ast.Expr, len(ft.Params.List))
	for i, f := range ft.Params.List {
		name := e.in.fresh("a")
		f.Names = []*ast.Ident{e.ident(name)}
		args[i] = e.ident(name)
	}
	call := makeCall(args)
	if sig.Variadic() {
		call.Ellipsis = pos
	}
	var body ast.Stmt = &ast.ExprStmt{X: call}
	if sig.Results().Len() > 0 {
		body = &ast.ReturnStmt{Return: pos, Results: []ast.Expr{call}}
	}
	return e.framed(sig, &ast.FuncLit{Type: ft, Body: &ast.BlockStmt{Lbrace: pos, List: []ast.Stmt{body}, Rbrace: pos}}, pos)
}
