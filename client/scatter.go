package client

import (
	"context"
	"fmt"

	"muster/numeric"
)

// Scatter deals the items of a sequence to the engines, and sets what each gets
// as the variable name: the rows of a matrix or an array, the elements of a
// vector or of any slice. The blocks are consecutive items, as even as they can
// be (numeric.Bounds), and each travels as a view of the sequence's memory.
//
// On a view with the setting Cyclic the items are dealt like cards; with
// Flatten, a block of one item is that item. Fewer items than engines are
// ErrFewItems, unless the setting AllowEmpty says that engines may get an empty
// block.
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
	blocks, err := v.settings.deal(seq, len(engines))
	if err != nil {
		return failed(ar.what, err)
	}
	requests := make([]*request, len(blocks))
	for i, block := range blocks {
		if ctx.Err() != nil {
			return failed(ar.what, context.Cause(ctx))
		}
		if requests[i], err = pushRequest("scatter", map[string]any{name: block}); err != nil {
			return failed(ar.what, err)
		}
	}
	return v.client.direct(ar, v.settings, engines, requests...)
}

// deal splits a sequence into n blocks.
func (s settings) deal(seq any, n int) ([]any, error) {
	items, ok := numeric.Len(seq)
	if ok && items < n && !s.allowEmpty {
		return nil, fmt.Errorf("%w: %d for %d (take as many engines as items, or AllowEmpty)", ErrFewItems, items, n)
	}
	split := numeric.Split
	if s.cyclic {
		split = numeric.SplitCyclic
	}
	blocks, err := split(seq, n)
	if err != nil || !s.flatten {
		return blocks, err
	}
	for i, block := range blocks {
		if n, _ := numeric.Len(block); n == 1 {
			blocks[i] = numeric.Item(block, 0)
		}
	}
	return blocks, nil
}
