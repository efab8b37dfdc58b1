package interp

import (
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"reflect"
	"strings"
)

// world is what cells can import: compiled packages, known to yaegi as tables
// of reflect values and shown to the type checker as go/types packages made
// from the same tables when first imported. So a cell is checked in full, with
// the Go compiler's own words, on machines that have no Go toolchain.
type world struct {
	tables map[string]*table         // by import path
	own    []string                  // paths of the packages that the configuration adds, sorted
	byName map[string]string         // package name -> the import path it stands for when no import says otherwise
	pkgs   map[string]*types.Package // by import path, made so far
	named  map[reflect.Type]types.Type
	rtypes map[*types.TypeName]reflect.Type
	lib    func(*types.Package) error // adds the generic part of a package
}

// table is one compiled package.
type table struct {
	path, name string
	parts      []func() map[string]reflect.Value // not yet in built
	built      map[string]reflect.Value
}

// symbols builds the table if nobody has asked for it before: a process uses few
// of the packages that it has.
func (t *table) symbols() map[string]reflect.Value {
	for _, part := range t.parts {
		if t.built == nil {
			t.built = part()
			continue
		}
		t.built = maps.Clone(t.built) // it may be a table of everybody's
		maps.Copy(t.built, part())
	}
	t.parts = nil
	return t.built
}

// preferred settles names that several packages share.
var preferred = map[string]string{
	"rand":     "math/rand",
	"template": "text/template",
	"scanner":  "text/scanner",
	"mat":      "gonum.org/v1/gonum/mat",
	"stat":     "gonum.org/v1/gonum/stat",
	"errors":   "errors",
	"pprof":    "runtime/pprof",
	"simple":   "gonum.org/v1/gonum/graph/simple",
}

func newWorld() *world {
	return &world{
		tables: map[string]*table{},
		byName: map[string]string{},
		pkgs:   map[string]*types.Package{},
		named:  map[reflect.Type]types.Type{reflect.TypeFor[error](): types.Universe.Lookup("error").Type()},
		rtypes: map[*types.TypeName]reflect.Type{},
	}
}

// add makes a package importable; symbols added to a path known already join it.
func (w *world) add(path, name string, build func() map[string]reflect.Value) {
	t := w.tables[path]
	if t == nil {
		t = &table{path: path, name: name}
		w.tables[path] = t
	}
	t.parts = append(t.parts, build)
	old, taken := w.byName[name]
	if !taken || preferred[name] == path || (preferred[name] != old && (len(path) < len(old) || len(path) == len(old) && path < old)) {
		w.byName[name] = path
	}
}

// override puts symbols over those of a known package.
func (w *world) override(path string, symbols map[string]reflect.Value) {
	t := w.tables[path]
	t.parts = append(t.parts, built(symbols))
}

// Import implements types.Importer.
func (w *world) Import(path string) (*types.Package, error) {
	t := w.tables[path]
	if t == nil {
		if path == "unsafe" {
			return types.Unsafe, nil
		}
		return nil, w.unknown(path)
	}
	p := w.shell(path)
	if p.Complete() {
		return p, nil
	}
	p.MarkComplete()
	for name, v := range t.symbols() {
		if strings.HasPrefix(name, "_") {
			continue // yaegi's wrapper of an interface
		}
		p.Scope().Insert(w.object(p, name, v))
	}
	return p, w.lib(p)
}

// unknown is the error for a package that is not there, with what is.
func (w *world) unknown(path string) error {
	own := ""
	if len(w.own) > 0 {
		own = " (" + strings.Join(w.own, ", ") + ")"
	}
	meant := ""
	if known := w.byName[path[strings.LastIndexByte(path, '/')+1:]]; known != "" {
		meant = "; is " + known + " meant?"
	}
	return fmt.Errorf("package %s is not available to cells: they import the standard library, gonum and what is compiled into this engine%s%s", path, own, meant)
}

// shell returns a package whose objects need not have been made: types name
// many packages that no cell imports.
func (w *world) shell(path string) *types.Package {
	p := w.pkgs[path]
	if p == nil {
		name := path[strings.LastIndexByte(path, '/')+1:]
		if t := w.tables[path]; t != nil {
			name = t.name
		}
		p = types.NewPackage(path, name)
		w.pkgs[path] = p
	}
	return p
}

// object reads a symbol as yaegi's extract writes it: a nil pointer stands
// for a type, an addressable value for a variable, a func for a function, and
// anything else for a constant.
func (w *world) object(p *types.Package, name string, v reflect.Value) types.Object {
	switch {
	case isType(v):
		t := v.Type().Elem()
		typ := w.typ(t)
		if n, ok := typ.(*types.Named); ok && n.Obj().Pkg() == p && n.Obj().Name() == name {
			return n.Obj()
		}
		return types.NewTypeName(token.NoPos, p, name, typ)
	case v.CanAddr():
		return types.NewVar(token.NoPos, p, name, w.typ(v.Type()))
	case v.Kind() == reflect.Func:
		return types.NewFunc(token.NoPos, p, name, w.typ(v.Type()).Underlying().(*types.Signature))
	}
	if c, ok := v.Interface().(constant.Value); ok {
		kind := map[constant.Kind]types.BasicKind{
			constant.Bool: types.UntypedBool, constant.String: types.UntypedString, constant.Int: types.UntypedInt,
			constant.Float: types.UntypedFloat, constant.Complex: types.UntypedComplex,
		}[c.Kind()]
		return types.NewConst(token.NoPos, p, name, types.Typ[kind], c)
	}
	if c := constantOf(v); c != nil {
		return types.NewConst(token.NoPos, p, name, w.typ(v.Type()), c)
	}
	return types.NewVar(token.NoPos, p, name, w.typ(v.Type()))
}

