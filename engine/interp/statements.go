package interp

import (
	"go/ast"
	"go/token"
	"go/types"
)

func (l *lowerer) stmt(s ast.Stmt) ast.Stmt {
	switch s := s.(type) {
	case *ast.AssignStmt:
		if len(s.Lhs) == 2 && len(s.Rhs) == 1 {
			l.keep(s.Rhs[0])
		}
		return l.assignment(s)
	case *ast.SendStmt:
		if c, ok := l.typeOf(s.Chan).Underlying().(*types.Chan); ok {
			return &ast.SendStmt{Chan: l.clone(s.Chan).(ast.Expr), Arrow: s.Arrow, Value: l.boxed(s.Value, c.Elem())}
		}
	case *ast.DeferStmt:
		return l.deferStmt(s)
	case *ast.ExprStmt:
		l.keep(s.X)
	case *ast.CommClause:
		if a, ok := s.Comm.(*ast.AssignStmt); ok {
			l.keep(a.Rhs[0])
			if a.Tok == token.ASSIGN {
				return l.commAssign(s, a)
			}
		}
	case *ast.DeclStmt:
		if g, ok := s.Decl.(*ast.GenDecl); ok && g.Tok == token.CONST {
			return &ast.EmptyStmt{Semicolon: s.Pos(), Implicit: true} // every use has become a literal
		}
		return l.local(s)
	case *ast.ReturnStmt:
		return l.returned(s)
	case *ast.RangeStmt:
		if s.Tok == token.DEFINE || s.Key == nil {
			if b, ok := l.typeOf(s.X).Underlying().(*types.Basic); ok && b.Info()&types.IsInteger != 0 {
				return l.rangeInt(s)
			}
		} else if b, ok := l.typeOf(s.X).Underlying().(*types.Basic); ok && b.Info()&types.IsInteger != 0 {
			return l.rangeInt(s)
		}
		return l.rangeOver(s)
	case *ast.ForStmt:
		return l.loop(s)
	case *ast.GoStmt:
		return l.goStmt(s)
	case *ast.LabeledStmt:
		return l.labeled(s)
	case *ast.TypeSwitchStmt:
		return l.typeSwitch(s)
	case *ast.BranchStmt:
		if s.Tok == token.BREAK && s.Label != nil && l.ends[s.Label.Name] != "" {
			return &ast.BranchStmt{TokPos: s.TokPos, Tok: token.GOTO, Label: &ast.Ident{NamePos: s.Label.NamePos, Name: l.ends[s.Label.Name]}}
		}
	}
	return nil
}

// labeled lowers a labelled statement that a select within it breaks out of: yaegi
// would leave the select only; and a type switch that is lowered to a block. The break becomes a goto to its end.
func (l *lowerer) labeled(s *ast.LabeledStmt) ast.Stmt {
	ts, ok := s.Stmt.(*ast.TypeSwitchStmt)
	breaks := ok && l.matchesCompiled(ts)
	ast.Inspect(s.Stmt, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectStmt); ok {
			ast.Inspect(sel, func(n ast.Node) bool {
				b, ok := n.(*ast.BranchStmt)
				breaks = breaks || ok && b.Tok == token.BREAK && b.Label != nil && b.Label.Name == s.Label.Name
				return !breaks
			})
		}
		return !breaks
	})
	if !breaks {
		return nil
	}
	if l.ends == nil {
		l.ends = map[string]string{}
	}
	end := l.e.in.fresh(s.Label.Name)
	outer := l.ends[s.Label.Name]
	l.ends[s.Label.Name] = end
	labeled := &ast.LabeledStmt{Label: &ast.Ident{NamePos: s.Label.NamePos, Name: s.Label.Name}, Colon: s.Colon, Stmt: l.clone(s.Stmt).(ast.Stmt)}
	l.ends[s.Label.Name] = outer
	after := &ast.LabeledStmt{Label: &ast.Ident{NamePos: s.End(), Name: end}, Colon: s.End(), Stmt: &ast.BlockStmt{Lbrace: s.End(), Rbrace: s.End()}}
	return &ast.BlockStmt{Lbrace: s.Pos(), List: []ast.Stmt{labeled, after}, Rbrace: s.End()}
}

