package engine

import (
	"context"
	"reflect"

	"muster/numeric"
	"muster/wire"
	"muster/wire/pickle"
)

// delete forgets names.
func (e *Engine) delete(_ context.Context, call pickle.Call) (any, error) {
	names, err := nameList("delete", call)
	if err != nil {
		return nil, err
	}
	return nil, e.ns.Delete(names...)
}

// value returns its argument.
func (e *Engine) value(_ context.Context, call pickle.Call) (any, error) {
	if len(call.Args) != 1 || len(call.Kwargs) > 0 {
		return nil, userErrorf(TypeError, "value: takes one argument, and not %d", len(call.Args)+len(call.Kwargs))
	}
	return call.Args[0], nil
}

// typed gives values the Go types that they had at the client (wire.GoTypes).
// One that does not fit stays what it is.
func typed(values map[string]any, types map[string]string) {
	for name, text := range types {
		v, ok := values[name]
		t, known := wire.ParseGoType(text)
		if _, late := v.(pickle.Reference); !ok || !known || late {
			continue
		}
		if p := reflect.New(t); numeric.Convert(v, p.Interface()) == nil {
			values[name] = p.Elem().Interface()
		}
	}
}
