package numeric

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"

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
//   - maps in maps, by key and value; strings in strings, bools in bools; nil in pointers, slices, maps and interfaces;
//   - anything in a variable of its own type, or of an interface that it implements.
//
// Convert panics when dst is not a non-nil pointer. After an error the variable may be partly written.
func Convert(v, dst any) error {
	d := reflect.ValueOf(dst)
	if d.Kind() != reflect.Pointer || d.IsNil() {
		panic(ErrTarget)
	}
	if where, why := assign(d.Elem(), v); why != "" {
		if where != "" {
			where = " at " + where
		}
		return fmt.Errorf("numeric: convert %T to %v%s: %s", v, d.Elem().Type(), where, why)
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
	switch dst.Addr().Interface().(type) {
	case **mat.Dense, **mat.CDense, **mat.VecDense, **Array:
		return assignArray(dst, v)
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
	case k == reflect.Pointer:
		p := reflect.New(typ.Elem())
		if where, why := assign(p.Elem(), v); why != "" {
			return where, why
		}
		dst.Set(p)
		return "", ""
	}
	return "", fmt.Sprintf("a %T is not a %v", v, typ)
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
		return "", fmt.Sprintf("a %T is not an array", v)
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
		return "", fmt.Sprintf("a %T is neither an array nor a slice", v)
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

// row is item i of the first axis: an Array with an axis less, or an item.
func (a *Array) row(i int) any {
	if len(a.shape) == 1 {
		return a.At(i)
	}
	return a.Rows(i, i+1).Reshape(a.shape[1:]...)
}

func assignMap(dst, src reflect.Value) (where, why string) {
	m := reflect.MakeMapWithSize(dst.Type(), src.Len())
	for k, v := range src.Seq2() {
		key, val := reflect.New(dst.Type().Key()).Elem(), reflect.New(dst.Type().Elem()).Elem()
		at := fmt.Sprintf("[%#v]", k)
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

// assignNumber stores a number in a variable of a number type that can hold exactly its value.
func assignNumber(dst reflect.Value, v any) (why string) {
	if a := flatten(v); a != nil && len(a.shape) == 0 && a.elem != nil {
		v = a.At()
	}
	lossy := func() string { return fmt.Sprintf("%v does not fit a %v exactly", v, dst.Type()) }
	if b, ok := v.(*big.Int); ok && b != nil {
		switch {
		case b.IsInt64():
			v = b.Int64()
		case b.IsUint64():
			v = b.Uint64()
		default:
			f, accuracy := new(big.Float).SetInt(b).Float64()
			if accuracy != big.Exact {
				return lossy()
			}
			v = f
		}
	}
	ok := false
	switch src := reflect.ValueOf(v); {
	case src.CanInt():
		ok = setInt(dst, src.Int())
	case src.CanUint():
		ok = setUint(dst, src.Uint())
	case src.CanFloat():
		ok = setFloat(dst, src.Float())
	case src.CanComplex():
		if c := src.Complex(); dst.CanComplex() {
			ok = setComplex(dst, c)
		} else if imag(c) == 0 {
			ok = setFloat(dst, real(c))
		}
	default:
		return fmt.Sprintf("a %T is not a number", v)
	}
	if !ok {
		return lossy()
	}
	return ""
}

func setInt(dst reflect.Value, i int64) bool {
	switch {
	case dst.CanInt():
		if dst.OverflowInt(i) {
			return false
		}
		dst.SetInt(i)
		return true
	case i >= 0:
		return setUint(dst, uint64(i))
	}
	f := float64(i) // i is negative, so f is in the range of int64
	return int64(f) == i && setFloat(dst, f)
}

func setUint(dst reflect.Value, u uint64) bool {
	switch {
	case dst.CanUint():
		if dst.OverflowUint(u) {
			return false
		}
		dst.SetUint(u)
		return true
	case dst.CanInt():
		if u > math.MaxInt64 || dst.OverflowInt(int64(u)) {
			return false
		}
		dst.SetInt(int64(u))
		return true
	}
	f := float64(u)
	return f < 1<<64 && uint64(f) == u && setFloat(dst, f)
}

func setFloat(dst reflect.Value, f float64) bool {
	switch {
	case dst.CanFloat():
		if dst.Type().Size() == 4 && float64(float32(f)) != f && !math.IsNaN(f) {
			return false
		}
		dst.SetFloat(f)
		return true
	case dst.CanComplex():
		return setComplex(dst, complex(f, 0))
	case f != math.Trunc(f) || math.IsInf(f, 0):
		return false
	case dst.CanInt() && f >= -1<<63 && f < 1<<63:
		return setInt(dst, int64(f))
	case dst.CanUint() && f >= 0 && f < 1<<64:
		return setUint(dst, uint64(f))
	}
	return false
}

func setComplex(dst reflect.Value, c complex128) bool {
	exact := func(f float64) bool { return float64(float32(f)) == f || math.IsNaN(f) }
	if dst.Type().Size() == 8 && !(exact(real(c)) && exact(imag(c))) {
		return false
	}
	dst.SetComplex(c)
	return true
}