// commAssign lowers case x = <-ch, which yaegi does not know, to a case that
// defines and then assigns.
func (l *lowerer) commAssign(c *ast.CommClause, a *ast.AssignStmt) ast.Stmt {
	define := &ast.AssignStmt{TokPos: a.TokPos, Tok: token.DEFINE, Rhs: []ast.Expr{l.clone(a.Rhs[0]).(ast.Expr)}}
	assign := &ast.AssignStmt{TokPos: a.TokPos, Tok: token.ASSIGN}
	for _, x := range a.Lhs {
		if id, ok := x.(*ast.Ident); ok && id.Name == "_" {
			define.Lhs = append(define.Lhs, &ast.Ident{Name: "_", NamePos: x.Pos()})
			continue
		}
		name := l.e.in.fresh("v")
		define.Lhs = append(define.Lhs, &ast.Ident{Name: name, NamePos: x.Pos()})
		assign.Lhs = append(assign.Lhs, l.clone(x).(ast.Expr))
		assign.Rhs = append(assign.Rhs, &ast.Ident{Name: name, NamePos: x.Pos()})
	}
	out := &ast.CommClause{Case: c.Case, Comm: define, Colon: c.Colon}
	if len(assign.Lhs) > 0 {
		out.Body = append(out.Body, assign)
	} else {
		out.Comm = &ast.ExprStmt{X: define.Rhs[0]}
	}
	out.Body = append(out.Body, l.statements(c.Body)...)
	return out
}

func (l *lowerer) block(b *ast.BlockStmt, prefix ...ast.Stmt) *ast.BlockStmt {
	out := l.clone(b).(*ast.BlockStmt)
	out.List = append(prefix, out.List...)
	return out
}

// copies returns i, j := i, j for those loop variables that closures or
// pointers hold on to: each iteration has its own, since Go 1.22.
func (l *lowerer) copies(body *ast.BlockStmt, ids ...ast.Expr) []ast.Stmt {
	var lhs, rhs []ast.Expr
	for _, x := range ids {
		id, ok := x.(*ast.Ident)
		if !ok || id.Name == "_" {
			continue
		}
		if _, held := l.uses(body, l.info.Defs[id]); held {
			lhs = append(lhs, &ast.Ident{NamePos: id.NamePos, Name: id.Name})
			rhs = append(rhs, &ast.Ident{NamePos: id.NamePos, Name: id.Name})
		}
	}
	if lhs == nil {
		return nil
	}
	return []ast.Stmt{&ast.AssignStmt{Lhs: lhs, TokPos: body.Pos(), Tok: token.DEFINE, Rhs: rhs}}
}

// uses reports whether a body assigns to a variable, and whether it holds on
// to it: in a closure, or by its address.
func (l *lowerer) uses(body ast.Node, v types.Object) (assigned, held bool) {
	is := func(x ast.Expr) bool {
		id, ok := ast.Unparen(x).(*ast.Ident)
		return ok && v != nil && l.info.Uses[id] == v
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, x := range n.Lhs {
				assigned = assigned || is(x)
			}
		case *ast.IncDecStmt:
			assigned = assigned || is(n.X)
		case *ast.RangeStmt:
			assigned = assigned || n.Key != nil && is(n.Key) || n.Value != nil && is(n.Value)
		case *ast.UnaryExpr:
			held = held || n.Op == token.AND && mentions(l.info, n.X, v)
		case *ast.SliceExpr:
			held = held || is(n.X)
		case *ast.CallExpr: // a method with a pointer receiver takes the address
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && is(sel.X) {
				held = true
			}
		case *ast.FuncLit:
			held = held || mentions(l.info, n, v)
		case *ast.GoStmt:
			held = held || mentions(l.info, n, v)
		}
		return true
	})
	return assigned, held
}

