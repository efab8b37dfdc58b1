package client

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// Variables move by two verbs. Push sets variables of the engines, Pull reads
// them, and both have an Async twin. Set, Get, Update and Delete are the same by
// the words of a dictionary: a view is one from names to the values that the
// engines have. Whatever their form, each of their errors is a *ValueError.

// Push sets variables on the engines, by name. Values are numbers, strings,
// slices, maps, structs (as encoding/json sees them), gonum's matrices and
// vectors, numeric.Array, and a Serialized. A variable of a Go engine has the
// type that the value has here, and where the program declared that type, the
// type that it is made of: a struct with the same fields, of which the cells see
// those that travel. A value that cannot travel is a *ValueError, and nothing is
// sent.
func (v *DirectView) Push(ctx context.Context, vars map[string]any) error {
	_, err := v.push(ctx, vars).Get(ctx)
	return err
}

// PushAsync is Push without the wait. The AsyncResult's values are nil.
func (v *DirectView) PushAsync(vars map[string]any) *AsyncResult {
	return v.push(context.Background(), vars)
}

func (v *DirectView) push(ctx context.Context, vars map[string]any) *AsyncResult {
	what := "push " + strings.Join(slices.Sorted(maps.Keys(vars)), ", ")
	r, err := pushRequest("push", vars)
	return v.send(ctx, &AsyncResult{what: what, decode: nothing}, r, err)
}

// Pull returns variables of the engines: for each engine the values by name,
// nil for one that failed. A name may be an expression. See Get for one
// variable as a Go type, and ZipPull for the values by name.
func (v *DirectView) Pull(ctx context.Context, names ...string) ([]map[string]any, error) {
	values, err := v.pull(ctx, names).Get(ctx)
	if values == nil {
		return nil, err
	}
	out := make([]map[string]any, len(values))
	for i, m := range values {
		out[i], _ = m.(map[string]any) // nil where the engine failed
	}
	return out, err
}

// PullAsync is Pull without the wait. The AsyncResult's values are
// map[string]any.
func (v *DirectView) PullAsync(names ...string) *AsyncResult {
	return v.pull(context.Background(), names)
}

func (v *DirectView) pull(ctx context.Context, names []string) *AsyncResult {
	ar := &AsyncResult{what: "pull " + strings.Join(names, ", ")}
	ar.decode = func(t *task) (any, error) { return pulledByName(t, names) }
	r, err := pullRequest(names)
	return v.send(ctx, ar, r, err)
}

// ZipPull is Pull with the values by name: for each variable those of all
// engines, in the order of the targets and nil for engines that failed.
func (v *DirectView) ZipPull(ctx context.Context, names ...string) (map[string][]any, error) {
	columns, err := v.zipPull(ctx, names).Get(ctx)
	if columns == nil {
		return nil, err
	}
	out := make(map[string][]any, len(names))
	for i, name := range names {
		out[name] = columns[i].([]any)
	}
	return out, err
}

// ZipPullAsync is ZipPull without the wait. The AsyncResult has a value for each
// name, in the order of the arguments: the []any of all engines.
func (v *DirectView) ZipPullAsync(names ...string) *AsyncResult {
	return v.zipPull(context.Background(), names)
}

func (v *DirectView) zipPull(ctx context.Context, names []string) *AsyncResult {
	ar := v.pull(ctx, names)
	ar.combine = func(values []any, errs []error) ([]any, error) {
		columns := make([]any, len(names))
		for k, name := range names {
			column := make([]any, len(values))
			for i, m := range values {
				if m, ok := m.(map[string]any); ok {
					column[i] = m[name]
				}
			}
			columns[k] = column
		}
		return columns, join(errs)
	}
	return ar
}

// Set is Push of one variable.
func (v *DirectView) Set(ctx context.Context, name string, value any) error {
	return v.Push(ctx, map[string]any{name: value})
}

// SetAsync is Set without the wait. The AsyncResult's values are nil.
func (v *DirectView) SetAsync(name string, value any) *AsyncResult {
	return v.PushAsync(map[string]any{name: value})
}

// Update is Push, as a dictionary has it.
func (v *DirectView) Update(ctx context.Context, vars map[string]any) error { return v.Push(ctx, vars) }

// Get returns one variable, or the value of an expression, of each engine: the
// bare values, in the order of the targets. The function Get returns them as
// values of a Go type.
func (v *DirectView) Get(ctx context.Context, name string) ([]any, error) {
	return v.get(ctx, "pull", name).Get(ctx)
}

// GetAsync is Get without the wait.
func (v *DirectView) GetAsync(name string) *AsyncResult {
	return v.get(context.Background(), "pull", name)
}

// get pulls one variable; the values are bare.
func (v *DirectView) get(ctx context.Context, verb, name string) *AsyncResult {
	r, err := pullRequest([]string{name})
	return v.send(ctx, &AsyncResult{what: verb + " " + name, decode: pulledOne}, r, err)
}

// Delete makes the engines forget variables, and gives back their memory. On an
// engine where one is not defined the others go, and the error is a NameError.
func (v *DirectView) Delete(ctx context.Context, names ...string) error {
	_, err := v.delete(ctx, names).Get(ctx)
	return err
}

// DeleteAsync is Delete without the wait. The AsyncResult's values are nil.
func (v *DirectView) DeleteAsync(names ...string) *AsyncResult {
	return v.delete(context.Background(), names)
}

func (v *DirectView) delete(ctx context.Context, names []string) *AsyncResult {
	r, err := deleteRequest(names)
	return v.send(ctx, &AsyncResult{what: "delete " + strings.Join(names, ", "), decode: nothing}, r, err)
}
