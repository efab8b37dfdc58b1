package interp

import (
	"go/ast"
	"go/token"
	"go/types"
)

// Where a concrete value becomes an interface, yaegi puts into the interface not
// the value but the slot of the frame that holds it: s = append(s, &T{i}) in a
// loop gives as many times the last. So such values pass through a function
// func(x T) I { var i I = x; return i }, written once for each pair of types, whose frame
// nothing else touches.

// boxed lowers x where a value of type to is wanted.
func (l *lowerer) boxed(x ast.Expr, to types.Type) ast.Expr {
	out := l.clone(x).(ast.Expr)
	tv := l.info.Types[x]
	if to == nil || tv.Type == nil || tv.IsNil() {
		return out
	}
	from := types.Default(l.typeOf(x))
	to = replace(to, l.subst)
	if !needsBox(from, to) {
		return out
	}
	return &ast.CallExpr{Fun: l.e.box(from, to), Lparen: x.Pos(), Args: []ast.Expr{out}, Rparen: x.End()}
}

// needsBox reports whether yaegi represents the interface by the slot: for
// interfaces with methods that cells declare, and for types that cells declare.
func needsBox(from, to types.Type) bool {
	i, ok := to.Underlying().(*types.Interface)
	if !ok || types.IsInterface(from) {
		return false
	}
	if _, param := types.Unalias(to).(*types.TypeParam); param {
		return false
	}
	if _, tuple := from.(*types.Tuple); tuple {
		return false
	}
	n, named := types.Unalias(to).(*types.Named)
	ours := !named || n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "main"
	if !i.Empty() && ours {
		return true
	}
	f := namedOf(from)
	return f != nil && f.Obj().Pkg() != nil && f.Obj().Pkg().Path() == "main"
}

// box names the function that makes an interface of a type.
func (e *emitter) box(from, to types.Type) ast.Expr {
	key := "box|" + e.typeKey(from) + "|" + e.typeKey(to)
	name := e.in.instances[key]
	if name == "" {
		name = e.instances[key]
	}
	if name == "" {
		name = e.in.fresh("box")
		e.instances[key] = name
		x, i := e.in.fresh("x"), e.in.fresh("i")
		e.funcs = append(e.funcs, &ast.FuncDecl{
			Name: e.ident(name),
			Type: &ast.FuncType{
				Func:    e.pos,
				Params:  &ast.FieldList{List: []*ast.Field{{Names: []*ast.Ident{e.ident(x)}, Type: e.typeExpr(from)}}},
				Results: &ast.FieldList{List: []*ast.Field{{Type: e.typeExpr(to)}}},
			},
			Body: &ast.BlockStmt{Lbrace: e.pos, List: []ast.Stmt{
				&ast.DeclStmt{Decl: &ast.GenDecl{TokPos: e.pos, Tok: token.VAR, Specs: []ast.Spec{
					&ast.ValueSpec{Names: []*ast.Ident{e.ident(i)}, Type: e.typeExpr(to), Values: []ast.Expr{e.ident(x)}},
				}}},
				&ast.ReturnStmt{Return: e.pos, Results: []ast.Expr{e.ident(i)}},
			}, Rbrace: e.pos},
		})
	}
	return e.ident(name)
}

// arguments lowers a call, boxing the arguments that need it.
func (l *lowerer) arguments(x *ast.CallExpr) ast.Expr {
	out := &ast.CallExpr{Fun: l.callee(x.Fun), Lparen: x.Lparen, Ellipsis: x.Ellipsis, Rparen: x.Rparen}
	var want func(i int) types.Type
	if tv := l.info.Types[x.Fun]; tv.IsType() {
		want = func(int) types.Type { return tv.Type }
	} else if sig, ok := l.typeOf(x.Fun).Underlying().(*types.Signature); ok {
		compiled := l.compiled(x.Fun)
		want = func(i int) types.Type {
			t := parameter(sig, i, x.Ellipsis.IsValid())
			if t == nil {
				return nil
			}
			if iface, ok := t.Underlying().(*types.Interface); ok && compiled && iface.Empty() {
				return nil // it takes a copy, and fmt wants to see the type
			}
			return t
		}
		if compiled {
			return l.toCompiled(x, out, sig, want)
		}
	}
	for i, a := range x.Args {
		if want == nil || len(x.Args) == 1 && isTuple(l.info.TypeOf(a)) {
			out.Args = append(out.Args, l.clone(a).(ast.Expr))
			continue
		}
		y := l.boxed(a, want(i))
		if s, ok := l.typeOf(a).Underlying().(*types.Slice); ok && isAny(s.Elem()) && want(i) != nil && isAny(want(i)) {
			y = l.e.call(l.rt("Any"), y) // yaegi would take a []any for all that is variadic
		}
		out.Args = append(out.Args, y)
	}
	return out
}

