package numeric

import (
	"encoding"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// Convert stores v, a value as it arrives from an engine, in the variable dst points to, when nothing is lost by
// it:
//
//   - any number in any number type that holds exactly that value, so 3.0 fits an int, while 3.5 and 1<<63 do
//     not, and 0.1 does not fit a float32; NaN fits every float;
//   - arrays, and slices of values, in slices, Go arrays, *mat.Dense, *mat.VecDense, *mat.CDense or *Array, an array
//     of several axes in a slice of slices, all element by element; memory is shared where the element types
//     agree;
//   - maps in maps, by key and value, and in structs, whose fields have the names that encoding/json gives them: a
//     key without a field is an error, a field without a key keeps what it has; slices without equal items in
//     maps to struct{}, which is how sets arrive;
//   - strings in strings and in what reads itself from text, as time.Time does; bools in bools; nil in pointers, slices,
//     maps and interfaces;
//   - anything in a variable of its own type, or of an interface that it implements, and what fits a T in a *T.
//
// An error names both types, and the place inside v when it is not v itself. Convert panics when dst is not a non-nil
// pointer. After an error the variable may be partly written.
func Convert(v, dst any) error {
	d := reflect.ValueOf(dst)
	if d.Kind() != reflect.Pointer || d.IsNil() {
		panic(ErrTarget)
	}
	if where, why := assign(d.Elem(), v); why != "" {
		if where != "" {
			where = " at " + where
		}
		return fmt.Errorf("numeric: convert %s to %s%s: %s", typeText(reflect.TypeOf(v)), typeText(d.Elem().Type()), where, why)
	}
	return nil
}

// To returns v as a T, by the rules of [Convert].
func To[T any](v any) (T, error) {
	var t T
	err := Convert(v, &t)
	return t, err
}

// assign stores v in dst. When it does not fit, why says so in words, and where is the path inside v.
func assign(dst reflect.Value, v any) (where, why string) {
	typ := dst.Type()
	if v == nil {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
			dst.SetZero()
			return "", ""
		}
		return "", "there is no value (None)"
	}
	src := reflect.ValueOf(v)
	if src.Type().AssignableTo(typ) {
		dst.Set(src)
		return "", ""
	}
	switch p := dst.Addr().Interface().(type) {
	case **mat.Dense, **mat.CDense, **mat.VecDense, **Array:
		return assignArray(dst, v)
	case *big.Int:
		return "", assignInteger(p, v)
	case encoding.TextUnmarshaler:
		if src.Kind() == reflect.String {
			if err := p.UnmarshalText([]byte(src.String())); err != nil {
				return "", err.Error()
			}
			return "", ""
		}
	}
	switch k := typ.Kind(); {
	case elementOfKind(k) != nil && k != reflect.Bool:
		return "", assignNumber(dst, v)
	case k == reflect.Bool && src.Kind() == k:
		dst.SetBool(src.Bool())
		return "", ""
	case k == reflect.String && src.Kind() == k:
		dst.SetString(src.String())
		return "", ""
	case k == reflect.Slice || k == reflect.Array:
		return assignItems(dst, v)
	case k == reflect.Map && src.Kind() == k:
		return assignMap(dst, src)
	case k == reflect.Map && src.Kind() == reflect.Slice && typ.Elem() == reflect.TypeFor[struct{}]():
		return assignSet(dst, src)
	case k == reflect.Struct && src.Kind() == reflect.Map && src.Type().Key().Kind() == reflect.String:
		return assignStruct(dst, src)
	case k == reflect.Pointer:
		p := reflect.New(typ.Elem())
		if where, why := assign(p.Elem(), v); why != "" {
			return where, why
		}
		dst.Set(p)
		return "", ""
	}
	return "", aType(src.Type()) + " is not " + aType(typ)
}

// typeText is a type as programs write it, or None for that of nil.
func typeText(t reflect.Type) string {
	if t == nil {
		return "None"
	}
	return strings.ReplaceAll(t.String(), "interface {}", "any")
}

// aType is the text of a type with an article: "an int", "a []string".
func aType(t reflect.Type) string {
	text := typeText(t)
	if strings.Contains("aeiou", text[:1]) && !strings.HasPrefix(text, "u") {
		return "an " + text
	}
	return "a " + text
}

