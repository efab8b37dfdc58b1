package hub

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"muster/wire"
)

// A Condition is one operator on one field.
type Condition struct {
	Field    *Field
	Operator string
	// Argument is as encoding/json has it; those of dates are of type
	// wire.Time, in lists too.
	Argument any
	test     func(value any) bool
}

// NewCondition makes the condition that a field has a value for which an
// operator ($lt, $in, ...) and its argument hold. The error names what is
// wrong with them.
func NewCondition(f *Field, name string, argument any) (Condition, error) {
	op, ok := operators[name]
	if !ok {
		return Condition{}, fmt.Errorf("unknown operator %q of %q: there are %s", name, f.Name, strings.Join(operatorNames, " "))
	}
	err := op.suits(f.Kind)
	if err == nil && op.values {
		argument, err = typed(f.Kind, argument)
	}
	var test func(any) bool
	if err == nil {
		test, err = op.make(argument)
	}
	if err != nil {
		return Condition{}, fmt.Errorf("operator %s of %q: %w", name, f.Name, err)
	}
	return Condition{f, name, argument, test}, nil
}

// Holds tells whether the condition holds for a value of its field.
func (c *Condition) Holds(value any) bool { return c.test(plain(value)) }

// An operator makes tests of arguments. Values are as encoding/json has them,
// and times; null is no value, and nothing is less or greater than it.
type operator struct {
	make   func(argument any) (test func(value any) bool, err error)
	values bool   // the argument is a value such as the field has, or a list of them
	of     []Kind // fields that it is not for
	wrong  string // with them
}

// suits tells whether the operator is for fields of a kind.
func (op *operator) suits(k Kind) error {
	if slices.Contains(op.of, k) {
		return errors.New(op.wrong)
	}
	return nil
}

var operators = map[string]operator{
	"$eq":     {make: func(arg any) (func(any) bool, error) { return func(v any) bool { return equal(v, arg) }, nil }, values: true},
	"$ne":     {make: func(arg any) (func(any) bool, error) { return func(v any) bool { return !equal(v, arg) }, nil }, values: true},
	"$lt":     ordered(func(c int) bool { return c < 0 }),
	"$gt":     ordered(func(c int) bool { return c > 0 }),
	"$lte":    ordered(func(c int) bool { return c <= 0 }),
	"$gte":    ordered(func(c int) bool { return c >= 0 }),
	"$in":     {make: oneOf(true), values: true},
	"$nin":    {make: oneOf(false), values: true},
	"$all":    {make: all, of: []Kind{Text, Date, Object}, wrong: "it is for lists, which that field never is"},
	"$mod":    {make: modulo, of: []Kind{Text, Date, Object}, wrong: "it is for numbers, which that field never is"},
	"$exists": {make: exists},
	"$glob":   {make: glob, of: []Kind{Date, Object}, wrong: "it is for strings, which that field never is"},
}

var operatorNames = []string{"$eq", "$ne", "$lt", "$gt", "$lte", "$gte", "$in", "$nin", "$all", "$mod", "$exists", "$glob"}

func ordered(holds func(int) bool) operator {
	return operator{values: true, of: []Kind{Object}, wrong: "objects have no order", make: func(arg any) (func(any) bool, error) {
		if _, ok := compare(arg, arg); !ok {
			return nil, errors.New("want a number, a string or a date")
		}
		return func(v any) bool {
			c, ok := compare(v, arg)
			return ok && holds(c)
		}, nil
	}}
}

func oneOf(want bool) func(any) (func(any) bool, error) {
	return func(arg any) (func(any) bool, error) {
		list, ok := arg.([]any)
		if !ok {
			return nil, errors.New("want a list")
		}
		// Long lists are of ids.
		texts := make(map[string]bool)
		var others []any
		for _, x := range list {
			if s, ok := x.(string); ok {
				texts[s] = true
			} else {
				others = append(others, x)
			}
		}
		return func(v any) bool {
			s, ok := v.(string)
			return want == (ok && texts[s] || slices.ContainsFunc(others, func(x any) bool { return equal(v, x) }))
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

// modulo holds for a number with the given remainder, [divisor, remainder],
// which has the divisor's sign as Python has it.
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
		if !ok {
			return false
		}
		rest := math.Mod(n, divisor)
		if rest != 0 && rest < 0 != (divisor < 0) {
			rest += divisor
		}
		return rest == remainder
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
	case json.RawMessage:
		var out any
		json.Unmarshal(v, &out) // null when empty: it was checked when it came
		return out
	}
	return v
}

// typed brings an argument to the type of its field, in lists too, or says that
// it has another: such a query would find nothing, or everything.
func typed(k Kind, arg any) (any, error) {
	switch v := arg.(type) {
	case nil:
		return nil, nil
	case []any:
		if k == Any || k == Object {
			return v, nil
		}
		out := make([]any, len(v))
		for i := range v {
			if _, nested := v[i].([]any); nested {
				return nil, errors.New("want a list of single values")
			}
			var err error
			if out[i], err = typed(k, v[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case string:
		if k != Date {
			return v, nil
		}
		var t wire.Time
		if b, err := json.Marshal(v); err == nil && t.UnmarshalJSON(b) == nil && !t.IsZero() {
			return date(t), nil
		}
		return nil, fmt.Errorf("%q is no date: want one such as 2026-11-20T16:41:07Z", v)
	}
	switch k {
	case Text:
		return nil, fmt.Errorf("%v is no string, as that field is", arg)
	case Date:
		return nil, fmt.Errorf("%v is no date: want one such as \"2026-11-20T16:41:07Z\"", arg)
	}
	return arg, nil
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