func isTuple(t types.Type) bool {
	_, ok := t.(*types.Tuple)
	return ok
}

func parameter(sig *types.Signature, i int, spread bool) types.Type {
	n := sig.Params().Len()
	if sig.Variadic() && i >= n-1 {
		if spread {
			return nil
		}
		if s, ok := sig.Params().At(n - 1).Type().(*types.Slice); ok {
			return s.Elem()
		}
		return nil
	}
	if i >= n {
		return nil
	}
	return sig.Params().At(i).Type()
}

// composite boxes the elements of a literal.
func (l *lowerer) composite(x *ast.CompositeLit) ast.Expr {
	t := l.typeOf(x)
	if p, ok := t.Underlying().(*types.Pointer); ok { // &T elided
		t = p.Elem()
	}
	out := &ast.CompositeLit{Lbrace: x.Lbrace, Rbrace: x.Rbrace}
	if x.Type != nil {
		out.Type = l.clone(x.Type).(ast.Expr)
	}
	var key, elem types.Type
	s, _ := t.Underlying().(*types.Struct)
	switch u := t.Underlying().(type) {
	case *types.Map:
		key, elem = u.Key(), u.Elem()
	case *types.Slice:
		elem = u.Elem()
	case *types.Array:
		elem = u.Elem()
	}
	for i, e := range x.Elts {
		kv, keyed := e.(*ast.KeyValueExpr)
		switch {
		case s != nil && keyed:
			var ft types.Type
			if id, ok := kv.Key.(*ast.Ident); ok && l.info.Uses[id] != nil {
				ft = l.info.Uses[id].Type()
			}
			out.Elts = append(out.Elts, &ast.KeyValueExpr{Key: l.clone(kv.Key).(ast.Expr), Colon: kv.Colon, Value: l.boxed(kv.Value, ft)})
		case s != nil:
			out.Elts = append(out.Elts, l.boxed(e, s.Field(i).Type()))
		case keyed:
			out.Elts = append(out.Elts, &ast.KeyValueExpr{Key: l.boxed(kv.Key, key), Colon: kv.Colon, Value: l.boxed(kv.Value, elem)})
		default:
			out.Elts = append(out.Elts, l.boxed(e, elem))
		}
	}
	return out
}

// assignment boxes what is assigned one to one.
func (l *lowerer) assignment(s *ast.AssignStmt) ast.Stmt {
	if s.Tok != token.ASSIGN && s.Tok != token.DEFINE || len(s.Lhs) != len(s.Rhs) {
		return nil
	}
	out := &ast.AssignStmt{TokPos: s.TokPos, Tok: s.Tok, Lhs: l.targets(s.Lhs)}
	for i, x := range s.Rhs {
		var to types.Type
		if id, ok := s.Lhs[i].(*ast.Ident); s.Tok == token.ASSIGN && (!ok || id.Name != "_") {
			to = l.info.TypeOf(s.Lhs[i])
		}
		out.Rhs = append(out.Rhs, l.operand(x, to, len(s.Rhs)))
	}
	return out
}

// local boxes the values of a var statement with a type.
func (l *lowerer) local(s *ast.DeclStmt) ast.Stmt {
	g, ok := s.Decl.(*ast.GenDecl)
	if !ok || g.Tok != token.VAR {
		return nil
	}
	out := &ast.GenDecl{TokPos: g.TokPos, Tok: g.Tok, Lparen: g.Lparen, Rparen: g.Rparen}
	for _, spec := range g.Specs {
		v := spec.(*ast.ValueSpec)
		nv := &ast.ValueSpec{}
		for _, id := range v.Names {
			nv.Names = append(nv.Names, &ast.Ident{NamePos: id.NamePos, Name: id.Name})
		}
		if v.Type != nil {
			nv.Type = l.clone(v.Type).(ast.Expr)
		}
		for _, x := range v.Values {
			var to types.Type
			if v.Type != nil && len(v.Names) == len(v.Values) {
				to = l.info.TypeOf(v.Type)
			}
			if len(v.Names) == 2 && len(v.Values) == 1 {
				l.keep(x)
			}
			nv.Values = append(nv.Values, l.operand(x, to, len(v.Values)))
		}
		out.Specs = append(out.Specs, nv)
	}
	return &ast.DeclStmt{Decl: out}
}
