package numeric

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
)

// assignNumber stores a number in a variable of a number type that can hold exactly its value.
func assignNumber(dst reflect.Value, v any) (why string) {
	if a := flatten(v); a != nil && len(a.shape) == 0 && a.elem != nil {
		v = a.At()
	}
	lossy := func() string { return fmt.Sprintf("%v does not fit %s exactly", v, aType(dst.Type())) }
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
		return aType(reflect.TypeOf(v)) + " is not a number"
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

// assignInteger stores any whole number.
func assignInteger(dst *big.Int, v any) (why string) {
	switch src := reflect.ValueOf(v); {
	case src.CanInt():
		dst.SetInt64(src.Int())
		return ""
	case src.CanUint():
		dst.SetUint64(src.Uint())
		return ""
	case src.Type() == reflect.TypeFor[*big.Int]() && !src.IsNil():
		dst.Set(v.(*big.Int))
		return ""
	case src.CanFloat():
		if f := src.Float(); f == math.Trunc(f) && !math.IsInf(f, 0) {
			new(big.Float).SetFloat64(f).Int(dst)
			return ""
		}
		return fmt.Sprintf("%v does not fit a big.Int exactly", v)
	}
	return aType(reflect.TypeOf(v)) + " is not a number"
}
