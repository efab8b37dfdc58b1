package interp

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"strings"
)

// plan is a checked cell, lowered, and what it will change in the namespace
// once yaegi has accepted it.
type plan struct {
	e       *emitter
	body    []ast.Stmt
	chk     *checked
	names   map[string]*global
	defs    []*def
	methods map[*def][]method // of types that earlier cells declared
	results []result
	rebound []func() // undo what rebind did
}

// result is one value of the last expression, and the variable it goes to.
type result struct {
	variable string
	typ      types.Type
}

// plan lowers a cell. The caller commits it, or undoes it.
func (in *Interp) plan(chk *checked) (*plan, *Error) {
	p := &plan{chk: chk, e: in.newEmitter(chk.pos()), names: map[string]*global{}, methods: map[*def][]method{}}
	fresh := p.declare(in)
	p.rebind(in)
	for _, d := range p.defs {
		in.defs[d.obj] = d // lowering looks definitions up
		p.rebound = append(p.rebound, func() { delete(in.defs, d.obj) })
	}
	for _, o := range fresh {
		p.e.declare(p.e.names[o], o.Type())
	}
	for _, d := range p.defs {
		if !d.generic() {
			p.e.require(d)
		}
	}
	l := &lowerer{e: p.e, info: chk.info}
	for _, m := range chk.methods {
		if d := in.defs[in.names[receiverBase(m)].obj]; d != nil {
			p.methods[d] = append(p.methods[d], method{m, chk.info})
			if d.written {
				p.e.funcs = append(p.e.funcs, l.function(m, m.Name.Name, d.internal))
			}
		}
	}
	for i, it := range chk.items {
		f, isFunc := it.decl.(*ast.FuncDecl)
		switch {
		case it.define:
			p.body = append(p.body, p.assign(l, it.stmts[0])...)
		case isFunc && f.Recv == nil && f.Name.Name == "init":
			name := in.fresh("init")
			p.e.funcs = append(p.e.funcs, l.function(f, name, ""))
			p.body = append(p.body, &ast.ExprStmt{X: p.e.call(p.e.ident(name))})
		}
		if it.define {
			continue
		}
		for j, s := range it.stmts {
			if chk.last != nil && i == len(chk.items)-1 && j == len(it.stmts)-1 {
				p.body = append(p.body, p.last(in, l))
			} else {
				p.body = append(p.body, l.clone(s).(ast.Stmt))
			}
		}
	}
	p.body = l.deferring(p.body, "")
	p.e.finish()
	return p, p.e.err
}

// pos returns a position in the cell.
func (c *checked) pos() token.Pos {
	for _, it := range c.items {
		if it.decl != nil {
			return it.decl.Pos()
		}
		if len(it.stmts) > 0 {
			return it.stmts[0].Pos()
		}
	}
	return token.NoPos
}

// declare names every object that the cell defines at its top level, and
// returns the variables that need storage in yaegi.
func (p *plan) declare(in *Interp) (fresh []*types.Var) {
	info, scope := p.chk.info, p.chk.pkg.Scope()
	defs := map[types.Object]*def{}
	methods := map[types.Object][]method{}
	for _, it := range p.chk.items {
		switch d := it.decl.(type) {
		case *ast.FuncDecl:
			f, ok := info.Defs[d.Name].(*types.Func)
			switch {
			case !ok:
			case f.Signature().Recv() == nil:
				defs[f] = &def{obj: f, fn: d, info: info}
			default:
				if n := namedOf(f.Signature().Recv().Type()); n != nil {
					methods[n.Origin().Obj()] = append(methods[n.Origin().Obj()], method{d, info})
				}
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok {
					defs[info.Defs[s.Name]] = &def{obj: info.Defs[s.Name], typ: s, info: info}
				}
			}
		}
	}
	isNew := map[types.Object]bool{}
	for _, obj := range info.Defs {
		isNew[obj] = true
	}
	for _, name := range scope.Names() {
		obj := scope.Lookup(name)
		if !isNew[obj] {
			continue
		}
		g := &global{obj: obj}
		if !strings.Contains(name, "ꞏ") {
			p.names[name] = g
		}
		if v, ok := obj.(*types.Var); ok {
			old := in.names[name]
			if old != nil && old.internal != "" && old != in.declared[name] && types.Identical(old.obj.Type(), v.Type()) {
				g.internal = old.internal // functions defined before see the new value
			} else {
				g.internal = in.fresh(name)
				fresh = append(fresh, v)
			}
			p.e.names[obj] = g.internal
		}
		if d := defs[obj]; d != nil {
			d.internal, d.methods = in.fresh(name), methods[obj]
			if _, isType := obj.(*types.TypeName); isType && !in.used[name] {
				d.internal = name // so that %T and embedded fields read well
			}
			p.defs = append(p.defs, d)
		}
	}
	return fresh
}

// namedOf returns the named type behind a receiver.
func namedOf(t types.Type) *types.Named {
	t = types.Unalias(t)
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	n, _ := t.(*types.Named)
	return n
}

