package interp

import (
	"go/token"
	"go/types"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

func isKeyword(s string) bool { return token.IsKeyword(s) }

// maxDepth bounds the nesting of exported values: one that contains itself is
// cut there.
const maxDepth = 64

// Export returns a value that a cell may have stored in an any, or in what
// Declare was given, as plain data, as Get returns it.
func Export(v any) any { return dynamic(v, 0) }

// export returns a value of the namespace as plain Go data. A type that a
// cell declared has no Go type outside of it, so structs become maps.
func export(t types.Type, v reflect.Value) any { return exported(t, v, 0) }

func exported(t types.Type, v reflect.Value, depth int) any {
	if !v.IsValid() || depth > maxDepth {
		return nil
	}
	t = types.Unalias(t)
	if !interpreted(t, 0) {
		return v.Interface()
	}
	switch u := t.Underlying().(type) {
	case *types.Interface:
		if v.Kind() == reflect.Interface && v.IsNil() {
			return nil
		}
		return dynamic(v.Interface(), depth)
	case *types.Pointer:
		if v.IsNil() {
			return nil
		}
		return exported(u.Elem(), v.Elem(), depth+1)
	case *types.Struct:
		out := map[string]any{}
		for i := range u.NumFields() {
			addField(out, u.Field(i).Name(), u.Tag(i), u.Field(i).Embedded(), v.Field(i), func() any {
				return exported(u.Field(i).Type(), v.Field(i), depth+1)
			})
		}
		return out
	case *types.Slice, *types.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return nil
		}
		elem := u.(interface{ Elem() types.Type }).Elem()
		out := make([]any, v.Len())
		for i := range out {
			out[i] = exported(elem, v.Index(i), depth+1)
		}
		return out
	case *types.Map:
		return exportMap(v, func(k reflect.Value) any { return exported(u.Key(), k, depth+1) },
			func(e reflect.Value) any { return exported(u.Elem(), e, depth+1) })
	}
	return v.Interface()
}

// interpreted reports whether values of a type hold, or may hold, structs or
// interfaces of the interpreter's own.
func interpreted(t types.Type, depth int) bool {
	if depth > 8 {
		return true
	}
	t = types.Unalias(t)
	if n, ok := t.(*types.Named); ok && (n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != "main") {
		return types.IsInterface(n)
	}
	switch u := t.Underlying().(type) {
	case *types.Interface, *types.Struct:
		return true
	case *types.Map:
		return interpreted(u.Key(), depth+1) || interpreted(u.Elem(), depth+1)
	case *types.Pointer:
		return interpreted(u.Elem(), depth+1)
	case *types.Slice:
		return interpreted(u.Elem(), depth+1)
	case *types.Array:
		return interpreted(u.Elem(), depth+1)
	}
	return false
}

func exportMap(v reflect.Value, key, elem func(reflect.Value) any) any {
	if v.IsNil() {
		return nil
	}
	if v.Type().Key().Kind() == reflect.String {
		out := make(map[string]any, v.Len())
		for it := v.MapRange(); it.Next(); {
			out[it.Key().String()] = elem(it.Value())
		}
		return out
	}
	out := make(map[any]any, v.Len())
	for it := v.MapRange(); it.Next(); {
		k := key(it.Key())
		if k != nil && !reflect.TypeOf(k).Comparable() {
			k = it.Key().Interface()
		}
		out[k] = elem(it.Value())
	}
	return out
}

// addField puts a struct field where encoding/json would.
func addField(out map[string]any, name, tag string, embedded bool, v reflect.Value, value func() any) {
	jsonTag := reflect.StructTag(tag).Get("json")
	if !token.IsExported(name) || jsonTag == "-" {
		return
	}
	key, opts, _ := strings.Cut(jsonTag, ",")
	if strings.Contains(","+opts+",", ",omitempty,") && v.IsZero() {
		return
	}
	x := value()
	if inner, ok := x.(map[string]any); ok && embedded && key == "" {
		for k, e := range inner {
			if _, taken := out[k]; !taken {
				out[k] = e
			}
		}
		return
	}
	if key == "" {
		key = name
	}
	out[key] = x
}

// dynamic exports a value of which only the dynamic type is known.
func dynamic(x any, depth int) any {
	x, _ = unwrapInterface(x)
	if x == nil || depth > maxDepth {
		return nil
	}
	v := reflect.ValueOf(x)
	switch t := v.Type(); {
	case t.Kind() == reflect.Struct && t.Name() == "":
		out := map[string]any{}
		for i := range t.NumField() {
			f := t.Field(i)
			if r, _ := utf8.DecodeRuneInString(strings.TrimPrefix(f.Name, "X")); f.Name[0] == 'X' && unicode.IsLower(r) {
				continue // how yaegi spells a field that is not exported
			}
			addField(out, f.Name, string(f.Tag), f.Anonymous, v.Field(i), func() any { return dynamic(v.Field(i).Interface(), depth+1) })
		}
		return out
	case t.Kind() == reflect.Pointer && t.Name() == "" && t.Elem().Kind() == reflect.Struct && t.Elem().Name() == "":
		if v.IsNil() {
			return nil
		}
		return dynamic(v.Elem().Interface(), depth+1)
	case (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t.Name() == "" && holdsAny(t.Elem()):
		if t.Kind() == reflect.Slice && v.IsNil() {
			return x
		}
		out := make([]any, v.Len())
		for i := range out {
			out[i] = dynamic(v.Index(i).Interface(), depth+1)
		}
		return out
	case t.Kind() == reflect.Map && t.Name() == "" && holdsAny(t.Elem()):
		return exportMap(v, reflect.Value.Interface, func(e reflect.Value) any { return dynamic(e.Interface(), depth+1) })
	}
	return x
}

func holdsAny(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Struct:
		return t.Name() == ""
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return t.Name() == "" && holdsAny(t.Elem())
	}
	return false
}

// unwrap takes a panic's value out of what yaegi wraps it in.
func unwrap(x any) any {
	if v, ok := x.(reflect.Value); ok {
		if !v.IsValid() || !v.CanInterface() {
			return nil
		}
		x = v.Interface()
	}
	x, _ = unwrapInterface(x)
	return x
}

// unwrapInterface undoes yaegi's representation of a value of an interpreted
// type in an interface: a struct of its own, not exported, with the value in
// field value.
func unwrapInterface(x any) (any, bool) {
	wrapped := false
	for {
		v := reflect.ValueOf(x)
		if !v.IsValid() || v.Kind() != reflect.Struct || v.Type().Name() != "valueInterface" || !strings.HasSuffix(v.Type().PkgPath(), "yaegi/interp") {
			return x, wrapped
		}
		wrapped = true
		p := reflect.New(v.Type()).Elem()
		p.Set(v)
		f := p.FieldByName("value")
		if !f.IsValid() || f.Type() != reflect.TypeFor[reflect.Value]() {
			return x, wrapped
		}
		inner := *(*reflect.Value)(unsafe.Pointer(f.UnsafeAddr()))
		if !inner.IsValid() || !inner.CanInterface() {
			return nil, wrapped
		}
		x = inner.Interface()
	}
}
