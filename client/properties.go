package client

import (
	"context"
	"maps"
	"slices"
	"strings"

	"muster/wire"
)

// SetProperties sets properties of the engines, and leaves their others as they
// are. Properties are what is known of an engine, by name: what it has, what
// it is good for, what it has been told. Code that an engine runs sees them as
// the map (on Python engines, the dict) properties, and may change them as well;
// compiled functions by engine.Properties. They outlive Clear, and end with the
// engine's process. Values are plain data, as for Push. A Python engine has
// properties from the first call of this family on.
func (v *DirectView) SetProperties(ctx context.Context, values map[string]any) error {
	what := "set properties " + strings.Join(slices.Sorted(maps.Keys(values)), ", ")
	_, err := v.help(ctx, what, wire.SetPropertiesFunction, values).Get(ctx)
	return err
}

// Properties returns properties of each engine by name: those named, each of
// which must be there, or all of them.
func (v *DirectView) Properties(ctx context.Context, names ...string) ([]map[string]any, error) {
	return Values[map[string]any](ctx, v.properties(ctx, "properties", wire.PropertiesFunction, names))
}

// HasProperties tells for each engine which of the named properties it has, in
// the order of the names.
func (v *DirectView) HasProperties(ctx context.Context, names ...string) ([][]bool, error) {
	return Values[[]bool](ctx, v.properties(ctx, "has properties", wire.HasPropertiesFunction, names))
}

// DeleteProperties deletes the named properties of the engines. An engine that
// lacks one of them deletes none, and its error is a KeyError.
func (v *DirectView) DeleteProperties(ctx context.Context, names ...string) error {
	_, err := v.properties(ctx, "delete properties", wire.DeletePropertiesFunction, names).Get(ctx)
	return err
}

// ClearProperties deletes all properties of the engines.
func (v *DirectView) ClearProperties(ctx context.Context) error {
	_, err := v.help(ctx, "clear properties", wire.ClearPropertiesFunction).Get(ctx)
	return err
}

func (v *DirectView) properties(ctx context.Context, what, fn string, names []string) *AsyncResult {
	if names == nil {
		names = []string{}
	}
	return v.help(ctx, strings.TrimSpace(what+" "+strings.Join(names, ", ")), fn, names)
}
