package interp

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
)

// Define defines a function from its source, which is a declaration of that
// name (func f(x int) int { ... }, generic or not) or a literal
// (func(x int) int { ... }), which becomes one. Tracebacks show it as
// "function f".
func (in *Interp) Define(ctx context.Context, name, source string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !isName(name) {
		return errorf(NameError, "define %q: not a name a Go function can have", name)
	}
	source, err := functionDeclaration(name, source)
	if err != nil {
		return err
	}
	if _, err := in.exec(ctx, Cell{Name: "function " + name, Source: source}); err != nil {
		return err
	}
	return nil
}

// functionDeclaration returns the declaration of a function, of which the source may
// be a literal.
func functionDeclaration(name, source string) (string, *Error) {
	source = strings.TrimSpace(strings.TrimPrefix(source, byteOrderMark))
	x, notLiteral := parser.ParseExprFrom(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	if notLiteral == nil {
		lit, ok := x.(*ast.FuncLit)
		if !ok {
			return "", errorf(TypeError, "define %s: %q is an expression but no function: want func(...) { ... }", name, source)
		}
		at := int(lit.Type.Func) - 1 + len("func") // the one file of the set begins at position 1
		return source[:at] + " " + name + source[at:], nil
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, "package p;/*line "+name+":1:1*/"+source, parser.SkipObjectResolution)
	if err != nil {
		if rest, ok := strings.CutPrefix(source, "func"); ok && strings.HasPrefix(strings.TrimSpace(rest), "(") {
			err = notLiteral
		}
		return "", errorf(SyntaxError, "define %s: the source is not a Go function: %v", name, err)
	}
	if len(f.Decls) == 1 {
		if d, ok := f.Decls[0].(*ast.FuncDecl); ok && d.Recv == nil {
			if d.Name.Name != name {
				return "", errorf(NameError, "define %s: the source declares %s", name, d.Name.Name)
			}
			return source, nil
		}
	}
	return "", errorf(TypeError, "define %s: the source is not one function: types, methods and imports are defined by executing them", name)
}

// Source returns the source of a function as it was typed: of one that a cell
// or Define declared, or of the literal that a variable was defined with.
func (in *Interp) Source(name string) (string, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.source(name)
}

func (in *Interp) source(name string) (string, error) {
	g := in.names[name]
	if g == nil {
		if _, ok := in.cfg.Funcs[name]; ok || strings.Contains(name, ".") {
			return "", errorf(TypeError, "%s is no function of a cell: the source of what is compiled into an engine is where its program was built", name)
		}
		return "", errorf(NameError, "name '%s' is not defined", name)
	}
	switch o := g.obj.(type) {
	case *types.Func:
		if d := in.defs[o]; d != nil && d.fn != nil {
			return in.text(name, d.fn)
		}
		return "", errorf(TypeError, "%s is compiled into this engine: its source is where the program was built", name)
	case *types.Var:
		if _, ok := o.Type().Underlying().(*types.Signature); !ok {
			break
		}
		if lit := in.literals[g.internal]; lit != nil && !in.assigned[g.internal] {
			return in.text(name, lit)
		}
		return "", errorf(TypeError, "%s is a variable whose function is not the literal that it was defined with: to have a source, define it as func %s(...) { ... }", name, name)
	}
	return "", errorf(TypeError, "%s is a %s, not a function", name, describe(g.obj))
}

func describe(obj types.Object) string {
	if _, ok := obj.(*types.TypeName); ok {
		return "type: send its declaration, with its methods, as a cell"
	}
	return plain(obj.Type().String())
}

// text returns what was typed of a function.
func (in *Interp) text(name string, fn ast.Node) (string, error) {
	start, end := in.fset.Position(fn.Pos()), in.fset.Position(fn.End())
	if at := in.place(start.Line, 0, ""); at != nil && start.Filename == fileName && end.Filename == fileName {
		c := at[0].cell
		first, last := start.Line-c.base-1, end.Line-c.base-1
		if 0 <= first && first <= last && last < len(c.lines) && end.Column <= len(c.lines[last])+1 {
			text := strings.Join(c.lines[first:last], "\n")
			if first < last {
				text += "\n"
			}
			text += c.lines[last][:end.Column-1]
			if start.Column <= len(text) && strings.HasPrefix(text[start.Column-1:], "func") {
				return text[start.Column-1:], nil
			}
		}
	}
	return "", errorf(TypeError, "the source of %s cannot be told: a //line directive in its cell says that it is elsewhere", name)
}

// mutated calls f for every identifier that code assigns to, other than by
// defining it, or takes the address of.
func mutated(items []*item, f func(*ast.Ident)) {
	ident := func(x ast.Expr) {
		if id, ok := ast.Unparen(x).(*ast.Ident); ok {
			f(id)
		}
	}
	visit := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, x := range n.Lhs {
					ident(x)
				}
			}
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				ident(n.Key)
				if n.Value != nil {
					ident(n.Value)
				}
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				ident(n.X)
			}
		}
		return true
	}
	for _, it := range items {
		if it.decl != nil {
			ast.Inspect(it.decl, visit)
		}
		for _, s := range it.stmts {
			ast.Inspect(s, visit)
		}
	}
}

// remember notes which variables of a plan that is committed hold the literal
// that they were defined with.
func (in *Interp) remember(chk *checked) {
	for _, it := range chk.items {
		if !it.define {
			continue
		}
		for id, value := range definitions(it) {
			internal := in.internal[chk.info.Defs[id]]
			if lit, ok := ast.Unparen(value).(*ast.FuncLit); ok {
				in.literals[internal] = lit
			} else {
				delete(in.literals, internal)
			}
		}
	}
	mutated(chk.items, func(id *ast.Ident) {
		if internal := in.internal[chk.info.Uses[id]]; internal != "" {
			in.assigned[internal] = true
		}
	})
}

// definitions are the variables of a definition item and their values, where
// each has one of its own and not one of a call with several results.
func definitions(it *item) map[*ast.Ident]ast.Expr {
	out := map[*ast.Ident]ast.Expr{}
	pair := func(names []*ast.Ident, values []ast.Expr) {
		for i, id := range names {
			out[id] = &ast.BadExpr{}
			if len(values) == len(names) {
				out[id] = values[i]
			}
		}
	}
	switch s := it.stmts[0].(type) {
	case *ast.AssignStmt:
		pair(defined(it), s.Rhs)
	case *ast.DeclStmt:
		for _, spec := range s.Decl.(*ast.GenDecl).Specs {
			v := spec.(*ast.ValueSpec)
			pair(v.Names, v.Values)
		}
	}
	return out
}
