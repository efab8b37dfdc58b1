package engine

import (
	"context"
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strings"

	"muster/wire"
	"muster/wire/pickle"
)

// A helper is a function that every engine has: what clients do to a namespace
// besides running code in it (package wire says what each takes and returns).
// The references among its arguments are resolved.
type helper func(e *Engine, ctx context.Context, call pickle.Call) (any, error)

// helpers are the helpers by the expressions that clients call them by.
var helpers = map[string]helper{
	wire.PushFunction:             (*Engine).push,
	wire.PullFunction:             (*Engine).pull,
	wire.DeleteFunction:           (*Engine).delete,
	wire.ValueFunction:            (*Engine).value,
	wire.MapFunction:              (*Engine).mapCalls,
	wire.KeysFunction:             (*Engine).keys,
	wire.ImportFunction:           (*Engine).imports,
	wire.DefineFunction:           (*Engine).define,
	wire.SourceFunction:           (*Engine).source,
	wire.SetPropertiesFunction:    (*Engine).setProperties,
	wire.PropertiesFunction:       (*Engine).getProperties,
	wire.HasPropertiesFunction:    (*Engine).hasProperties,
	wire.DeletePropertiesFunction: (*Engine).deleteProperties,
	wire.ClearPropertiesFunction:  (*Engine).clearProperties,
}

// pickledHelper is what a function of Python's client does, by its name in
// package wire: push and pull are functions of modules that move between
// versions, map is the one lambda of its module. For any other function it is
// empty.
func pickledHelper(f pickle.Function) string {
	switch {
	case !strings.HasPrefix(f.Module, "ipyparallel."):
		return ""
	case f.Name == "_push":
		return wire.PushFunction
	case f.Name == "_pull":
		return wire.PullFunction
	case f.Module == "ipyparallel.client.remotefunction" && (f.Name == "<lambda>" || f.Name == "_map"):
		return wire.MapFunction
	}
	return ""
}

// push binds names to values, all of them or, at the first that cannot be, those before it.
func (e *Engine) push(_ context.Context, call pickle.Call) (any, error) {
	if len(call.Args) > 0 {
		return nil, userErrorf(TypeError, "push: takes values by name, not by position")
	}
	for name, v := range call.Kwargs {
		if !token.IsIdentifier(name) {
			return nil, userErrorf(NameError, "push: %q is no Go identifier", name)
		}
		if err := e.ns.Set(name, v); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// pull returns the value of one name or expression, or of a list of them.
func (e *Engine) pull(ctx context.Context, call pickle.Call) (any, error) {
	if len(call.Args) == 1 {
		if expr, single := call.Args[0].(string); single {
			return e.lookup(ctx, expr)
		}
	}
	names, err := nameList("pull", call)
	if err != nil {
		return nil, err
	}
	values := make([]any, len(names))
	for i, name := range names {
		if values[i], err = e.lookup(ctx, name); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// keys returns the names that users have defined.
func (e *Engine) keys(context.Context, pickle.Call) (any, error) { return e.ns.Names(), nil }

// imports imports packages, for the cells to come.
func (e *Engine) imports(ctx context.Context, call pickle.Call) (any, error) {
	paths, err := nameList("import", call)
	if err != nil {
		return nil, err
	}
	var cell strings.Builder
	for _, path := range paths {
		fmt.Fprintf(&cell, "import %q\n", path)
	}
	_, _, err = e.ns.Exec(ctx, "import", cell.String())
	return nil, err
}

// define defines functions from their sources, all of them or, at the first
// that cannot be, those before it in the order of their names.
func (e *Engine) define(ctx context.Context, call pickle.Call) (any, error) {
	sources, err := dict("push function", call)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		source, ok := sources[name].(string)
		if !ok {
			return nil, userErrorf(TypeError, "push function: the source of %s is a %T, not a string", name, sources[name])
		}
		if err := e.ns.Define(ctx, name, source); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// source returns the sources of functions.
func (e *Engine) source(_ context.Context, call pickle.Call) (any, error) {
	names, err := nameList("pull function", call)
	if err != nil {
		return nil, err
	}
	sources := make([]string, len(names))
	for i, name := range names {
		if sources[i], err = e.ns.Source(name); err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// dict is the one argument of some helpers, values by name.
func dict(what string, call pickle.Call) (map[string]any, error) {
	if len(call.Args) == 1 && len(call.Kwargs) == 0 {
		if m, ok := call.Args[0].(map[string]any); ok {
			return m, nil
		}
	}
	return nil, userErrorf(TypeError, "%s: takes one argument, a dict by name", what)
}

// nameList is the one argument of many helpers, a list of strings.
func nameList(what string, call pickle.Call) ([]string, error) {
	if len(call.Args) != 1 || len(call.Kwargs) > 0 {
		return nil, userErrorf(TypeError, "%s: takes one argument, names, and not %d", what, len(call.Args)+len(call.Kwargs))
	}
	var list []any
	switch keys := call.Args[0].(type) {
	case []any:
		list = keys
	case pickle.Tuple:
		list = keys
	case pickle.Set:
		list = keys
	default:
		return nil, userErrorf(TypeError, "%s: names are a list of strings, not %T", what, keys)
	}
	names := make([]string, len(list))
	for i, n := range list {
		name, ok := n.(string)
		if !ok {
			return nil, userErrorf(TypeError, "%s: names are strings, not %T", what, n)
		}
		names[i] = name
	}
	return names, nil
}
