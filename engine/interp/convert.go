package interp

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"

	"gonum.org/v1/gonum/mat"

	"muster/numeric"
)

// arguments converts what a caller passed to what a function takes. The last
// parameter of a variadic function comes as a slice, as CallSlice wants it.
func arguments(ctx context.Context, name string, t reflect.Type, args []any) ([]reflect.Value, *Error) {
	var in []reflect.Value
	first := 0
	if takesContext(t) {
		in = append(in, reflect.ValueOf(&ctx).Elem())
		first = 1
	}
	fixed := t.NumIn() - first
	if t.IsVariadic() {
		fixed--
	}
	if len(args) < fixed || len(args) > fixed && !t.IsVariadic() {
		return nil, arity(name, t, fixed, len(args))
	}
	for i, a := range args[:fixed] {
		v, err := convert(a, t.In(first+i))
		if err != nil {
			return nil, errorf(TypeError, "call %s: argument %d: %v", name, i+1, err)
		}
		in = append(in, v)
	}
	if t.IsVariadic() {
		rest := reflect.MakeSlice(t.In(t.NumIn()-1), 0, len(args)-fixed)
		for i, a := range args[fixed:] {
			v, err := convert(a, rest.Type().Elem())
			if err != nil {
				return nil, errorf(TypeError, "call %s: argument %d: %v", name, fixed+i+1, err)
			}
			rest = reflect.Append(rest, v)
		}
		in = append(in, rest)
	}
	return in, nil
}

// takesContext tells whether a function's first parameter is its request's
// context.
func takesContext(t reflect.Type) bool {
	return t.NumIn() > 0 && t.In(0) == reflect.TypeFor[context.Context]()
}

func arity(name string, t reflect.Type, want, got int) *Error {
	return errorf(TypeError, "call %s: it takes %d arguments (%v), not %d", name, want, t, got)
}

// convert returns x as a value of type t, when nothing is lost: numbers of
// another size that fit, []any as slices and arrays, map[string]any as maps
// and, by encoding/json's field names, as structs; a value where a pointer to
// one is wanted; matrices and shaped arrays as slices and as each other.
func convert(x any, t reflect.Type) (reflect.Value, error) {
	out := reflect.New(t).Elem()
	return out, convertTo(out, reflect.ValueOf(x))
}

// convertTo stores such a value in a variable that is zero; an invalid one
// stands for nil.
func convertTo(dst, src reflect.Value) error {
	if src.IsValid() {
		return assign(dst, src)
	}
	switch dst.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface, reflect.Func, reflect.Chan:
		return nil
	}
	return fmt.Errorf("cannot use nil as %v", dst.Type())
}

// arrays are the types that convert as package numeric has it, to and from slices and each other.
var arrays = map[reflect.Type]bool{
	reflect.TypeFor[*numeric.Array](): true,
	reflect.TypeFor[*mat.Dense]():     true,
	reflect.TypeFor[*mat.CDense]():    true,
	reflect.TypeFor[*mat.VecDense]():  true,
}

// alike reports whether two slices hold integers of one size, so that they can share their memory.
func alike(a, b reflect.Type) bool {
	if a.Kind() != reflect.Slice || b.Kind() != reflect.Slice || a.Elem().Size() != b.Elem().Size() {
		return false
	}
	switch b.Elem().Kind() {
	case reflect.Int, reflect.Int64:
		return reflect.Zero(a.Elem()).CanInt()
	case reflect.Uint, reflect.Uint64:
		return reflect.Zero(a.Elem()).CanUint()
	}
	return false
}

func assign(dst, src reflect.Value) error {
	for src.Kind() == reflect.Interface && !src.IsNil() {
		src = src.Elem()
	}
	t := dst.Type()
	mismatch := func() error { return fmt.Errorf("cannot use %v as %v", src.Type(), t) }
	if !src.IsValid() || src.Kind() == reflect.Interface {
		dst.SetZero()
		return nil
	}
	if src.Type().AssignableTo(t) {
		dst.Set(src)
		return nil
	}
	if arrays[src.Type()] || arrays[t] || alike(src.Type(), t) {
		return numeric.Convert(src.Interface(), dst.Addr().Interface())
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return assignNumber(dst, src)
	case reflect.String, reflect.Bool:
		if src.Kind() == t.Kind() {
			dst.Set(src.Convert(t))
			return nil
		}
		if t.Kind() == reflect.String && src.Type() == reflect.TypeFor[[]byte]() {
			dst.SetString(string(src.Bytes()))
			return nil
		}
	case reflect.Pointer:
		p := reflect.New(t.Elem())
		if src.Kind() == reflect.Pointer || assign(p.Elem(), src) != nil {
			return mismatch()
		}
		dst.Set(p)
		return nil
	case reflect.Slice, reflect.Array:
		if src.Kind() == reflect.String && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			dst.SetBytes([]byte(src.String()))
			return nil
		}
		if src.Kind() != reflect.Slice && src.Kind() != reflect.Array {
			return mismatch()
		}
		n := src.Len()
		if t.Kind() == reflect.Array && n != t.Len() {
			return fmt.Errorf("cannot use %d elements as %v", n, t)
		}
		if t.Kind() == reflect.Slice {
			dst.Set(reflect.MakeSlice(t, n, n))
		}
		for i := range n {
			if err := assign(dst.Index(i), src.Index(i)); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
		return nil
	case reflect.Map:
		if src.Kind() != reflect.Map {
			return mismatch()
		}
		dst.Set(reflect.MakeMapWithSize(t, src.Len()))
		for it := src.MapRange(); it.Next(); {
			k, v := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			if err := assign(k, it.Key()); err != nil {
				return fmt.Errorf("key %v: %w", it.Key(), err)
			}
			if err := assign(v, it.Value()); err != nil {
				return fmt.Errorf("key %v: %w", it.Key(), err)
			}
			dst.SetMapIndex(k, v)
		}
		return nil
	case reflect.Struct:
		if src.Kind() == reflect.Map {
			return assignStruct(dst, src)
		}
	}
	if src.Type().ConvertibleTo(t) && src.Kind() == t.Kind() {
		dst.Set(src.Convert(t))
		return nil
	}
	return mismatch()
}

