package interp

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"runtime"
	"strings"
)

// checked is a cell that type-checks, ready to be lowered.
type checked struct {
	items   []*item
	info    *types.Info
	pkg     *types.Package
	imports map[string]string // local name -> path, to persist
	methods []*ast.FuncDecl   // of types that earlier cells declared
	source  map[ast.Decl]*ast.FuncDecl
	last    ast.Expr // the bare expression at the end, or nil
}

// checker gathers the pieces of a cell into one file of one package, as the
// Go compiler would want them: a := 5 becomes var a = 5, runs of statements
// become bodies of blank functions. The package is new for every cell; what
// earlier cells defined is inserted into its scope, unless redefined here.
//
// Statements happen in order, package-level variables do not. So a name that
// the cell defines again gets versions: uses before the definition are
// renamed to the version they see.
type checker struct {
	in      *Interp
	program bool // a whole file: nothing in it has versions
	cell    *cellText
	items   []*item
	defs    map[string][]int // variable -> the items that define it
	decls   map[string]bool  // types, constants and functions of the cell
	insert  map[string]types.Object
	imports map[string]string
	dots    []*ast.ImportSpec
	file    *ast.File
	out     *checked
}

func (in *Interp) check(cell *cellText, items []*item, program bool) (*checked, *Error) {
	c := &checker{
		in: in, program: program, cell: cell, items: items,
		defs: map[string][]int{}, decls: map[string]bool{}, insert: map[string]types.Object{}, imports: map[string]string{},
		file: &ast.File{Name: ast.NewIdent("main")},
		out:  &checked{items: items, source: map[ast.Decl]*ast.FuncDecl{}},
	}
	c.collect()
	if !program {
		if err := c.version(); err != nil {
			return nil, err
		}
	}
	for name, g := range in.names {
		if !c.decls[name] && len(c.defs[name]) == 0 && c.imports[name] == "" {
			c.insert[name] = g.obj
		}
	}
	if err := c.addImports(); err != nil {
		return nil, err
	}
	for _, it := range items {
		c.add(it)
	}
	if n := len(items); n > 0 && !items[n-1].define && len(items[n-1].stmts) > 0 {
		stmts := items[n-1].stmts
		if e, ok := stmts[len(stmts)-1].(*ast.ExprStmt); ok {
			c.out.last = e.X
		}
	}
	info, pkg, err := c.run()
	if err != nil {
		return nil, err
	}
	if err := in.protect(items, info); err != nil {
		return nil, err
	}
	if program {
		initOrder(items, info)
	}
	c.out.info, c.out.pkg, c.out.imports = info, pkg, c.imports
	return c.out, nil
}

// collect notes what the cell defines and imports.
func (c *checker) collect() {
	for i, it := range c.items {
		for _, id := range defined(it) {
			if id.Name != "_" {
				c.defs[id.Name] = append(c.defs[id.Name], i)
			}
		}
		switch d := it.decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name != "init" {
				c.decls[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					c.decls[s.Name.Name] = true
				case *ast.ValueSpec:
					for _, id := range s.Names {
						c.decls[id.Name] = true
					}
				case *ast.ImportSpec:
					path := strings.Trim(s.Path.Value, "\"`")
					switch {
					case s.Name == nil:
						name := path[strings.LastIndexByte(path, '/')+1:]
						if t := c.in.world.tables[path]; t != nil {
							name = t.name
						}
						c.imports[name] = path
					case s.Name.Name == ".":
						c.dots = append(c.dots, s)
					case s.Name.Name != "_":
						c.imports[s.Name.Name] = path
					}
				}
			}
		}
	}
}

// defined returns the identifiers that a definition item introduces.
func defined(it *item) []*ast.Ident {
	if !it.define {
		return nil
	}
	var ids []*ast.Ident
	switch s := it.stmts[0].(type) {
	case *ast.AssignStmt:
		for _, e := range s.Lhs {
			ids = append(ids, e.(*ast.Ident))
		}
	case *ast.DeclStmt:
		for _, spec := range s.Decl.(*ast.GenDecl).Specs {
			ids = append(ids, spec.(*ast.ValueSpec).Names...)
		}
	}
	return ids
}

// version renames what must not be confused with the last definition.
func (c *checker) version() *Error {
	for i, it := range c.items {
		keys := fieldKeys(it)
		for _, id := range it.free {
			at := c.defs[id.Name]
			if len(at) == 0 || keys[id] {
				continue
			}
			seen := -1 // index into at of the definition this use sees
			for k, def := range at {
				if def < i {
					seen = k
				}
			}
			switch {
			case it.decl != nil || seen == len(at)-1:
			case seen >= 0:
				id.Name = fmt.Sprintf("%sꞏ%d", id.Name, at[seen])
			case c.in.names[id.Name] != nil:
				old := c.in.names[id.Name]
				id.Name += "ꞏold"
				if c.insert[id.Name] == nil {
					c.insert[id.Name] = c.in.alias(old, id.Name)
				}
			case c.in.world.byName[id.Name] == "":
				e := &Error{Ename: CompileError, Evalue: "undefined: " + id.Name}
				pos := c.in.fset.Position(id.Pos())
				return e.at(c.in.place(pos.Line, pos.Column, "")...)
			}
		}
	}
	for name, at := range c.defs {
		for _, i := range at[:len(at)-1] {
			old := fmt.Sprintf("%sꞏ%d", name, i)
			var def *ast.Ident
			for _, id := range defined(c.items[i]) {
				if id.Name == name {
					def = id
				}
			}
			ast.Inspect(c.items[i].stmts[0], func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && id.Name == name && (id == def || id.Obj != nil && id.Obj == def.Obj) {
					id.Name = old
				}
				return true
			})
		}
	}
	return nil
}