// assignArray stores v in a *mat.Dense, *mat.CDense, *mat.VecDense or *Array.
func assignArray(dst reflect.Value, v any) (where, why string) {
	a := flatten(v)
	if p, ok := dst.Addr().Interface().(**Array); ok && a != nil {
		*p = a
		return "", ""
	}
	axes := 2
	if _, ok := dst.Addr().Interface().(**mat.VecDense); ok {
		axes = 1
	}
	if a != nil && len(a.shape) != axes {
		return "", fmt.Sprintf("the array has shape %v", a.shape)
	}
	if a == nil && axes == 2 {
		return "", aType(reflect.TypeOf(v)) + " is not an array"
	}
	items := v
	if a != nil {
		items = a.Reshape(a.Len())
	}
	switch p := dst.Addr().Interface().(type) {
	case **mat.VecDense:
		var x []float64
		if where, why := assign(reflect.ValueOf(&x).Elem(), items); why != "" {
			return where, why
		}
		*p = new(mat.VecDense)
		if len(x) > 0 {
			*p = mat.NewVecDense(len(x), x)
		}
	case **mat.Dense:
		var x []float64
		if where, why := assign(reflect.ValueOf(&x).Elem(), items); why != "" {
			return where, why
		}
		if *p = new(mat.Dense); len(x) > 0 {
			*p = mat.NewDense(a.shape[0], a.shape[1], x)
		}
	case **mat.CDense:
		var x []complex128
		if where, why := assign(reflect.ValueOf(&x).Elem(), items); why != "" {
			return where, why
		}
		if *p = new(mat.CDense); len(x) > 0 {
			*p = mat.NewCDense(a.shape[0], a.shape[1], x)
		}
	}
	return "", ""
}

// assignItems stores an array or a slice in a slice or a Go array.
func assignItems(dst reflect.Value, v any) (where, why string) {
	src := reflect.ValueOf(v)
	n := 0
	item := func(i int) any { return src.Index(i).Interface() }
	if a := flatten(v); a != nil {
		elem := dst.Type().Elem()
		switch {
		case len(a.shape) == 0:
			return "", "the array has no axes"
		case len(a.shape) > 1 && elem.Kind() != reflect.Slice && elem.Kind() != reflect.Array && elem.Kind() != reflect.Interface:
			return "", fmt.Sprintf("the array has shape %v", a.shape)
		case len(a.shape) == 1 && dst.Kind() == reflect.Slice && a.elem != nil && elementOfKind(elem.Kind()) == a.elem:
			dst.Set(a.sliceOf(elem).Convert(dst.Type()))
			return "", ""
		}
		n = a.shape[0]
		item = func(i int) any { return a.row(i) }
	} else if k := src.Kind(); k == reflect.Slice || k == reflect.Array {
		n = src.Len()
	} else {
		return "", aType(reflect.TypeOf(v)) + " is neither an array nor a slice"
	}
	if dst.Kind() == reflect.Array {
		if n != dst.Len() {
			return "", fmt.Sprintf("%d items do not fill %v", n, dst.Type())
		}
	} else {
		dst.Set(reflect.MakeSlice(dst.Type(), n, n))
	}
	for i := range n {
		if where, why := assign(dst.Index(i), item(i)); why != "" {
			return "[" + strconv.Itoa(i) + "]" + where, why
		}
	}
	return "", ""
}

// row is item i of the first axis: an Array with an axis less, or an item, which
// is an int where Build makes a []int.
func (a *Array) row(i int) any {
	if len(a.shape) == 1 {
		item := a.At(i)
		if n, ok := item.(int64); ok && a.elem == elementOfKind(reflect.Int) {
			return int(n)
		}
		return item
	}
	return a.Rows(i, i+1).Reshape(a.shape[1:]...)
}

func assignMap(dst, src reflect.Value) (where, why string) {
	m := reflect.MakeMapWithSize(dst.Type(), src.Len())
	for k, v := range src.Seq2() {
		key, val := reflect.New(dst.Type().Key()).Elem(), reflect.New(dst.Type().Elem()).Elem()
		at := keyText(k)
		if _, why := assign(key, k.Interface()); why != "" {
			return at, why
		}
		if where, why := assign(val, v.Interface()); why != "" {
			return at + where, why
		}
		m.SetMapIndex(key, val)
	}
	dst.Set(m)
	return "", ""
}

// keyText is the step to the value of a key: ["x"], [3].
func keyText(k reflect.Value) string { return fmt.Sprintf("[%#v]", k) }

// assignSet stores the items of a set, which arrives as a slice, as the keys of a map.
func assignSet(dst, src reflect.Value) (where, why string) {
	set := reflect.MakeMapWithSize(dst.Type(), src.Len())
	for i := range src.Len() {
		key := reflect.New(dst.Type().Key()).Elem()
		if where, why := assign(key, src.Index(i).Interface()); why != "" {
			return "[" + strconv.Itoa(i) + "]" + where, why
		}
		if set.MapIndex(key).IsValid() {
			return "[" + strconv.Itoa(i) + "]", fmt.Sprintf("%v is there twice", key)
		}
		set.SetMapIndex(key, reflect.Zero(dst.Type().Elem()))
	}
	dst.Set(set)
	return "", ""
}
