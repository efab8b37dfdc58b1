package interp

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// packageClause returns the name in the package clause that a source begins
// with, "" if it begins otherwise.
func packageClause(src string) string {
	f, err := parser.ParseFile(token.NewFileSet(), "", src, parser.PackageClauseOnly)
	if err != nil {
		return ""
	}
	return f.Name.Name
}

// parseProgram parses a file as the Go compiler would: declarations in any
// order. For package main a call of its function main is added at the end.
func (in *Interp) parseProgram(cell *cellText, src string) ([]*item, *Error) {
	for i, line := range cell.lines {
		if strings.HasPrefix(line, "//go:embed ") {
			e := &Error{Ename: CompileError, Evalue: "//go:embed has no file to read here: a program that is run on engines is one file of source; read the file where you are, and push what is in it"}
			return nil, e.at(place{cell: cell, line: i + 1, col: 1})
		}
	}
	f, err := parser.ParseFile(in.fset, fileName, lineDirective(cell.base+1, 1)+src, 0)
	if err != nil {
		return nil, in.syntaxError(err)
	}
	cell.files = append(cell.files, in.fset.File(f.FileStart))
	var items []*item
	var main *ast.FuncDecl
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok == token.VAR {
				for _, spec := range d.Specs {
					one := &ast.GenDecl{TokPos: spec.Pos(), Tok: token.VAR, Specs: []ast.Spec{spec}}
					items = append(items, &item{stmts: []ast.Stmt{&ast.DeclStmt{Decl: one}}, free: f.Unresolved, define: true})
				}
				continue
			}
		case *ast.FuncDecl:
			if f.Name.Name == "main" && d.Recv == nil && d.Name.Name == "main" {
				main = d
			}
		}
		items = append(items, &item{decl: d, free: f.Unresolved})
	}
	if main != nil {
		pos := main.Name.Pos()
		call := &ast.CallExpr{Fun: &ast.Ident{Name: "main", NamePos: pos}, Lparen: pos, Rparen: pos}
		items = append(items, &item{stmts: []ast.Stmt{&ast.ExprStmt{X: call}}})
	}
	return items, nil
}

// initOrder puts the variables of a program first, in the order in which Go
// initialises them: each after those that its value depends on.
func initOrder(items []*item, info *types.Info) {
	rank := map[types.Object]int{}
	for i, init := range info.InitOrder {
		for _, v := range init.Lhs {
			rank[v] = i + 1 // 0 is for those without a value
		}
	}
	at := func(it *item) int {
		if !it.define {
			return len(info.InitOrder) + 1
		}
		last := 0
		for _, id := range defined(it) {
			last = max(last, rank[info.Defs[id]])
		}
		return last
	}
	slices.SortStableFunc(items, func(a, b *item) int { return at(a) - at(b) })
}
