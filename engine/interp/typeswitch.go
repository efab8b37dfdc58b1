package interp

import (
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
)

// typeSwitch lowers a type switch with a case for an interface of a compiled
// package or error, which yaegi does not match with compiled values, to a switch
// over the number of the clause whose assertion holds.
func (l *lowerer) typeSwitch(s *ast.TypeSwitchStmt) ast.Stmt {
	var x ast.Expr
	name := ""
	switch a := s.Assign.(type) {
	case *ast.AssignStmt:
		x, name = a.Rhs[0].(*ast.TypeAssertExpr).X, a.Lhs[0].(*ast.Ident).Name
	case *ast.ExprStmt:
		x = a.X.(*ast.TypeAssertExpr).X
	}
	if !l.matchesCompiled(s) {
		return nil
	}
	e, pos := l.e, s.Switch
	from := l.typeOf(x)
	at := func(name string) *ast.Ident { return &ast.Ident{Name: name, NamePos: pos} }
	number := func(n int) ast.Expr {
		return &ast.BasicLit{ValuePos: pos, Kind: token.INT, Value: strconv.Itoa(n)}
	}
	define := func(rhs ast.Expr, lhs ...ast.Expr) ast.Stmt {
		return &ast.AssignStmt{Lhs: lhs, TokPos: pos, Tok: token.DEFINE, Rhs: []ast.Expr{rhs}}
	}
	when := func(cond ast.Expr, list ...ast.Stmt) ast.Stmt {
		return &ast.IfStmt{If: pos, Cond: cond, Body: &ast.BlockStmt{Lbrace: pos, List: list, Rbrace: pos}}
	}
	value, clause, ok := e.in.fresh("x"), e.in.fresh("clause"), e.in.fresh("ok")
	isNil := func(op token.Token) ast.Expr { return &ast.BinaryExpr{X: at(value), OpPos: pos, Op: op, Y: at("nil")} }
	block := &ast.BlockStmt{Lbrace: pos, Rbrace: s.End()}
	if s.Init != nil {
		block.List = append(block.List, l.clone(s.Init).(ast.Stmt))
	}
	block.List = append(block.List, define(l.clone(x).(ast.Expr), at(value)), define(number(0), at(clause)))
	sw := &ast.SwitchStmt{Switch: pos, Tag: at(clause), Body: &ast.BlockStmt{Lbrace: pos, Rbrace: s.End()}}
	for i, c := range s.Body.List {
		c := c.(*ast.CaseClause)
		set := &ast.AssignStmt{Lhs: []ast.Expr{at(clause)}, TokPos: pos, Tok: token.ASSIGN, Rhs: []ast.Expr{number(i + 1)}}
		free := &ast.BinaryExpr{X: at(clause), OpPos: pos, Op: token.EQL, Y: number(0)}
		var as ast.Expr = at(value)
		for _, t := range c.List {
			if l.info.Types[t].IsNil() {
				block.List = append(block.List, when(isNil(token.EQL), when(free, set)))
				continue
			}
			to := l.typeOf(t)
			assert := func(withOK bool) ast.Expr {
				if i, iface := to.Underlying().(*types.Interface); iface && !i.Empty() && !compiledInterface(to) {
					return e.call(e.asserter(from, to, withOK), at(value))
				}
				return &ast.TypeAssertExpr{X: at(value), Lparen: pos, Type: e.typeExpr(to), Rparen: pos}
			}
			block.List = append(block.List, when(isNil(token.NEQ), when(free, define(assert(true), at("_"), at(ok)), when(at(ok), set))))
			if len(c.List) == 1 {
				as = assert(false)
			}
		}
		out := &ast.CaseClause{Case: c.Case, Colon: c.Colon}
		if c.List != nil {
			out.List = []ast.Expr{number(i + 1)}
		}
		if name != "" && name != "_" {
			out.Body = append(out.Body, define(as, at(name)), &ast.AssignStmt{Lhs: []ast.Expr{at("_")}, TokPos: pos, Tok: token.ASSIGN, Rhs: []ast.Expr{at(name)}})
		}
		out.Body = append(out.Body, l.statements(c.Body)...)
		sw.Body.List = append(sw.Body.List, out)
	}
	block.List = append(block.List, sw)
	return block
}

// matchesCompiled reports whether a case names a compiled interface with methods.
func (l *lowerer) matchesCompiled(s *ast.TypeSwitchStmt) bool {
	for _, c := range s.Body.List {
		for _, t := range c.(*ast.CaseClause).List {
			if !l.info.Types[t].IsNil() && compiledInterface(l.typeOf(t)) {
				return true
			}
		}
	}
	return false
}

// compiledInterface reports whether t is an interface with methods that no cell
// declares.
func compiledInterface(t types.Type) bool {
	i, ok := t.Underlying().(*types.Interface)
	n, named := types.Unalias(t).(*types.Named)
	return ok && !i.Empty() && named && (n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != "main")
}
