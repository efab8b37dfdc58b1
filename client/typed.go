package client

import (
	"context"
	"fmt"
	"reflect"

	"muster/numeric"
)

// Values is AsyncResult.Get for values of a Go type: each is converted as
// numeric.Convert does, which is without loss or not at all. Where an engine
// failed or a value does not fit, the zero T stands, and the error says which
// engine and why: of a value that does not fit by a *ValueError, of several
// engines by a *CompositeError.
func Values[T any](ctx context.Context, ar *AsyncResult) ([]T, error) {
	var out []T
	err := ar.into(ctx, reflect.ValueOf(&out).Elem())
	return out, err
}

// into is Values for the type of dst, which is a slice.
func (ar *AsyncResult) into(ctx context.Context, dst reflect.Value) error {
	if ar.mapped != nil {
		return ar.itemsInto(ctx, dst)
	}
	values, err := ar.Get(ctx)
	if values == nil {
		return err
	}
	dst.Set(reflect.MakeSlice(dst.Type(), len(values), len(values)))
	each := ar.combine == nil && len(ar.tasks) == len(values) // a value for each task
	faults := make([]error, len(values))
	misfits := false
	for i, v := range values {
		engine := NoEngine
		if each {
			engine = ar.tasks[i].engine
			_, faults[i] = ar.value(&ar.tasks[i])
		}
		if faults[i] != nil || v == nil && err != nil {
			continue // the engine failed
		}
		if fault := numeric.Convert(v, dst.Index(i).Addr().Interface()); fault != nil {
			if !each {
				fault = fmt.Errorf("value %d of %d: %w", i+1, len(values), fault)
			}
			faults[i], misfits = valueError(ar.what, engine, fault), true
			dst.Index(i).SetZero()
		}
	}
	if !misfits {
		return err
	}
	if !each && err != nil {
		faults = append(faults, err)
	}
	return callError(ar.what, join(faults))
}

// A View is one of the views of this package. The functions that take one give
// as many values as its calls have: one for each target of a DirectView, a
// single one of a LoadBalancedView.
type View interface {
	ApplyAsync(fn Function, args ...any) *AsyncResult
	ExecuteAsync(code string) *AsyncResult
	apply(ctx context.Context, fn Function, args []any) *AsyncResult
	get(ctx context.Context, verb, name string) *AsyncResult
}

// Get pulls a variable, or an expression, as a T from each engine of a view.
func Get[T any](ctx context.Context, v View, name string) ([]T, error) {
	return Values[T](ctx, v.get(ctx, "pull", name))
}

// Call is Apply for functions whose values are a T.
func Call[T any](ctx context.Context, v View, fn Function, args ...any) ([]T, error) {
	return Values[T](ctx, v.apply(ctx, fn, args))
}
