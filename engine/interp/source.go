package interp

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
)

// Every cell is parsed under this one file name, and owns a range of its
// lines: cells can then share imports in yaegi, which scopes them by file, and
// a line alone tells the cell.
const fileName = "cell"

// byteOrderMark may begin a file, and says nothing.
const byteOrderMark = "\ufeff"

// cellText is the source of a cell and the lines it owns: base+1 .. base+len(lines).
type cellText struct {
	name  string
	base  int
	lines []string
	files []*token.File // as parsed, item by item
}

func (c *cellText) line(n int) string {
	if n < 1 || n > len(c.lines) {
		return ""
	}
	return c.lines[n-1]
}

// forget drops a cell of which nothing remains that could fail later, and
// with it the positions of its syntax.
func (in *Interp) forget(c *cellText) {
	for _, f := range c.files {
		in.fset.RemoveFile(f)
	}
	if i := slices.Index(in.cells, c); i >= 0 {
		in.cells = slices.Delete(in.cells, i, i+1)
	}
}

// lasting reports whether code of the cell may run after it has ended.
func lasting(items []*item) bool {
	found := false
	for _, it := range items {
		if _, isFunc := it.decl.(*ast.FuncDecl); isFunc {
			return true
		}
		if g, ok := it.decl.(*ast.GenDecl); ok && g.Tok != token.IMPORT {
			return true // a type checker's object keeps its position
		}
		for _, s := range it.stmts {
			ast.Inspect(s, func(n ast.Node) bool {
				switch n.(type) {
				case *ast.FuncLit, *ast.GoStmt:
					found = true
				}
				return !found
			})
		}
	}
	return found
}

// item is a top-level piece of a cell.
type item struct {
	decl   ast.Decl   // import, type, const or func, when it is one
	stmts  []ast.Stmt // otherwise: one definition (:=, var) or a run of statements
	free   []*ast.Ident
	define bool // stmts is one := or var
}

// span is an item before it is parsed: source[from:to].
type span struct {
	from, to int
	kind     spanKind
}

type spanKind int

const (
	statement  spanKind = iota
	definition          // := or var
	declaration
)

// split cuts a cell at its top-level semicolons, written or implied. It never
// fails: what does not scan is left for the parser to report.
func split(src []byte) []span {
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(src))
	var sc scanner.Scanner
	sc.Init(file, src, func(token.Position, string) {}, 0)
	var (
		spans []span
		toks  []token.Token // of the current item
		start = -1
		depth int
	)
	end := func(off int) {
		if start >= 0 {
			spans = append(spans, span{start, off, classify(toks)})
		}
		start, toks, depth = -1, toks[:0], 0
	}
	for {
		pos, tok, lit := sc.Scan()
		off := file.Offset(pos)
		if tok == token.EOF {
			end(len(src))
			break
		}
		if start < 0 && tok != token.SEMICOLON {
			start = off
		}
		switch tok {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
		case token.SEMICOLON:
			if depth <= 0 {
				if lit == ";" {
					off++
				}
				end(min(off, len(src)))
				continue
			}
		}
		if len(toks) < 64 { // enough to tell what the item is
			toks = append(toks, tok)
		}
	}
	// A run of plain statements is one item: labels may reach across it.
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && s.kind == statement && out[n-1].kind == statement {
			out[n-1].to = s.to
			continue
		}
		out = append(out, s)
	}
	return out
}

func classify(toks []token.Token) spanKind {
	switch toks[0] {
	case token.IMPORT, token.TYPE, token.CONST, token.PACKAGE:
		return declaration
	case token.VAR:
		return definition
	case token.FUNC:
		if len(toks) > 1 && toks[1] == token.IDENT {
			return declaration
		}
		// func (r T) Name( is a method, func (x T) R { a literal.
		depth := 0
		for i, t := range toks[1:] {
			switch t {
			case token.LPAREN:
				depth++
			case token.RPAREN:
				depth--
			}
			if depth == 0 {
				rest := toks[i+2:]
				if len(rest) > 1 && rest[0] == token.IDENT && rest[1] == token.LPAREN {
					return declaration
				}
				break
			}
		}
		return statement
	}
	depth := 0
	for i, t := range toks {
		switch t {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
		case token.DEFINE:
			if depth == 0 && i > 0 && onlyNames(toks[:i]) {
				return definition
			}
		}
	}
	return statement
}

func onlyNames(toks []token.Token) bool {
	for i, t := range toks {
		if (i%2 == 0) != (t == token.IDENT) || (i%2 == 1) != (t == token.COMMA) {
			return false
		}
	}
	return true
}

// lineDirective places the text that follows it.
func lineDirective(line, col int) string {
	return fmt.Sprintf("/*line %s:%d:%d*/", fileName, line, col)
}

// parse cuts and parses a cell. The first error is a *Error placed in it.
func (in *Interp) parse(cell *cellText, src string) ([]*item, *Error) {
	var items []*item
	for _, sp := range split([]byte(src)) {
		text := src[sp.from:sp.to]
		line := 1 + strings.Count(src[:sp.from], "\n")
		col := sp.from - strings.LastIndexByte(src[:sp.from], '\n')
		at := lineDirective(cell.base+line, col)
		if sp.kind == declaration {
			if strings.HasPrefix(text, "package") {
				continue // a pasted file: its clause means nothing here
			}
			f, err := parser.ParseFile(in.fset, fileName, "package main;"+at+text+"\n", 0)
			if err != nil {
				return nil, in.syntaxError(err)
			}
			cell.files = append(cell.files, in.fset.File(f.FileStart))
			for _, d := range f.Decls {
				items = append(items, &item{decl: d})
			}
			if n := len(items); n > 0 {
				items[n-1].free = f.Unresolved
			}
			continue
		}
		f, err := parser.ParseFile(in.fset, fileName, "package main;func _(){"+at+text+"\n}", 0)
		if err != nil {
			return nil, in.syntaxError(err)
		}
		cell.files = append(cell.files, in.fset.File(f.FileStart))
		if len(f.Decls) != 1 { // the text closed our brace: }; func f() {
			return nil, (&Error{Ename: SyntaxError, Evalue: "unmatched }"}).at(place{cell: cell, line: line, col: col})
		}
		it := &item{stmts: f.Decls[0].(*ast.FuncDecl).Body.List, free: f.Unresolved}
		it.define = sp.kind == definition && len(it.stmts) == 1
		items = append(items, it)
	}
	return items, nil
}