func mentions(info *types.Info, n ast.Node, v types.Object) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && v != nil && info.Uses[id] == v {
			found = true
		}
		return !found
	})
	return found
}

// rangeInt lowers for i := range n to the three-clause loop it stands for.
// When the body touches i, a hidden variable counts.
func (l *lowerer) rangeInt(s *ast.RangeStmt) ast.Stmt {
	e, pos := l.e, s.For
	t := l.typeOf(s.X)
	if s.Key != nil {
		if kt := l.typeOf(s.Key); kt != nil {
			t = kt
		} else if id, ok := s.Key.(*ast.Ident); ok && l.info.Defs[id] != nil {
			t = replace(l.info.Defs[id].Type(), l.subst)
		}
	}
	t = types.Default(t)
	counter, limit := e.in.fresh("i"), e.in.fresh("n")
	var prefix []ast.Stmt
	if id, ok := s.Key.(*ast.Ident); s.Key != nil && (!ok || id.Name != "_") {
		assigned, held := true, true
		if ok && s.Tok == token.DEFINE {
			assigned, held = l.uses(s.Body, l.info.Defs[id])
		}
		if assigned || held {
			prefix = append(prefix, &ast.AssignStmt{Lhs: []ast.Expr{l.clone(s.Key).(ast.Expr)}, TokPos: s.TokPos, Tok: s.Tok, Rhs: []ast.Expr{e.ident(counter)}})
		} else {
			counter = id.Name
		}
	}
	at := func(name string) *ast.Ident { return &ast.Ident{Name: name, NamePos: pos} }
	convert := func(x ast.Expr) ast.Expr {
		return &ast.CallExpr{Fun: e.typeExpr(t), Lparen: pos, Args: []ast.Expr{x}, Rparen: pos}
	}
	zero := &ast.BasicLit{ValuePos: pos, Kind: token.INT, Value: "0"}
	return &ast.ForStmt{
		For:  pos,
		Init: &ast.AssignStmt{Lhs: []ast.Expr{at(counter), at(limit)}, TokPos: pos, Tok: token.DEFINE, Rhs: []ast.Expr{convert(zero), convert(l.clone(s.X).(ast.Expr))}},
		Cond: &ast.BinaryExpr{X: at(counter), OpPos: pos, Op: token.LSS, Y: at(limit)},
		Post: &ast.IncDecStmt{X: at(counter), TokPos: pos, Tok: token.INC},
		Body: l.block(s.Body, prefix...),
	}
}

func (l *lowerer) rangeOver(s *ast.RangeStmt) ast.Stmt {
	if s.Tok != token.DEFINE {
		return nil
	}
	prefix := l.copies(s.Body, s.Key, s.Value)
	key := s.Key
	if id, ok := key.(*ast.Ident); ok {
		if assigned, _ := l.uses(s.Body, l.info.Defs[id]); assigned { // yaegi counts with it
			hidden := &ast.Ident{NamePos: id.NamePos, Name: l.e.in.fresh("k")}
			key = hidden
			prefix = append([]ast.Stmt{&ast.AssignStmt{Lhs: []ast.Expr{&ast.Ident{NamePos: id.NamePos, Name: id.Name}}, TokPos: s.TokPos, Tok: token.DEFINE, Rhs: []ast.Expr{hidden}}}, prefix...)
		}
	}
	if prefix == nil {
		return nil
	}
	out := *s
	out.Key, out.Value = nil, nil
	if key != nil {
		out.Key = l.clone(key).(ast.Expr)
	}
	if s.Value != nil {
		out.Value = l.clone(s.Value).(ast.Expr)
	}
	out.X = l.clone(s.X).(ast.Expr)
	out.Body = l.block(s.Body, prefix...)
	return &out
}

