package client

import (
	"context"

	"muster/numeric"
)

// Scatter deals the items of a sequence to the engines in consecutive blocks,
// as even as they can be, and sets each block as the variable name: the rows
// of a matrix or an array, the elements of a vector or of any slice. With
// fewer items than engines the last engines get empty blocks.
func (v *DirectView) Scatter(ctx context.Context, name string, seq any) error {
	_, err := v.scatter(ctx, name, seq).Get(ctx)
	return err
}

// ScatterAsync is Scatter without the wait. The AsyncResult's values are nil.
func (v *DirectView) ScatterAsync(name string, seq any) *AsyncResult {
	return v.scatter(context.Background(), name, seq)
}

func (v *DirectView) scatter(ctx context.Context, name string, seq any) *AsyncResult {
	ar := &AsyncResult{what: "scatter " + name, decode: nothing}
	engines, err := v.resolve(ctx)
	if err != nil {
		return failed(ar.what, err)
	}
	parts, err := numeric.Split(seq, len(engines))
	if err != nil {
		return failed(ar.what, err)
	}
	requests := make([]*request, len(parts))
	for i, part := range parts {
		if requests[i], err = pushRequest(map[string]any{name: part}); err != nil {
			return failed(ar.what, err)
		}
	}
	return v.client.start(ar, v.client.mux, engines, requests...)
}

// Gather is the inverse of Scatter: it joins the blocks that the engines hold
// as the variable name, in the order of the targets.
func (v *DirectView) Gather(ctx context.Context, name string) (any, error) {
	values, err := v.gather(ctx, name).Get(ctx)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

// GatherAsync is Gather without the wait. The AsyncResult has one value, the
// joined sequence.
func (v *DirectView) GatherAsync(name string) *AsyncResult {
	return v.gather(context.Background(), name)
}

func (v *DirectView) gather(ctx context.Context, name string) *AsyncResult {
	ar := v.get(ctx, "gather", name)
	ar.combine = func(parts []any, errs []error) ([]any, error) {
		if err := join(errs); err != nil {
			return nil, err
		}
		whole, err := numeric.Join(parts)
		return []any{whole}, err
	}
	return ar
}
