package interp

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"reflect"
	"strconv"
	"strings"
)

// def is the declaration of a function or type: what lowering needs to write
// it for yaegi, once, or once per list of type arguments when it is generic.
type def struct {
	obj      types.Object
	internal string
	fn       *ast.FuncDecl
	typ      *ast.TypeSpec
	methods  []method // of a type
	info     *types.Info
	written  bool // not for generic ones: their instances are noted one by one
}

// method is one method of a type, and what is known of its syntax: a later
// cell than the type's may declare it.
type method struct {
	decl *ast.FuncDecl
	info *types.Info
}

// generic reports whether only instances of d exist in yaegi. Constraints are
// never needed there.
func (d *def) generic() bool {
	switch o := d.obj.(type) {
	case *types.Func:
		return o.Signature().TypeParams().Len() > 0
	case *types.TypeName:
		if n, ok := o.Type().(*types.Named); ok && n.TypeParams().Len() > 0 {
			return true
		}
		iface, ok := o.Type().Underlying().(*types.Interface)
		return ok && !iface.IsMethodSet()
	}
	return false
}

// emitter collects what one cell gives to yaegi. Nothing it learns touches
// the namespace before yaegi has accepted all of it: see commit.
type emitter struct {
	in        *Interp
	pos       token.Pos
	imports   map[string]string        // alias -> path, new in this cell
	symbols   map[string]reflect.Value // hidden types to be named
	instances map[string]string        // new instances: key -> internal name
	written   []*def
	types     []ast.Decl
	vars      []ast.Decl
	funcs     []ast.Decl
	names     map[types.Object]string // new internal names of variables
	results   map[string]string       // new variables for results, by type
	work      []func()
	err       *Error
}

func (in *Interp) newEmitter(pos token.Pos) *emitter {
	return &emitter{
		in: in, pos: pos, imports: map[string]string{}, symbols: map[string]reflect.Value{},
		instances: map[string]string{}, names: map[types.Object]string{}, results: map[string]string{},
	}
}

// fresh returns a name no cell can have written.
func (in *Interp) fresh(name string) string {
	in.serial++
	return name + "ꞏ" + strconv.Itoa(in.serial)
}

func (e *emitter) internal(obj types.Object) string {
	if n := e.names[obj]; n != "" {
		return n
	}
	return e.in.internal[obj]
}

// pkg returns the alias under which yaegi knows a compiled package.
func (e *emitter) pkg(path string) string {
	if a := e.in.aliases[path]; a != "" {
		return a
	}
	for a, p := range e.imports {
		if p == path {
			return a
		}
	}
	a := e.in.fresh(e.in.world.shell(path).Name())
	e.imports[a] = path
	return a
}

func (e *emitter) ident(name string) *ast.Ident { return &ast.Ident{Name: name, NamePos: e.pos} }

func (e *emitter) selector(path, name string) ast.Expr {
	return &ast.SelectorExpr{X: e.ident(e.pkg(path)), Sel: e.ident(name)}
}

func (e *emitter) call(fun ast.Expr, args ...ast.Expr) *ast.CallExpr {
	return &ast.CallExpr{Fun: fun, Lparen: e.pos, Args: args, Rparen: e.pos}
}

// finish writes what writing has asked for.
func (e *emitter) finish() {
	for len(e.work) > 0 {
		f := e.work[0]
		e.work = e.work[1:]
		f()
	}
}

// file returns what yaegi compiles: declarations and one init function that
// runs the statements.
func (e *emitter) file(body []ast.Stmt) *ast.File {
	e.finish()
	f := &ast.File{Package: e.pos, Name: e.ident("main")}
	for alias, path := range e.imports {
		spec := &ast.ImportSpec{Name: e.ident(alias), Path: &ast.BasicLit{ValuePos: e.pos, Kind: token.STRING, Value: strconv.Quote(path)}}
		f.Decls = append(f.Decls, &ast.GenDecl{TokPos: e.pos, Tok: token.IMPORT, Specs: []ast.Spec{spec}})
	}
	f.Decls = append(f.Decls, e.types...)
	f.Decls = append(f.Decls, e.vars...)
	f.Decls = append(f.Decls, e.funcs...)
	if body != nil {
		f.Decls = append(f.Decls, &ast.FuncDecl{
			Name: e.ident("init"),
			Type: &ast.FuncType{Func: e.pos, Params: &ast.FieldList{}},
			Body: &ast.BlockStmt{Lbrace: e.pos, List: body, Rbrace: e.pos},
		})
	}
	return f
}

// declare adds a variable of yaegi's.
func (e *emitter) declare(name string, t types.Type) {
	e.vars = append(e.vars, &ast.GenDecl{TokPos: e.pos, Tok: token.VAR, Specs: []ast.Spec{
		&ast.ValueSpec{Names: []*ast.Ident{e.ident(name)}, Type: e.typeExpr(t)},
	}})
}

// require has a definition written, unless it is already.
func (e *emitter) require(d *def) {
	if d.written {
		return
	}
	for _, w := range e.written {
		if w == d {
			return
		}
	}
	e.written = append(e.written, d)
	e.work = append(e.work, func() { e.write(d, d.internal, nil) })
}

