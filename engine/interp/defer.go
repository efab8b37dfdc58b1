package interp

import (
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
)

// A defer or go statement evaluates the function, the receiver and the
// arguments at once and calls later (Go spec, "Defer statements", "Go
// statements"). yaegi keeps the slots that hold them, so each is put into a new
// variable first, which nothing assigns to again.

// holder lowers the call of one defer or go statement.
type holder struct {
	l     *lowerer
	pos   token.Pos
	setup []ast.Stmt // what the statement evaluates
}

// hold puts x into a new variable, or n into as many.
func (h *holder) hold(x ast.Expr, n int) []ast.Expr {
	define := &ast.AssignStmt{TokPos: h.pos, Tok: token.DEFINE, Rhs: []ast.Expr{x}}
	names := make([]ast.Expr, n)
	for i := range names {
		name := h.l.e.in.fresh("a")
		define.Lhs = append(define.Lhs, &ast.Ident{Name: name, NamePos: x.Pos()})
		names[i] = &ast.Ident{Name: name, NamePos: x.Pos()}
	}
	h.setup = append(h.setup, define)
	return names
}

// call returns the call to make later, of what has been evaluated now.
func (h *holder) call(x *ast.CallExpr) *ast.CallExpr {
	l := h.l
	fun := h.function(x.Fun)
	lowered, ok := l.callExpr(x).(*ast.CallExpr)
	if !ok {
		lowered = l.rebuilt(x, l.clone(x.Fun).(ast.Expr)).(*ast.CallExpr)
	}
	if fun != nil {
		lowered.Fun = fun
	}
	if len(x.Args) == 1 {
		if t, ok := l.typeOf(x.Args[0]).(*types.Tuple); ok {
			lowered.Args = h.spread(x, t, lowered.Args[0])
			return lowered
		}
	}
	for i, a := range x.Args {
		if tv := l.info.Types[a]; tv.Value == nil && !tv.IsNil() && !tv.IsType() && i < len(lowered.Args) {
			lowered.Args[i] = h.hold(lowered.Args[i], 1)[0]
		}
	}
	return lowered
}

// spread holds the arguments of f(g()).
func (h *holder) spread(x *ast.CallExpr, t *types.Tuple, g ast.Expr) []ast.Expr {
	args := h.hold(g, t.Len())
	sig, ok := h.l.typeOf(x.Fun).Underlying().(*types.Signature)
	if !ok {
		return args
	}
	compiled := h.l.compiled(x.Fun)
	for i, a := range args {
		from, to := t.At(i).Type(), parameter(sig, i, false)
		switch {
		case to == nil:
		case compiled && isAny(to):
			if isAny(from) {
				args[i] = h.hold(h.l.e.call(h.l.rt("Plain"), a), 1)[0]
			}
		case needsBox(from, to):
			args[i] = h.hold(h.l.e.call(h.l.e.box(from, to), a), 1)[0]
		}
	}
	return args
}

// function returns the function of the call when it is to be evaluated now:
// neither a declared function nor a literal.
func (h *holder) function(fun ast.Expr) ast.Expr {
	l := h.l
	fun = ast.Unparen(fun)
	if _, lit := fun.(*ast.FuncLit); lit || l.info.Types[fun].IsBuiltin() || l.info.Types[fun].IsType() {
		return nil
	}
	switch f := fun.(type) {
	case *ast.Ident:
		if _, declared := l.object(f).(*types.Func); declared {
			return nil
		}
	case *ast.IndexExpr, *ast.IndexListExpr:
		if l.instantiated(f, indexed(f)) != nil {
			return nil
		}
	case *ast.SelectorExpr:
		sel := l.info.Selections[f]
		if _, declared := l.info.Uses[f.Sel].(*types.Func); declared && sel == nil {
			return nil
		}
		if sel != nil && sel.Kind() == types.MethodVal {
			return &ast.SelectorExpr{X: h.receiver(f, sel), Sel: &ast.Ident{Name: f.Sel.Name, NamePos: f.Sel.NamePos}}
		}
	}
	return h.hold(l.clone(fun).(ast.Expr), 1)[0]
}

// receiver holds what a method is called on: a copy, or a pointer for methods
// that have one.
func (h *holder) receiver(x *ast.SelectorExpr, sel *types.Selection) ast.Expr {
	recv := h.l.clone(x.X).(ast.Expr)
	_, isPointer := h.l.typeOf(x.X).Underlying().(*types.Pointer)
	_, onPointer := types.Unalias(sel.Obj().(*types.Func).Signature().Recv().Type()).(*types.Pointer)
	switch {
	case onPointer && !isPointer && !sel.Indirect():
		recv = &ast.UnaryExpr{OpPos: h.pos, Op: token.AND, X: recv}
	case !onPointer && isPointer && len(sel.Index()) == 1:
		recv = &ast.StarExpr{Star: h.pos, X: recv}
	}
	return h.hold(recv, 1)[0]
}

