package hub

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"

	"muster/wire"
)

// An operator makes a test of its argument. Values are as encoding/json has
// them, and times; null is no value, and less or greater than nothing.
type operator func(argument any) (test func(value any) bool, err error)

var operatorsByName = map[string]operator{
	"$eq":     func(arg any) (func(any) bool, error) { return func(v any) bool { return equal(v, arg) }, nil },
	"$ne":     func(arg any) (func(any) bool, error) { return func(v any) bool { return !equal(v, arg) }, nil },
	"$lt":     ordered(func(c int) bool { return c < 0 }),
	"$gt":     ordered(func(c int) bool { return c > 0 }),
	"$lte":    ordered(func(c int) bool { return c <= 0 }),
	"$gte":    ordered(func(c int) bool { return c >= 0 }),
	"$in":     member(true),
	"$nin":    member(false),
	"$all":    all,
	"$mod":    modulo,
	"$exists": exists,
}

func ordered(holds func(int) bool) operator {
	return func(arg any) (func(any) bool, error) {
		if _, ok := compare(arg, arg); !ok {
			return nil, errors.New("want a number, a string or a date")
		}
		return func(v any) bool {
			c, ok := compare(v, arg)
			return ok && holds(c)
		}, nil
	}
}

func member(want bool) operator {
	return func(arg any) (func(any) bool, error) {
		list, ok := arg.([]any)
		if !ok {
			return nil, errors.New("want a list")
		}
		return func(v any) bool {
			return want == slices.ContainsFunc(list, func(x any) bool { return equal(v, x) })
		}, nil
	}
}

// all holds for a list that has every item of the argument.
func all(arg any) (func(any) bool, error) {
	want, ok := arg.([]any)
	if !ok {
		return nil, errors.New("want a list")
	}
	return func(v any) bool {
		have, ok := v.([]any)
		return ok && !slices.ContainsFunc(want, func(x any) bool {
			return !slices.ContainsFunc(have, func(y any) bool { return equal(x, y) })
		})
	}, nil
}

// modulo holds for a number with the given remainder: [divisor, remainder].
func modulo(arg any) (func(any) bool, error) {
	pair, _ := arg.([]any)
	if len(pair) != 2 {
		return nil, errors.New("want [divisor, remainder]")
	}
	divisor, ok1 := pair[0].(float64)
	remainder, ok2 := pair[1].(float64)
	if !ok1 || !ok2 || divisor == 0 {
		return nil, errors.New("want [divisor, remainder]")
	}
	return func(v any) bool {
		n, ok := v.(float64)
		return ok && math.Mod(n, divisor) == remainder
	}, nil
}

func exists(arg any) (func(any) bool, error) {
	want, ok := arg.(bool)
	if !ok {
		return nil, errors.New("want true or false")
	}
	return func(v any) bool { return want == (v != nil) }, nil
}

// plain brings a field's value to the form that arguments have.
func plain(v any) any {
	switch v := v.(type) {
	case wire.Time:
		if v.IsZero() {
			return nil
		}
		return v
	case json.RawMessage:
		var out any
		json.Unmarshal(v, &out) // null when empty: it was checked when it came
		return out
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.String { // ids and queues
		return r.String()
	}
	return v
}

// dates turns strings that are ISO dates into times, in lists too.
func dates(v any) any {
	switch v := v.(type) {
	case string:
		var t wire.Time
		if b, err := json.Marshal(v); err == nil && t.UnmarshalJSON(b) == nil && !t.IsZero() {
			return t
		}
	case []any:
		for i := range v {
			v[i] = dates(v[i])
		}
	}
	return v
}

// compare orders two values of one type.
func compare(a, b any) (int, bool) {
	switch a := a.(type) {
	case float64:
		if b, ok := b.(float64); ok {
			return cmp.Compare(a, b), true
		}
	case string:
		if b, ok := b.(string); ok {
			return cmp.Compare(a, b), true
		}
	case wire.Time:
		if b, ok := b.(wire.Time); ok {
			return a.Compare(b.Time), true
		}
	}
	return 0, false
}

func equal(a, b any) bool {
	if c, ok := compare(a, b); ok {
		return c == 0
	}
	return reflect.DeepEqual(a, b)
}