// assign turns a definition into assignments: its variables are declared
// already. A variable without a value becomes zero.
func (p *plan) assign(l *lowerer, s ast.Stmt) []ast.Stmt {
	var out []ast.Stmt
	set := func(names []ast.Expr, values []ast.Expr, pos token.Pos) {
		st := &ast.AssignStmt{TokPos: pos, Tok: token.ASSIGN}
		for _, n := range names {
			st.Lhs = append(st.Lhs, l.clone(n).(ast.Expr))
		}
		if len(names) == 2 && len(values) == 1 {
			l.keep(values[0])
		}
		for i, v := range values {
			var to types.Type
			if id := names[i].(*ast.Ident); len(names) == len(values) && id.Name != "_" {
				to = l.info.Defs[id].Type()
			}
			st.Rhs = append(st.Rhs, l.operand(v, to, len(values)))
		}
		out = append(out, st)
	}
	switch s := s.(type) {
	case *ast.AssignStmt:
		set(s.Lhs, s.Rhs, s.TokPos)
	case *ast.DeclStmt:
		for _, spec := range s.Decl.(*ast.GenDecl).Specs {
			v := spec.(*ast.ValueSpec)
			var names []ast.Expr
			for _, id := range v.Names {
				names = append(names, id)
			}
			if len(v.Values) > 0 {
				set(names, v.Values, v.Pos())
				continue
			}
			for _, id := range v.Names {
				if id.Name == "_" {
					continue
				}
				t := l.info.Defs[id].Type()
				var zero ast.Expr = &ast.StarExpr{Star: v.Pos(), X: p.e.call(p.e.ident("new"), p.e.typeExpr(t))}
				if types.IsInterface(t) { // of which yaegi would make one that is not nil
					zero = p.e.ident("nil")
				}
				out = append(out, &ast.AssignStmt{Lhs: []ast.Expr{l.clone(id).(ast.Expr)}, TokPos: v.Pos(), Tok: token.ASSIGN, Rhs: []ast.Expr{zero}})
			}
		}
	}
	return out
}

// last runs the bare expression at the end of a cell, its values kept.
func (p *plan) last(in *Interp, l *lowerer) ast.Stmt {
	x := p.chk.last
	tv := l.info.Types[x]
	var list []types.Type
	switch t := tv.Type.(type) {
	case *types.Tuple:
		for i := range t.Len() {
			list = append(list, t.At(i).Type())
		}
	default:
		if !tv.IsVoid() && !tv.IsNil() {
			list = []types.Type{types.Default(t)}
		}
	}
	if tv.IsNil() {
		return &ast.EmptyStmt{Semicolon: x.Pos()}
	}
	if len(list) == 0 || l.prints(x) {
		return &ast.ExprStmt{X: l.clone(x).(ast.Expr)}
	}
	st := &ast.AssignStmt{TokPos: x.Pos(), Tok: token.ASSIGN, Rhs: []ast.Expr{l.clone(x).(ast.Expr)}}
	taken := map[string]bool{}
	for _, t := range list {
		key := p.e.typeKey(t)
		for taken[key] {
			key += "'"
		}
		taken[key] = true
		name := in.results[key]
		if name == "" {
			name = in.fresh("result")
			p.e.declare(name, t)
			p.e.results[key] = name
		}
		p.results = append(p.results, result{name, t})
		st.Lhs = append(st.Lhs, p.e.ident(name))
	}
	return st
}

// prints reports a call of fmt's that prints: nobody wants to see its count
// of bytes as the cell's value.
func (l *lowerer) prints(x ast.Expr) bool {
	call, ok := ast.Unparen(x).(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	f, ok := l.info.Uses[sel.Sel].(*types.Func)
	return ok && f.Pkg() != nil && f.Pkg().Path() == "fmt" && strings.Contains(f.Name(), "rint") && !strings.HasPrefix(f.Name(), "S")
}

// commit makes a plan part of the namespace.
func (in *Interp) commit(p *plan) {
	maps.Copy(in.internal, p.e.names)
	for name, g := range p.names {
		in.drop(name)
		in.names[name] = g
		in.used[name] = true
	}
	for d, ms := range p.methods {
		d.methods = append(d.methods, ms...)
	}
	for name, path := range p.chk.imports {
		in.imports[name] = path
		delete(in.names, name)
	}
	for name := range p.names {
		delete(in.imports, name)
	}
	in.remember(p.chk)
}

// drop forgets what a name meant, but for what was declared under it. The
// memory of a variable is given back only by Delete: functions may still hold
// on to it.
func (in *Interp) drop(name string) {
	delete(in.callable, name)
	delete(in.names, name)
	if g := in.declared[name]; g != nil {
		in.names[name] = g
	}
}

// collect reads the values of the last expression and releases them.
func (in *Interp) collect(p *plan) Result {
	var values []any
	for _, r := range p.results {
		v := in.machine.global(r.variable)
		values = append(values, export(r.typ, v))
		if v.CanSet() {
			v.SetZero()
		}
	}
	switch len(values) {
	case 0:
		return Result{}
	case 1:
		return Result{Value: values[0], HasValue: true}
	}
	return Result{Value: values, HasValue: true}
}
