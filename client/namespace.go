package client

import (
	"context"
	"strings"

	"muster/wire"
)

// Keys returns the names that users have defined in the namespace of each
// engine, sorted: variables, functions and types, and modules on Python engines.
func (v *DirectView) Keys(ctx context.Context) ([][]string, error) {
	return Values[[]string](ctx, v.help(ctx, "keys", wire.KeysFunction))
}

// Import imports packages on the engines, by their paths: Go's ("math/rand",
// "gonum.org/v1/gonum/stat"), of which Go engines have the standard library, gonum
// and what is compiled into them, or the names of Python's modules.
func (v *DirectView) Import(ctx context.Context, paths ...string) error {
	_, err := v.imports(ctx, paths).Get(ctx)
	return err
}

// ImportAsync is Import without the wait. The AsyncResult's values are nil.
func (v *DirectView) ImportAsync(paths ...string) *AsyncResult {
	return v.imports(context.Background(), paths)
}

func (v *DirectView) imports(ctx context.Context, paths []string) *AsyncResult {
	what := "import " + strings.Join(paths, ", ")
	if err := named(paths); err != nil {
		return failed(what, err)
	}
	return v.help(ctx, what, wire.ImportFunction, paths)
}

// help calls a helper of the engines (package wire).
func (v *DirectView) help(ctx context.Context, what, fn string, args ...any) *AsyncResult {
	r, err := applyRequest(fn, args...)
	return v.send(ctx, &AsyncResult{what: what, decode: applied}, r, err)
}
