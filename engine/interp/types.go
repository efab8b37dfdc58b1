package interp

import (
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
)

// typeExpr writes a type as yaegi will read it: under internal names, and
// with no type parameter left in it.
func (e *emitter) typeExpr(t types.Type) ast.Expr {
	switch t := t.(type) {
	case *types.Basic:
		if t.Kind() == types.UnsafePointer {
			return e.selector("unsafe", "Pointer")
		}
		return e.ident(types.Default(t).(*types.Basic).Name())
	case *types.Alias:
		return e.typeExpr(types.Unalias(t))
	case *types.Named:
		return e.namedExpr(t)
	case *types.Pointer:
		return &ast.StarExpr{Star: e.pos, X: e.typeExpr(t.Elem())}
	case *types.Slice:
		return &ast.ArrayType{Lbrack: e.pos, Elt: e.typeExpr(t.Elem())}
	case *types.Array:
		n := &ast.BasicLit{ValuePos: e.pos, Kind: token.INT, Value: strconv.FormatInt(t.Len(), 10)}
		return &ast.ArrayType{Lbrack: e.pos, Len: n, Elt: e.typeExpr(t.Elem())}
	case *types.Map:
		return &ast.MapType{Map: e.pos, Key: e.typeExpr(t.Key()), Value: e.typeExpr(t.Elem())}
	case *types.Chan:
		dir := map[types.ChanDir]ast.ChanDir{types.SendRecv: ast.SEND | ast.RECV, types.SendOnly: ast.SEND, types.RecvOnly: ast.RECV}
		return &ast.ChanType{Begin: e.pos, Dir: dir[t.Dir()], Value: e.typeExpr(t.Elem())}
	case *types.Signature:
		return e.funcType(t)
	case *types.Struct:
		fields := &ast.FieldList{Opening: e.pos, Closing: e.pos}
		for i := range t.NumFields() {
			f := t.Field(i)
			field := &ast.Field{Type: e.typeExpr(f.Type())}
			if !f.Embedded() {
				field.Names = []*ast.Ident{e.ident(f.Name())}
			}
			if tag := t.Tag(i); tag != "" {
				field.Tag = &ast.BasicLit{ValuePos: e.pos, Kind: token.STRING, Value: strconv.Quote(tag)}
			}
			fields.List = append(fields.List, field)
		}
		return &ast.StructType{Struct: e.pos, Fields: fields}
	case *types.Interface:
		if t.Empty() {
			return &ast.InterfaceType{Interface: e.pos, Methods: &ast.FieldList{Opening: e.pos, Closing: e.pos}}
		}
		methods := &ast.FieldList{Opening: e.pos, Closing: e.pos}
		for i := range t.NumMethods() {
			m := t.Method(i)
			methods.List = append(methods.List, &ast.Field{Names: []*ast.Ident{e.ident(m.Name())}, Type: e.funcType(m.Signature())})
		}
		return &ast.InterfaceType{Interface: e.pos, Methods: methods}
	}
	if e.err == nil {
		e.err = errorf(CompileError, "the interpreter has no way to write type %s", t)
	}
	return e.ident("int")
}

func (e *emitter) namedExpr(t *types.Named) ast.Expr {
	obj := t.Obj()
	if obj.Pkg() == nil { // error, comparable
		return e.ident(obj.Name())
	}
	if d := e.in.defs[t.Origin().Obj()]; d != nil {
		if t.TypeArgs().Len() > 0 {
			targs := make([]types.Type, t.TypeArgs().Len())
			for i := range targs {
				targs[i] = t.TypeArgs().At(i)
			}
			return e.ident(e.instance(d, targs))
		}
		e.require(d)
		return e.ident(d.internal)
	}
	rt := e.in.world.rtypes[obj]
	if rt == nil { // a type local to a function
		return e.ident(obj.Name())
	}
	if tab := e.in.world.tables[obj.Pkg().Path()]; tab != nil {
		if v, ok := tab.symbols()[obj.Name()]; ok && isType(v) && v.Type().Elem() == rt {
			return e.selector(tab.path, obj.Name())
		}
	}
	return e.hidden(rt)
}

