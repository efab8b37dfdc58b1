package interp

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
)

// Methods of types that earlier cells declared: go/types accepts methods only
// in the package of their type, and every cell is a package of its own. So they
// are checked as functions of their receiver, and added to the type by hand.

func receiverBase(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) != 1 {
		return ""
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// asFunction returns a method as a blank function of its receiver.
func asFunction(d *ast.FuncDecl) *ast.FuncDecl {
	ft := *d.Type
	recv := *d.Recv.List[0]
	if len(recv.Names) == 0 {
		recv.Names = []*ast.Ident{{Name: "_", NamePos: recv.Type.Pos()}}
	}
	params := &ast.FieldList{Opening: d.Type.Params.Opening, List: []*ast.Field{&recv}, Closing: d.Type.Params.Closing}
	for _, f := range d.Type.Params.List {
		if len(f.Names) == 0 {
			g := *f
			g.Names = []*ast.Ident{{Name: "_", NamePos: f.Type.Pos()}}
			f = &g
		}
		params.List = append(params.List, f)
	}
	ft.Params = params
	return &ast.FuncDecl{Name: &ast.Ident{Name: "_", NamePos: d.Name.NamePos}, Type: &ft, Body: d.Body}
}

// declareMethods adds the methods of earlier types to them, by signature,
// before any body is checked.
func (c *checker) declareMethods() *Error {
	if len(c.out.methods) == 0 {
		return nil
	}
	file := &ast.File{Name: c.file.Name}
	for _, d := range c.file.Decls {
		g, ok := d.(*ast.GenDecl)
		if ok && g.Tok != token.VAR {
			file.Decls = append(file.Decls, d)
		}
	}
	byName := map[string]*ast.FuncDecl{}
	for i, m := range c.out.methods {
		f := asFunction(m)
		f.Name = ast.NewIdent(fmt.Sprintf("methodꞏ%d", i))
		byName[f.Name.Name] = m
		file.Decls = append(file.Decls, f)
	}
	conf := c.in.config(func(error) {}) // the full check will tell
	conf.IgnoreFuncBodies = true
	pkg := c.newPackage()
	_ = types.NewChecker(conf, c.in.fset, pkg, nil).Files([]*ast.File{file})
	for name, m := range byName {
		f, ok := pkg.Scope().Lookup(name).(*types.Func)
		if !ok || f.Signature().Params().Len() == 0 {
			continue
		}
		sig := f.Signature()
		params := make([]*types.Var, 0, sig.Params().Len()-1)
		for i := 1; i < sig.Params().Len(); i++ {
			params = append(params, sig.Params().At(i))
		}
		recv := sig.Params().At(0)
		t := recv.Type()
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem()
		}
		at := c.in.fset.Position(m.Name.Pos())
		fail := func(format string, args ...any) *Error {
			e := &Error{Ename: CompileError, Evalue: fmt.Sprintf(format, args...)}
			return e.at(c.in.place(at.Line, at.Column, "")...)
		}
		named, ok := t.(*types.Named)
		if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() != "main" || named.TypeParams().Len() > 0 {
			return fail("cannot define method %s here: declare it in the cell that declares type %s", m.Name.Name, receiverBase(m))
		}
		method := types.NewFunc(m.Name.Pos(), named.Obj().Pkg(), m.Name.Name,
			types.NewSignatureType(types.NewVar(recv.Pos(), recv.Pkg(), recv.Name(), recv.Type()), nil, nil, types.NewTuple(params...), sig.Results(), sig.Variadic()))
		for _, known := range c.in.defs[named.Obj()].methods {
			if known.decl.Name.Name == m.Name.Name {
				return fail("method %s.%s is already declared: declare type %s again, with its methods, to change it", receiverBase(m), m.Name.Name, receiverBase(m))
			}
		}
		for i := range named.NumMethods() { // of a cell that failed
			if old := named.Method(i); old.Name() == m.Name.Name && !types.Identical(old.Type(), method.Type()) {
				return fail("a cell that failed declared method %s.%s with another signature: declare type %s again", receiverBase(m), m.Name.Name, receiverBase(m))
			}
		}
		named.AddMethod(method) // keeps an identical one
	}
	return nil
}
