package interp

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"strings"
)

// addImports writes the imports the cell needs: its own, those of earlier
// cells, and those of known packages that it uses without importing.
func (c *checker) addImports() *Error {
	need := maps.Clone(c.imports)
	for _, it := range c.items {
		free := map[*ast.Ident]bool{}
		for _, id := range it.free {
			free[id] = true
		}
		visit := func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			id, ok := sel.X.(*ast.Ident)
			if !ok || !free[id] || need[id.Name] != "" || c.decls[id.Name] || len(c.defs[id.Name]) > 0 || c.insert[id.Name] != nil {
				return true
			}
			if path := c.in.imports[id.Name]; path != "" {
				need[id.Name] = path
			} else if path := c.in.world.byName[id.Name]; path != "" {
				need[id.Name] = path
			}
			return true
		}
		if it.decl != nil {
			ast.Inspect(it.decl, visit)
		}
		for _, s := range it.stmts {
			ast.Inspect(s, visit)
		}
	}
	decl := &ast.GenDecl{Tok: token.IMPORT}
	for name, path := range need {
		decl.Specs = append(decl.Specs, &ast.ImportSpec{
			Name: ast.NewIdent(name),
			Path: &ast.BasicLit{Kind: token.STRING, Value: fmt.Sprintf("%q", path)},
		})
	}
	for _, dot := range c.dots {
		decl.Specs = append(decl.Specs, dot)
	}
	for _, it := range c.items {
		// The specs as written carry the position of an unknown path.
		d, ok := it.decl.(*ast.GenDecl)
		if !ok || d.Tok != token.IMPORT {
			continue
		}
		for _, spec := range d.Specs {
			s := spec.(*ast.ImportSpec)
			path := strings.Trim(s.Path.Value, "\"`")
			if _, err := c.in.world.Import(path); err != nil {
				pos := c.in.fset.Position(s.Path.Pos())
				return (&Error{Ename: CompileError, Evalue: err.Error()}).at(c.in.place(pos.Line, pos.Column, "")...)
			}
		}
	}
	if len(decl.Specs) > 0 {
		c.file.Decls = append(c.file.Decls, decl)
	}
	return nil
}
