package engine

import (
	"context"
	"maps"

	"muster/engine/interp"
	"muster/wire/pickle"
)

// propertiesName is what cells know an engine's properties by.
const propertiesName = "properties"

// propertiesKey is the key of the properties in the context of a request.
type propertiesKey struct{}

// Properties returns the properties of the engine that runs a function, given
// the context that the function was called with. They are what the engine is,
// has or has been told to be, by name: any code that the engine runs may read
// and change them, cells as the variable properties, clients by the methods of
// a DirectView. Values should be plain data: numbers, strings, slices, maps, and
// arrays. They are a map without a lock: a goroutine that outlives the request
// which started it must leave them alone. For any other context Properties
// returns nil.
func Properties(ctx context.Context) map[string]any {
	p, _ := ctx.Value(propertiesKey{}).(map[string]any)
	return p
}

func (e *Engine) setProperties(_ context.Context, call pickle.Call) (any, error) {
	values, err := dict("set properties", call)
	maps.Copy(e.properties, values)
	return nil, err
}

func (e *Engine) getProperties(_ context.Context, call pickle.Call) (any, error) {
	names, err := e.propertyNames("properties", call, true)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return interp.Export(e.properties), nil
	}
	values := make(map[string]any, len(names))
	for _, name := range names {
		values[name] = interp.Export(e.properties[name])
	}
	return values, nil
}

func (e *Engine) hasProperties(_ context.Context, call pickle.Call) (any, error) {
	names, err := e.propertyNames("has properties", call, false)
	has := make([]any, len(names))
	for i, name := range names {
		_, has[i] = e.properties[name]
	}
	return has, err
}

func (e *Engine) deleteProperties(_ context.Context, call pickle.Call) (any, error) {
	names, err := e.propertyNames("delete properties", call, true)
	for _, name := range names {
		delete(e.properties, name)
	}
	return nil, err
}

func (e *Engine) clearProperties(context.Context, pickle.Call) (any, error) {
	clear(e.properties)
	return nil, nil
}

// propertyNames are the names that a call is about, all of which must be
// there if it says so.
func (e *Engine) propertyNames(what string, call pickle.Call, there bool) ([]string, error) {
	names, err := nameList(what, call)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, ok := e.properties[name]; !ok && there {
			return nil, userErrorf(KeyError, "'%s'", name) // as Python has it
		}
	}
	return names, nil
}