// loop gives the variables of a three-clause loop to each iteration.
func (l *lowerer) loop(s *ast.ForStmt) ast.Stmt {
	init, ok := s.Init.(*ast.AssignStmt)
	if !ok || init.Tok != token.DEFINE {
		return nil
	}
	for _, x := range init.Lhs {
		if id, ok := x.(*ast.Ident); ok {
			if assigned, held := l.uses(s.Body, l.info.Defs[id]); assigned && held && len(init.Lhs) == len(init.Rhs) {
				return l.loopByPointer(s, init)
			}
		}
	}
	prefix := l.copies(s.Body, init.Lhs...)
	if prefix == nil {
		return nil
	}
	out := &ast.ForStmt{For: s.For, Init: l.clone(s.Init).(ast.Stmt), Body: l.block(s.Body, prefix...)}
	if s.Cond != nil {
		out.Cond = l.clone(s.Cond).(ast.Expr)
	}
	if s.Post != nil {
		out.Post = l.clone(s.Post).(ast.Stmt)
	}
	return out
}

// loopByPointer lowers a loop whose body changes variables that it also holds
// on to, so that what one iteration leaves in them is where the next begins:
//
//	for last, first := Ref(0), true; ; first = false {
//		i := *last
//		last = &i
//		if !first { post }
//		if !cond { break }
//		{ body }
//	}
func (l *lowerer) loopByPointer(s *ast.ForStmt, init *ast.AssignStmt) ast.Stmt {
	pos := s.For
	at := func(name string) *ast.Ident { return &ast.Ident{Name: name, NamePos: pos} }
	assign := func(tok token.Token, lhs, rhs ast.Expr) ast.Stmt {
		return &ast.AssignStmt{Lhs: []ast.Expr{lhs}, TokPos: pos, Tok: tok, Rhs: []ast.Expr{rhs}}
	}
	not := func(x ast.Expr) ast.Expr {
		return &ast.UnaryExpr{OpPos: pos, Op: token.NOT, X: &ast.ParenExpr{Lparen: pos, X: x, Rparen: pos}}
	}
	then := func(cond ast.Expr, s ast.Stmt) ast.Stmt {
		return &ast.IfStmt{If: pos, Cond: cond, Body: &ast.BlockStmt{Lbrace: pos, List: []ast.Stmt{s}, Rbrace: pos}}
	}
	first := l.e.in.fresh("first")
	start := &ast.AssignStmt{TokPos: pos, Tok: token.DEFINE}
	var body []ast.Stmt
	for i, x := range init.Lhs {
		id, ok := x.(*ast.Ident)
		if !ok || id.Name == "_" || l.info.Defs[id] == nil {
			continue
		}
		t := replace(l.info.Defs[id].Type(), l.subst)
		last := l.e.in.fresh("last")
		start.Lhs = append(start.Lhs, at(last))
		start.Rhs = append(start.Rhs, &ast.CallExpr{Fun: l.prelude(pos, "Ref", t), Lparen: pos, Args: []ast.Expr{l.clone(init.Rhs[i]).(ast.Expr)}, Rparen: pos})
		name := func() ast.Expr { return &ast.Ident{Name: id.Name, NamePos: id.NamePos} }
		body = append(body,
			assign(token.DEFINE, name(), &ast.StarExpr{Star: pos, X: at(last)}),
			assign(token.ASSIGN, at(last), &ast.UnaryExpr{OpPos: pos, Op: token.AND, X: name()}))
	}
	start.Lhs = append(start.Lhs, at(first))
	start.Rhs = append(start.Rhs, at("true"))
	if s.Post != nil {
		body = append(body, then(not(at(first)), l.clone(s.Post).(ast.Stmt)))
	}
	if s.Cond != nil {
		body = append(body, then(not(l.clone(s.Cond).(ast.Expr)), &ast.BranchStmt{TokPos: pos, Tok: token.BREAK}))
	}
	body = append(body, l.clone(s.Body).(*ast.BlockStmt))
	return &ast.ForStmt{For: pos, Init: start, Post: assign(token.ASSIGN, at(first), at("false")), Body: &ast.BlockStmt{Lbrace: pos, List: body, Rbrace: pos}}
}