// alias presents an object of the namespace under another name.
func (in *Interp) alias(g *global, name string) types.Object {
	var obj types.Object
	pkg, pos := g.obj.Pkg(), g.obj.Pos()
	switch o := g.obj.(type) {
	case *types.Const:
		obj = types.NewConst(pos, pkg, name, o.Type(), o.Val())
	case *types.TypeName:
		obj = types.NewTypeName(pos, pkg, name, o.Type())
	case *types.Func:
		obj = types.NewFunc(pos, pkg, name, o.Signature())
	default:
		obj = types.NewVar(pos, pkg, name, o.Type())
	}
	in.internal[obj] = g.internal
	return obj
}

// fieldKeys returns the keys of composite literals that are, or may be, names
// of fields: only the type would tell, and an array or map says so itself.
func fieldKeys(it *item) map[*ast.Ident]bool {
	keys := map[*ast.Ident]bool{}
	for _, s := range it.stmts {
		ast.Inspect(s, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok {
				switch lit.Type.(type) {
				case *ast.MapType, *ast.ArrayType:
					return true
				}
				for _, e := range lit.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						if id, ok := kv.Key.(*ast.Ident); ok {
							keys[id] = true
						}
					}
				}
			}
			return true
		})
	}
	return keys
}

// add writes an item into the file to check.
func (c *checker) add(it *item) {
	switch d := it.decl.(type) {
	case *ast.GenDecl:
		if d.Tok != token.IMPORT {
			c.file.Decls = append(c.file.Decls, d)
		}
		return
	case *ast.FuncDecl:
		if base := receiverBase(d); base != "" && !c.decls[base] && c.in.names[base] != nil {
			d2 := asFunction(d)
			c.out.source[d2] = d
			c.out.methods = append(c.out.methods, d)
			c.file.Decls = append(c.file.Decls, d2)
			return
		}
		c.file.Decls = append(c.file.Decls, d)
		return
	}
	if it.define {
		switch s := it.stmts[0].(type) {
		case *ast.AssignStmt:
			spec := &ast.ValueSpec{Values: s.Rhs}
			for _, e := range s.Lhs {
				spec.Names = append(spec.Names, e.(*ast.Ident))
			}
			c.file.Decls = append(c.file.Decls, &ast.GenDecl{Tok: token.VAR, TokPos: s.Pos(), Specs: []ast.Spec{spec}})
		case *ast.DeclStmt:
			c.file.Decls = append(c.file.Decls, s.Decl)
		}
		return
	}
	if len(it.stmts) > 0 {
		first, last := it.stmts[0], it.stmts[len(it.stmts)-1]
		c.file.Decls = append(c.file.Decls, &ast.FuncDecl{
			Name: ast.NewIdent("_"),
			Type: &ast.FuncType{Func: first.Pos(), Params: &ast.FieldList{}},
			Body: &ast.BlockStmt{Lbrace: first.Pos(), List: it.stmts, Rbrace: last.End()},
		})
	}
}

func newInfo() *types.Info {
	return &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Instances: map[*ast.Ident]types.Instance{}, Implicits: map[ast.Node]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
}

// language is the version of Go that cells are checked against: the newest
// whose features lowering can express to yaegi.
const language = "go1.22"

func (in *Interp) config(onError func(error)) *types.Config {
	return &types.Config{
		GoVersion: language, Importer: in.world, Error: onError, DisableUnusedImportCheck: true,
		Sizes: types.SizesFor("gc", runtime.GOARCH),
	}
}

func (c *checker) run() (*types.Info, *types.Package, *Error) {
	if err := c.declareMethods(); err != nil {
		return nil, nil, err
	}
	var list []types.Error
	conf := c.in.config(func(err error) {
		var te types.Error
		switch {
		case !errors.As(err, &te), strings.HasPrefix(te.Msg, "\t"): // a continuation
		case c.out.last != nil && c.out.last.Pos() <= te.Pos && te.Pos < c.out.last.End() && strings.HasSuffix(te.Msg, " is not used"): // the cell's value
		case strings.HasPrefix(te.Msg, "implicit assignment to unexported field") && strings.Contains(te.Msg, " of type main."):
			// of an earlier cell's type, which is another package's only to go/types
		default:
			list = append(list, te)
		}
	})
	info, pkg := newInfo(), c.newPackage()
	_ = types.NewChecker(conf, c.in.fset, pkg, info).Files([]*ast.File{c.file}) // list has all
	if len(list) > 0 {
		return nil, nil, c.in.typeErrors(list)
	}
	return info, pkg, nil
}

func (c *checker) newPackage() *types.Package {
	pkg := types.NewPackage("main", "main")
	for _, obj := range c.insert {
		pkg.Scope().Insert(obj)
	}
	return pkg
}