// assignNumber stores a number that the destination can hold exactly.
func assignNumber(dst, src reflect.Value) error {
	inexact := fmt.Errorf("cannot use %v (%v) as %v: it would not be the same number", src, src.Type(), dst.Type())
	switch {
	case dst.CanInt():
		switch {
		case src.CanInt() && !dst.OverflowInt(src.Int()):
			dst.SetInt(src.Int())
			return nil
		case src.CanUint() && src.Uint() <= math.MaxInt64 && !dst.OverflowInt(int64(src.Uint())):
			dst.SetInt(int64(src.Uint()))
			return nil
		case src.CanFloat():
			f := src.Float()
			if f == math.Trunc(f) && f >= -1<<63 && f < 1<<63 && !dst.OverflowInt(int64(f)) {
				dst.SetInt(int64(f))
				return nil
			}
			return inexact
		case src.CanInt() || src.CanUint():
			return inexact
		}
	case dst.CanUint():
		switch {
		case src.CanUint() && !dst.OverflowUint(src.Uint()):
			dst.SetUint(src.Uint())
			return nil
		case src.CanInt() && src.Int() >= 0 && !dst.OverflowUint(uint64(src.Int())):
			dst.SetUint(uint64(src.Int()))
			return nil
		case src.CanFloat():
			f := src.Float()
			if f == math.Trunc(f) && f >= 0 && f < 1<<64 && !dst.OverflowUint(uint64(f)) {
				dst.SetUint(uint64(f))
				return nil
			}
			return inexact
		case src.CanInt() || src.CanUint():
			return inexact
		}
	case dst.CanFloat():
		var f float64
		switch {
		case src.CanFloat():
			f = src.Float()
		case src.CanInt():
			f = float64(src.Int())
			if f >= 1<<63 || int64(f) != src.Int() {
				return inexact
			}
		case src.CanUint():
			f = float64(src.Uint())
			if f >= 1<<64 || uint64(f) != src.Uint() {
				return inexact
			}
		default:
			return fmt.Errorf("cannot use %v as %v", src.Type(), dst.Type())
		}
		// A float64 given for a float32 parameter rounds, as a constant would.
		if dst.OverflowFloat(f) {
			return inexact
		}
		dst.SetFloat(f)
		return nil
	case dst.CanComplex():
		if src.CanComplex() && !dst.OverflowComplex(src.Complex()) {
			dst.SetComplex(src.Complex())
			return nil
		}
		var f float64
		if err := assignNumber(reflect.ValueOf(&f).Elem(), src); err == nil {
			dst.SetComplex(complex(f, 0))
			return nil
		}
	}
	return fmt.Errorf("cannot use %v as %v", src.Type(), dst.Type())
}

// assignStruct fills a struct from a map by encoding/json's names; a key with
// no field is an error, for it is most likely misspelt.
func assignStruct(dst, src reflect.Value) error {
	if src.Type().Key().Kind() != reflect.String {
		return fmt.Errorf("cannot use %v as %v", src.Type(), dst.Type())
	}
	fields := map[string]reflect.Value{}
	var index func(v reflect.Value)
	index = func(v reflect.Value) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case !f.IsExported() || key == "-":
			case f.Anonymous && key == "" && f.Type.Kind() == reflect.Struct:
				index(v.Field(i))
			case key != "":
				fields[key] = v.Field(i)
			default:
				if _, taken := fields[f.Name]; !taken {
					fields[f.Name] = v.Field(i)
				}
			}
		}
	}
	index(dst)
	for it := src.MapRange(); it.Next(); {
		key := it.Key().String()
		f, ok := fields[key]
		if !ok {
			for name, v := range fields { // as encoding/json: an exact name first, then any case
				if strings.EqualFold(name, key) {
					f, ok = v, true
				}
			}
		}
		if !ok {
			return fmt.Errorf("%v has no field for key %q", dst.Type(), key)
		}
		if err := assign(f, it.Value()); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
	}
	return nil
}