func indexed(x ast.Expr) ast.Expr {
	switch x := x.(type) {
	case *ast.IndexExpr:
		return x.X
	case *ast.IndexListExpr:
		return x.X
	}
	return x
}

// block returns the statement, after what it evaluates.
func (h *holder) block(s ast.Stmt) ast.Stmt {
	if len(h.setup) == 0 {
		return s
	}
	return &ast.BlockStmt{Lbrace: h.pos, List: append(h.setup, s), Rbrace: h.pos}
}

// deferStmt lowers a defer statement to an entry in the list that runs when the
// function ends: see deferred.go. Of interpreted functions it defers a function
// that calls them; compiled ones are noted with their arguments, so that those
// run in a stopped cell too (mutexes are unlocked, files closed).
func (l *lowerer) deferStmt(s *ast.DeferStmt) ast.Stmt {
	e, h := l.e, &holder{l: l, pos: s.Defer}
	if l.defers == "" {
		l.defers = e.in.fresh("defers")
	}
	list, none := e.ident(l.defers), types.NewSignatureType(nil, nil, nil, nil, nil, false)
	at := &ast.BasicLit{ValuePos: s.Defer, Kind: token.INT, Value: strconv.Itoa(int(s.Defer))}
	fun := ast.Unparen(s.Call.Fun)
	if lit, ok := fun.(*ast.FuncLit); ok && len(s.Call.Args) == 0 && lit.Type.Results == nil {
		return &ast.ExprStmt{X: e.call(l.rt("Defer"), list, at, e.ident("false"), l.closure(lit))}
	}
	call := h.call(s.Call)
	if l.compiled(fun) && plainParams(l.typeOf(fun)) && !s.Call.Ellipsis.IsValid() {
		args := append([]ast.Expr{list, call.Fun}, call.Args...)
		return h.block(&ast.ExprStmt{X: e.call(l.rt("DeferCompiled"), args...)})
	}
	run := e.framed(none, h.function0(call), s.Defer)
	return h.block(&ast.ExprStmt{X: e.call(l.rt("Defer"), list, at, e.ident("true"), run)})
}

// plainParams reports whether a compiled function takes nothing but data: no
// values that the interpreter would have to wrap.
func plainParams(t types.Type) bool {
	sig, ok := t.Underlying().(*types.Signature)
	if !ok || sig.Variadic() {
		return false
	}
	for i := range sig.Params().Len() {
		switch sig.Params().At(i).Type().Underlying().(type) {
		case *types.Interface, *types.Signature, *types.Slice, *types.Map, *types.Array:
			return false
		}
	}
	return true
}

// deferring returns the statements of a function with, before them, what runs
// the calls they defer.
func (l *lowerer) deferring(list []ast.Stmt, name string) []ast.Stmt {
	if l.defers == "" {
		return list
	}
	e := l.e
	recovers := &ast.FuncLit{
		Type: &ast.FuncType{Func: e.pos, Params: &ast.FieldList{}, Results: &ast.FieldList{List: []*ast.Field{{Type: e.typeExpr(types.NewInterfaceType(nil, nil))}}}},
		Body: &ast.BlockStmt{Lbrace: e.pos, List: []ast.Stmt{&ast.ReturnStmt{Return: e.pos, Results: []ast.Expr{e.call(e.ident("recover"))}}}, Rbrace: e.pos},
	}
	text := &ast.BasicLit{ValuePos: e.pos, Kind: token.STRING, Value: strconv.Quote(name)}
	return append([]ast.Stmt{
		&ast.AssignStmt{Lhs: []ast.Expr{e.ident(l.defers)}, TokPos: e.pos, Tok: token.DEFINE, Rhs: []ast.Expr{e.call(l.rt("Defers"), text)}},
		&ast.DeferStmt{Defer: e.pos, Call: e.call(l.rt("RunDefers"), e.ident(l.defers), recovers)},
	}, list...)
}

// function0 returns func() { call }.
func (h *holder) function0(call ast.Expr) ast.Expr {
	return &ast.FuncLit{
		Type: &ast.FuncType{Func: h.pos, Params: &ast.FieldList{}},
		Body: &ast.BlockStmt{Lbrace: h.pos, List: []ast.Stmt{&ast.ExprStmt{X: call}}, Rbrace: h.pos},
	}
}

// goStmt runs the call under Go, which recovers: a panic in a goroutine would
// otherwise end the process.
func (l *lowerer) goStmt(s *ast.GoStmt) ast.Stmt {
	h := &holder{l: l, pos: s.Go}
	none := types.NewSignatureType(nil, nil, nil, nil, nil, false)
	run := l.e.framed(none, h.function0(h.call(s.Call)), s.Go)
	return h.block(&ast.ExprStmt{X: l.e.call(l.rt("Go"), run)})
}