func (e *emitter) funcType(t *types.Signature) *ast.FuncType {
	list := func(tuple *types.Tuple, variadic bool) *ast.FieldList {
		fl := &ast.FieldList{Opening: e.pos, Closing: e.pos}
		for i := range tuple.Len() {
			typ := tuple.At(i).Type()
			if s, ok := typ.(*types.Slice); ok && variadic && i == tuple.Len()-1 {
				fl.List = append(fl.List, &ast.Field{Type: &ast.Ellipsis{Ellipsis: e.pos, Elt: e.typeExpr(s.Elem())}})
				continue
			}
			fl.List = append(fl.List, &ast.Field{Type: e.typeExpr(typ)})
		}
		return fl
	}
	ft := &ast.FuncType{Func: e.pos, Params: list(t.Params(), t.Variadic())}
	if t.Results().Len() > 0 {
		ft.Results = list(t.Results(), false)
	}
	return ft
}

// replace puts type arguments in the place of type parameters.
func replace(t types.Type, m map[*types.TypeParam]types.Type) types.Type {
	if len(m) == 0 || t == nil {
		return t
	}
	tuple := func(old *types.Tuple) *types.Tuple {
		vars := make([]*types.Var, old.Len())
		for i := range vars {
			v := old.At(i)
			vars[i] = types.NewParam(v.Pos(), v.Pkg(), v.Name(), replace(v.Type(), m))
		}
		return types.NewTuple(vars...)
	}
	switch t := t.(type) {
	case *types.TypeParam:
		if r := m[t]; r != nil {
			return r
		}
	case *types.Alias:
		return replace(types.Unalias(t), m)
	case *types.Named:
		if t.TypeArgs().Len() == 0 {
			return t
		}
		targs := make([]types.Type, t.TypeArgs().Len())
		for i := range targs {
			targs[i] = replace(t.TypeArgs().At(i), m)
		}
		if n, err := types.Instantiate(nil, t.Origin(), targs, false); err == nil {
			return n
		}
	case *types.Pointer:
		return types.NewPointer(replace(t.Elem(), m))
	case *types.Slice:
		return types.NewSlice(replace(t.Elem(), m))
	case *types.Array:
		return types.NewArray(replace(t.Elem(), m), t.Len())
	case *types.Map:
		return types.NewMap(replace(t.Key(), m), replace(t.Elem(), m))
	case *types.Chan:
		return types.NewChan(t.Dir(), replace(t.Elem(), m))
	case *types.Tuple:
		return tuple(t)
	case *types.Signature:
		return types.NewSignatureType(nil, nil, nil, tuple(t.Params()), tuple(t.Results()), t.Variadic())
	case *types.Struct:
		fields, tags := make([]*types.Var, t.NumFields()), make([]string, t.NumFields())
		for i := range fields {
			f := t.Field(i)
			fields[i], tags[i] = types.NewField(f.Pos(), f.Pkg(), f.Name(), replace(f.Type(), m), f.Embedded()), t.Tag(i)
		}
		return types.NewStruct(fields, tags)
	case *types.Interface:
		methods := make([]*types.Func, t.NumMethods())
		for i := range methods {
			f := t.Method(i)
			methods[i] = types.NewFunc(f.Pos(), f.Pkg(), f.Name(), replace(f.Signature(), m).(*types.Signature))
		}
		return types.NewInterfaceType(methods, nil).Complete()
	}
	return t
}

// walkTypes visits a type and what it is written with, not the insides of
// named types.
func walkTypes(t types.Type, visit func(types.Type)) {
	t = types.Unalias(t)
	visit(t)
	switch t := t.(type) {
	case *types.Named:
		for i := range t.TypeArgs().Len() {
			walkTypes(t.TypeArgs().At(i), visit)
		}
	case *types.Map:
		walkTypes(t.Key(), visit)
		walkTypes(t.Elem(), visit)
	case interface{ Elem() types.Type }:
		walkTypes(t.Elem(), visit)
	case *types.Tuple:
		for i := range t.Len() {
			walkTypes(t.At(i).Type(), visit)
		}
	case *types.Signature:
		walkTypes(t.Params(), visit)
		walkTypes(t.Results(), visit)
	case *types.Struct:
		for i := range t.NumFields() {
			walkTypes(t.Field(i).Type(), visit)
		}
	case *types.Interface:
		for i := range t.NumMethods() {
			walkTypes(t.Method(i).Signature(), visit)
		}
	}
}
