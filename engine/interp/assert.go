package interp

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
)

// assertion lowers x.(I) for an interface with methods that cells declare,
// which yaegi can do in a type switch only.
func (l *lowerer) assertion(x *ast.TypeAssertExpr) ast.Expr {
	if x.Type == nil || !types.IsInterface(l.typeOf(x.X)) {
		return nil
	}
	t := l.typeOf(x.Type)
	i, ok := t.Underlying().(*types.Interface)
	if n, named := types.Unalias(t).(*types.Named); !ok || i.Empty() || named && (n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != "main") {
		return nil
	}
	_, withOK := l.info.TypeOf(x).(*types.Tuple)
	return &ast.CallExpr{Fun: l.e.asserter(l.typeOf(x.X), t, withOK), Lparen: x.Lparen, Args: []ast.Expr{l.clone(x.X).(ast.Expr)}, Rparen: x.Rparen}
}

// asserter names func(x From) (I, bool), or func(x From) I which panics.
func (e *emitter) asserter(from, to types.Type, withOK bool) ast.Expr {
	key := fmt.Sprintf("assert%t|%s|%s", withOK, e.typeKey(from), e.typeKey(to))
	name := e.in.instances[key]
	if name == "" {
		name = e.instances[key]
	}
	if name != "" {
		return e.ident(name)
	}
	name = e.in.fresh("assert")
	e.instances[key] = name
	x, v := e.in.fresh("x"), e.in.fresh("v")
	results := &ast.FieldList{List: []*ast.Field{{Type: e.typeExpr(to)}}}
	found := &ast.ReturnStmt{Return: e.pos, Results: []ast.Expr{e.ident(v)}}
	var otherwise ast.Stmt
	if withOK {
		results.List = append(results.List, &ast.Field{Type: e.ident("bool")})
		found.Results = append(found.Results, e.ident("true"))
		otherwise = &ast.ReturnStmt{Return: e.pos, Results: []ast.Expr{e.ident("nil"), e.ident("false")}}
	} else {
		text := &ast.BasicLit{ValuePos: e.pos, Kind: token.STRING, Value: strconv.Quote(plain(to.String()))}
		otherwise = &ast.ExprStmt{X: e.call(e.ident("panic"), e.call(e.selector(runtimePath, "NotA"), e.call(e.selector(runtimePath, "Plain"), e.ident(x)), text))}
	}
	sw := &ast.TypeSwitchStmt{
		Switch: e.pos,
		Assign: &ast.AssignStmt{Lhs: []ast.Expr{e.ident(v)}, TokPos: e.pos, Tok: token.DEFINE, Rhs: []ast.Expr{&ast.TypeAssertExpr{X: e.ident(x), Lparen: e.pos, Rparen: e.pos}}},
		Body:   &ast.BlockStmt{Lbrace: e.pos, List: []ast.Stmt{&ast.CaseClause{Case: e.pos, List: []ast.Expr{e.typeExpr(to)}, Colon: e.pos, Body: []ast.Stmt{found}}}, Rbrace: e.pos},
	}
	e.funcs = append(e.funcs, &ast.FuncDecl{
		Name: e.ident(name),
		Type: &ast.FuncType{Func: e.pos, Params: &ast.FieldList{List: []*ast.Field{{Names: []*ast.Ident{e.ident(x)}, Type: e.typeExpr(from)}}}, Results: results},
		Body: &ast.BlockStmt{Lbrace: e.pos, List: []ast.Stmt{sw, otherwise}, Rbrace: e.pos},
	})
	return e.ident(name)
}
