package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"unicode"

	"muster/wire"
	"muster/wire/pickle"
)

// isName tells whether a variable can be called so in Go and in Python.
func isName(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

// checkNames checks the names of variables that are to be set or deleted.
func checkNames(names []string) error {
	if len(names) == 0 {
		return errNoName
	}
	for _, name := range names {
		if !isName(name) {
			return fmt.Errorf("%q is no name for a variable", name)
		}
	}
	return nil
}

// named refuses a list of names that is empty or holds an empty one.
func named(names []string) error {
	if len(names) == 0 || slices.Contains(names, "") {
		return errNoName
	}
	return nil
}

var errNoName = errors.New("no name given, or an empty one")

// pushRequest sets variables. Each is serialized by itself, so that the error,
// that of an op, knows which cannot travel.
func pushRequest(op string, vars map[string]any) (*request, error) {
	if len(vars) == 0 {
		return nil, errNoName
	}
	objects, types, err := serializeVariables(op, vars)
	if err != nil {
		return nil, err
	}
	buffers, err := codec.SerializeCall(pickle.Reference{Name: wire.PushFunction}, nil, objects)
	if err != nil {
		return nil, err
	}
	r := &request{msgType: wire.ApplyRequest, metadata: countOutputs, buffers: buffers}
	if len(types) > 0 {
		r.metadata, err = json.Marshal(map[string]any{wire.CountOutputs: true, wire.GoTypes: types})
	}
	return r, err
}

// serializeVariables serializes values by name, and tells the Go types of those
// that have one.
func serializeVariables(op string, vars map[string]any) (objects map[string]any, types map[string]string, err error) {
	if len(vars) == 0 {
		return nil, nil, nil
	}
	names := slices.Sorted(maps.Keys(vars))
	if err := checkNames(names); err != nil {
		return nil, nil, err
	}
	objects, types = make(map[string]any, len(vars)), make(map[string]string)
	for _, name := range names {
		s, err := serialize(vars[name])
		if err != nil {
			return nil, nil, callError(op+" "+name, err)
		}
		objects[name] = pickle.Object(s.frames)
		if s.goType != "" {
			types[name] = s.goType
		}
	}
	return objects, types, nil
}

// pullRequest asks for the list of the values of names, or of expressions.
func pullRequest(names []string) (*request, error) {
	if err := named(names); err != nil {
		return nil, err
	}
	return applyRequest(wire.PullFunction, names)
}

func deleteRequest(names []string) (*request, error) {
	if err := checkNames(names); err != nil {
		return nil, err
	}
	return applyRequest(wire.DeleteFunction, names)
}

// pulled is the list of n values in the answer to a pull.
func pulled(t *task, n int) ([]any, error) {
	v, err := applied(t)
	if err != nil {
		return nil, err
	}
	values, ok := v.([]any)
	if !ok || len(values) != n {
		return nil, fmt.Errorf("a %T instead of a list of %d values", v, n)
	}
	return values, nil
}

// pulledByName are the values in the answer to a pull, by name.
func pulledByName(t *task, names []string) (any, error) {
	values, err := pulled(t, len(names))
	if err != nil {
		return nil, err
	}
	m := make(map[string]any, len(names))
	for i, name := range names {
		m[name] = values[i]
	}
	return m, nil
}

// pulledOne is the value in the answer to a pull of one name.
func pulledOne(t *task) (any, error) {
	values, err := pulled(t, 1)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

func nothing(*task) (any, error) { return nil, nil }

// serialize is a value, which may be a Ref or a Serialized, as it travels.
func serialize(v any) (Serialized, error) {
	if s, ok := v.(Serialized); ok {
		if len(s.frames) == 0 {
			return s, &pickle.PathError{Path: "value", Err: errors.New("the Serialized holds none")}
		}
		return s, nil
	}
	frames, err := codec.Serialize(reference(v))
	return Serialized{frames, wire.GoType(reflect.TypeOf(v))}, unsendable(err)
}
