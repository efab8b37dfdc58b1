package interp

import (
	"go/ast"
	"go/token"
	"go/types"
)

// yaegi saves the copy of a value by having what makes it write where it goes: a
// call, a composite literal, an operator. In a list that is wrong. It leaves
// the other values of an assignment out, and overwrites results of a function
// before the rest of its return has read them. And a composite literal moves a
// variable away from the pointers to it. In parentheses a value is left where it
// is made, and assigned once the list is complete, as Go has it.

// operand lowers one of n values that go to variables of type to, nil if the
// value gives them their type.
func (l *lowerer) operand(x ast.Expr, to types.Type, n int) ast.Expr {
	out, isNil := l.boxed(x, to), l.info.Types[x].IsNil()
	if _, composite := ast.Unparen(x).(*ast.CompositeLit); n == 1 && (to == nil || !composite) {
		return out
	}
	switch {
	case n == 1 || to == nil:
	case isAny(replace(to, l.subst)):
		if from := l.typeOf(x); isNil || isAny(from) || needsBox(from, to) {
			out = l.e.call(l.rt("Any"), out)
		}
	case isNil:
		out = &ast.CallExpr{Fun: l.prelude(x.Pos(), "Nil", replace(to, l.subst)), Lparen: x.Pos(), Rparen: x.End()}
	}
	return &ast.ParenExpr{Lparen: x.Pos(), X: out, Rparen: x.End()}
}

// targets lowers the variables that a list is assigned to. yaegi looks the map and
// the key of an entry up when those before it have been assigned already.
func (l *lowerer) targets(list []ast.Expr) []ast.Expr {
	var out []ast.Expr
	changed := false
	for _, x := range list {
		y := l.clone(x).(ast.Expr)
		if entry, ok := ast.Unparen(x).(*ast.IndexExpr); ok {
			m, isMap := l.typeOf(entry.X).Underlying().(*types.Map)
			if isMap && changed {
				y = &ast.IndexExpr{
					X: l.copied(l.clone(entry.X).(ast.Expr), l.typeOf(entry.X)), Lbrack: entry.Lbrack,
					Index: l.copied(l.boxed(entry.Index, m.Key()), m.Key()), Rbrack: entry.Rbrack,
				}
			}
			changed = changed || !isMap
		} else if id, ok := x.(*ast.Ident); !ok || id.Name != "_" {
			changed = true
		}
		out = append(out, y)
	}
	return out
}

// statements lowers a list of statements.
func (l *lowerer) statements(list []ast.Stmt) []ast.Stmt {
	out := make([]ast.Stmt, 0, len(list))
	for _, s := range list {
		out = append(out, l.clone(s).(ast.Stmt))
		if a, ok := s.(*ast.AssignStmt); ok && a.Tok == token.DEFINE && len(a.Rhs) > 1 {
			define := out[len(out)-1].(*ast.AssignStmt)
			if assign := l.redeclared(a, define); assign != nil {
				out = append(out, assign)
			}
		}
	}
	return out
}

// redeclared has a definition that names variables of its block again, of which yaegi
// would make new ones, define others, and returns their assignment to those.
func (l *lowerer) redeclared(s, define *ast.AssignStmt) ast.Stmt {
	assign := &ast.AssignStmt{TokPos: s.TokPos, Tok: token.ASSIGN}
	for i, x := range s.Lhs {
		id, ok := x.(*ast.Ident)
		if !ok || id.Name == "_" || l.info.Defs[id] != nil {
			continue
		}
		name := l.e.in.fresh(id.Name)
		assign.Lhs = append(assign.Lhs, define.Lhs[i])
		assign.Rhs = append(assign.Rhs, &ast.Ident{Name: name, NamePos: id.NamePos})
		define.Lhs[i] = &ast.Ident{Name: name, NamePos: id.NamePos}
		if tv := l.info.Types[s.Rhs[i]]; tv.Value != nil {
			define.Rhs[i] = l.e.constant(tv.Value, l.typeOf(id), s.Rhs[i].Pos())
		} else {
			define.Rhs[i] = l.operand(s.Rhs[i], l.typeOf(id), len(s.Rhs))
		}
	}
	if assign.Lhs == nil {
		return nil
	}
	return assign
}

// returned lowers a return of several values.
func (l *lowerer) returned(s *ast.ReturnStmt) ast.Stmt {
	if len(s.Results) < 2 {
		return nil
	}
	out := &ast.ReturnStmt{Return: s.Return}
	for i, x := range s.Results {
		y := l.clone(x).(ast.Expr)
		if i > 0 && l.readLate(x, i) {
			y = l.copied(y, l.typeOf(x))
		}
		if tv := l.info.Types[x]; tv.Value == nil && !tv.IsNil() {
			y = &ast.ParenExpr{Lparen: x.Pos(), X: y, Rparen: x.End()}
		}
		out.Results = append(out.Results, y)
	}
	return out
}

// readLate reports whether result i of a return may be read when those before
// it are assigned already, and change with them.
func (l *lowerer) readLate(x ast.Expr, i int) bool {
	if l.results == nil || l.info.Types[x].Value != nil {
		return false
	}
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident:
		for _, r := range l.results[:i] {
			if r != nil && l.info.Uses[x] == r {
				return true
			}
		}
	case *ast.SelectorExpr:
		return l.info.Selections[x] != nil && l.info.Selections[x].Kind() == types.FieldVal
	case *ast.IndexExpr, *ast.StarExpr:
		return l.info.Types[x].IsValue()
	case *ast.CallExpr:
		return l.info.Types[x.Fun].IsType() && l.readLate(x.Args[0], i)
	}
	return false
}

// namedResults returns the results of a function that have names.
func (l *lowerer) namedResults(t *ast.FuncType) []types.Object {
	var out []types.Object
	if t.Results != nil {
		for _, f := range t.Results.List {
			for _, id := range f.Names {
				out = append(out, l.info.Defs[id])
			}
		}
	}
	return out
}

// copied is func(x T) T { return x }(x), whose result nothing else changes.
func (l *lowerer) copied(x ast.Expr, t types.Type) ast.Expr {
	e, pos := l.e, x.Pos()
	name := e.in.fresh("x")
	t = types.Default(t)
	fun := &ast.FuncLit{
		Type: &ast.FuncType{
			Func:    pos,
			Params:  &ast.FieldList{List: []*ast.Field{{Names: []*ast.Ident{e.ident(name)}, Type: e.typeExpr(t)}}},
			Results: &ast.FieldList{List: []*ast.Field{{Type: e.typeExpr(t)}}},
		},
		Body: &ast.BlockStmt{Lbrace: pos, List: []ast.Stmt{&ast.ReturnStmt{Return: pos, Results: []ast.Expr{e.ident(name)}}}, Rbrace: pos},
	}
	return &ast.CallExpr{Fun: fun, Lparen: pos, Args: []ast.Expr{x}, Rparen: x.End()}
}