// instance returns the name of a generic function or type with its type
// arguments put in: cells may be generic, what yaegi sees is not.
func (e *emitter) instance(d *def, targs []types.Type) string {
	var key strings.Builder
	key.WriteString(d.internal)
	for _, t := range targs {
		key.WriteString("|" + e.typeKey(t))
	}
	k := key.String()
	if n := e.in.instances[k]; n != "" {
		return n
	}
	if n := e.instances[k]; n != "" {
		return n
	}
	if len(e.in.instances)+len(e.instances) > 10000 || key.Len() > 10000 {
		if e.err == nil {
			e.err = errorf(CompileError, "too many instances of generic %s: does it instantiate itself without end?", d.obj.Name())
		}
		return d.internal
	}
	name := e.in.fresh(d.obj.Name())
	e.instances[k] = name
	e.work = append(e.work, func() { e.write(d, name, targs) })
	return name
}

// write lowers one definition under a name.
func (e *emitter) write(d *def, name string, targs []types.Type) {
	l := &lowerer{e: e, info: d.info, subst: map[*types.TypeParam]types.Type{}}
	bind := func(params *types.TypeParamList) {
		for i := range params.Len() {
			if i < len(targs) {
				l.subst[params.At(i)] = targs[i]
			}
		}
	}
	if d.typ != nil {
		if named, ok := d.obj.Type().(*types.Named); ok {
			bind(named.TypeParams())
		}
		spec := &ast.TypeSpec{Name: &ast.Ident{Name: name, NamePos: d.typ.Name.NamePos}, Assign: d.typ.Assign, Type: l.clone(d.typ.Type).(ast.Expr)}
		e.types = append(e.types, &ast.GenDecl{TokPos: d.typ.Pos(), Tok: token.TYPE, Specs: []ast.Spec{spec}})
		for _, m := range d.methods {
			l.info = m.info
			if f, ok := m.info.Defs[m.decl.Name].(*types.Func); ok {
				bind(f.Signature().RecvTypeParams())
			}
			e.funcs = append(e.funcs, l.function(m.decl, m.decl.Name.Name, name))
		}
		return
	}
	if f, ok := d.obj.(*types.Func); ok {
		bind(f.Signature().TypeParams())
	}
	e.funcs = append(e.funcs, l.function(d.fn, name, ""))
}

// constant writes a constant value of a type.
func (e *emitter) constant(v constant.Value, t types.Type, pos token.Pos) ast.Expr {
	lit := func(k token.Token, s string) ast.Expr { return &ast.BasicLit{ValuePos: pos, Kind: k, Value: s} }
	b, _ := t.Underlying().(*types.Basic)
	if b == nil { // an interface: the constant takes its default type
		kinds := map[constant.Kind]types.BasicKind{constant.Bool: types.Bool, constant.String: types.String, constant.Int: types.Int, constant.Float: types.Float64, constant.Complex: types.Complex128}
		b = types.Typ[kinds[v.Kind()]]
		t = b
	}
	var x ast.Expr
	switch info := b.Info(); {
	case info&types.IsBoolean != 0:
		x = &ast.Ident{Name: strconv.FormatBool(constant.BoolVal(v)), NamePos: pos}
		if b.Kind() == types.Bool || b.Kind() == types.UntypedBool {
			if _, named := t.(*types.Named); !named {
				return x
			}
		}
	case info&types.IsString != 0:
		x = lit(token.STRING, strconv.Quote(constant.StringVal(v)))
		if t == types.Typ[types.String] || b.Kind() == types.UntypedString {
			return x
		}
	case info&types.IsInteger != 0:
		x = lit(token.INT, constant.ToInt(v).ExactString())
		if b.Kind() == types.UntypedRune {
			return e.call(e.ident("rune"), x)
		}
		if t == types.Typ[types.Int] || b.Kind() == types.UntypedInt {
			return x
		}
	case info&types.IsFloat != 0:
		f, _ := constant.Float64Val(v)
		x = lit(token.FLOAT, floatText(f))
		if t == types.Typ[types.Float64] || b.Kind() == types.UntypedFloat {
			return x
		}
	default:
		re, _ := constant.Float64Val(constant.Real(v))
		im, _ := constant.Float64Val(constant.Imag(v))
		x = e.call(e.ident("complex"), lit(token.FLOAT, floatText(re)), lit(token.FLOAT, floatText(im)))
		if t == types.Typ[types.Complex128] || b.Kind() == types.UntypedComplex {
			return x
		}
	}
	c := e.call(e.typeExpr(t), x)
	c.Lparen = pos
	return c
}

func floatText(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// hidden makes a compiled type that no package exports nameable.
func (e *emitter) hidden(t reflect.Type) ast.Expr {
	name := e.in.hidden[t]
	if name == "" {
		name = e.in.fresh("T")
		e.in.hidden[t] = name
	}
	e.symbols[name] = reflect.Zero(reflect.PointerTo(t))
	return e.selector(hiddenPath, name)
}

// typeKey is a text equal for identical types only.
func (e *emitter) typeKey(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string { return p.Path() }) + e.identity(t)
}

// identity tells apart types of one name that different cells declared.
func (e *emitter) identity(t types.Type) string {
	var s strings.Builder
	walkTypes(t, func(t types.Type) {
		if n, ok := t.(*types.Named); ok {
			s.WriteString(fmt.Sprintf(" %s", e.internal(n.Origin().Obj())))
		}
	})
	return s.String()
}