func isType(v reflect.Value) bool {
	return v.Kind() == reflect.Pointer && !v.CanAddr() && v.IsNil()
}

func constantOf(v reflect.Value) constant.Value {
	switch {
	case v.Kind() == reflect.Bool:
		return constant.MakeBool(v.Bool())
	case v.Kind() == reflect.String:
		return constant.MakeString(v.String())
	case v.CanInt():
		return constant.MakeInt64(v.Int())
	case v.CanUint():
		return constant.MakeUint64(v.Uint())
	case v.CanFloat():
		return constant.MakeFloat64(v.Float())
	}
	return nil
}

var basicKinds = map[reflect.Kind]types.BasicKind{
	reflect.Bool: types.Bool, reflect.Int: types.Int, reflect.Int8: types.Int8, reflect.Int16: types.Int16,
	reflect.Int32: types.Int32, reflect.Int64: types.Int64, reflect.Uint: types.Uint, reflect.Uint8: types.Uint8,
	reflect.Uint16: types.Uint16, reflect.Uint32: types.Uint32, reflect.Uint64: types.Uint64,
	reflect.Uintptr: types.Uintptr, reflect.Float32: types.Float32, reflect.Float64: types.Float64,
	reflect.Complex64: types.Complex64, reflect.Complex128: types.Complex128, reflect.String: types.String,
	reflect.UnsafePointer: types.UnsafePointer,
}

// typ returns the go/types type of a reflect type.
func (w *world) typ(t reflect.Type) types.Type {
	if known := w.named[t]; known != nil {
		return known
	}
	if t.Name() == "" || t.PkgPath() == "" {
		return w.literal(t)
	}
	obj := types.NewTypeName(token.NoPos, w.shell(t.PkgPath()), t.Name(), nil)
	n := types.NewNamed(obj, nil, nil)
	w.named[t] = n // before its insides: types refer to themselves
	w.rtypes[obj] = t
	n.SetUnderlying(w.literal(t))
	if t.Kind() == reflect.Interface {
		return n
	}
	byPointer := reflect.PointerTo(t)
	for i := range byPointer.NumMethod() {
		m := byPointer.Method(i)
		recv := types.Type(types.NewPointer(n))
		if _, onValue := t.MethodByName(m.Name); onValue {
			recv = n
		}
		n.AddMethod(types.NewFunc(token.NoPos, obj.Pkg(), m.Name, w.signature(m.Type, types.NewVar(token.NoPos, obj.Pkg(), "", recv))))
	}
	return n
}

func (w *world) literal(t reflect.Type) types.Type {
	if k, ok := basicKinds[t.Kind()]; ok {
		return types.Typ[k]
	}
	switch t.Kind() {
	case reflect.Pointer:
		return types.NewPointer(w.typ(t.Elem()))
	case reflect.Slice:
		return types.NewSlice(w.typ(t.Elem()))
	case reflect.Array:
		return types.NewArray(w.typ(t.Elem()), int64(t.Len()))
	case reflect.Map:
		return types.NewMap(w.typ(t.Key()), w.typ(t.Elem()))
	case reflect.Chan:
		dir := map[reflect.ChanDir]types.ChanDir{reflect.BothDir: types.SendRecv, reflect.SendDir: types.SendOnly, reflect.RecvDir: types.RecvOnly}
		return types.NewChan(dir[t.ChanDir()], w.typ(t.Elem()))
	case reflect.Func:
		return w.signature(t, nil)
	case reflect.Interface:
		return w.iface(t)
	case reflect.Struct:
		return w.structure(t)
	}
	panic("interp: no go/types type for " + t.String())
}

func (w *world) signature(t reflect.Type, recv *types.Var) *types.Signature {
	var in, out []*types.Var
	for i := range t.NumIn() {
		if recv != nil && i == 0 {
			continue
		}
		in = append(in, types.NewParam(token.NoPos, nil, "", w.typ(t.In(i))))
	}
	for i := range t.NumOut() {
		out = append(out, types.NewParam(token.NoPos, nil, "", w.typ(t.Out(i))))
	}
	return types.NewSignatureType(recv, nil, nil, types.NewTuple(in...), types.NewTuple(out...), t.IsVariadic())
}

func (w *world) iface(t reflect.Type) types.Type {
	if t.NumMethod() == 0 {
		return types.Universe.Lookup("any").Type().Underlying()
	}
	var methods []*types.Func
	for i := range t.NumMethod() {
		m := t.Method(i)
		var pkg *types.Package
		if m.PkgPath != "" {
			pkg = types.NewPackage(m.PkgPath, "hidden")
		}
		sig := w.signature(m.Type, nil)
		methods = append(methods, types.NewFunc(token.NoPos, pkg, m.Name, sig))
	}
	return types.NewInterfaceType(methods, nil).Complete()
}

// structure keeps the exported and the embedded fields. The others keep
// their name, so that unkeyed literals are refused, and only so much of their
// type as decides whether the struct is comparable.
func (w *world) structure(t reflect.Type) types.Type {
	var fields []*types.Var
	var tags []string
	for i := range t.NumField() {
		f := t.Field(i)
		var pkg *types.Package
		if f.PkgPath != "" {
			pkg = types.NewPackage(f.PkgPath, "hidden")
		}
		typ := types.Type(types.Typ[types.Int])
		switch {
		case f.IsExported() || f.Anonymous:
			typ = w.typ(f.Type)
		case !f.Type.Comparable():
			typ = types.NewSignatureType(nil, nil, nil, nil, nil, false)
		}
		fields = append(fields, types.NewField(token.NoPos, pkg, f.Name, typ, f.Anonymous))
		tags = append(tags, string(f.Tag))
	}
	return types.NewStruct(fields, tags)
}
