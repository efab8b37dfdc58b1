package pickle

import (
	"cmp"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
)

// sortByKey sorts s by its keys as Python's sorted would, and reports whether Python could: it cannot compare, say,
// a str with an int. The order is then still a fixed one.
func sortByKey[T any](s []T, key func(T) any) bool {
	slices.SortFunc(s, func(a, b T) int {
		c, _ := compareKeys(key(a), key(b))
		return c
	})
	for i := range len(s) - 1 {
		if _, ok := compareKeys(key(s[i]), key(s[i+1])); !ok {
			return false
		}
	}
	return true
}

// The kinds of keys that Python compares with each other, in the order given to those that it does not.
const (
	rankNumber = iota
	rankString
	rankBytes
	rankTuple
	rankOther
)

func rank(r reflect.Value) int {
	switch k := r.Kind(); {
	case k == reflect.String:
		return rankString
	case k == reflect.Bool, r.CanInt(), r.CanUint(), r.CanFloat():
		return rankNumber
	case k == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		return rankBytes
	case k == reflect.Array || k == reflect.Slice:
		return rankTuple
	}
	if r.IsValid() && r.Type() == reflect.TypeFor[*big.Int]() {
		return rankNumber
	}
	return rankOther
}

// compareKeys orders two keys; ok tells whether Python would.
func compareKeys(a, b any) (c int, ok bool) {
	if a, ok := a.(string); ok {
		if b, ok := b.(string); ok {
			return strings.Compare(a, b), true
		}
	}
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if rank(x) != rank(y) {
		return cmp.Compare(rank(x), rank(y)), false
	}
	switch rank(x) {
	case rankString:
		return strings.Compare(x.String(), y.String()), true
	case rankBytes:
		return slices.Compare(x.Bytes(), y.Bytes()), true
	case rankNumber:
		if x.CanInt() && y.CanInt() {
			return cmp.Compare(x.Int(), y.Int()), true
		}
		p, q := exact(x), exact(y)
		if p == nil || q == nil { // NaN
			return 0, false
		}
		return p.Cmp(q), true
	case rankTuple:
		for i := range min(x.Len(), y.Len()) {
			if c, ok := compareKeys(x.Index(i).Interface(), y.Index(i).Interface()); c != 0 || !ok {
				return c, ok
			}
		}
		return cmp.Compare(x.Len(), y.Len()), true
	}
	return 0, false
}

// exact is a number of any kind; nil stands for NaN.
func exact(r reflect.Value) *big.Float {
	switch {
	case r.Kind() == reflect.Bool:
		f := new(big.Float)
		if r.Bool() {
			f.SetInt64(1)
		}
		return f
	case r.CanInt():
		return new(big.Float).SetInt64(r.Int())
	case r.CanUint():
		return new(big.Float).SetUint64(r.Uint())
	case r.CanFloat():
		if math.IsNaN(r.Float()) {
			return nil
		}
		return new(big.Float).SetFloat64(r.Float())
	}
	return new(big.Float).SetInt(r.Interface().(*big.Int))
}
