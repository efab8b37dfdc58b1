package client

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"muster/numeric"
	"muster/wire"
)

// Map calls a function on every item of a sequence, or on the items of equal
// place of several, and returns the values in the order of the items. Each
// engine gets one block of the items, as by Scatter, and works through it. The
// items of a block on which an engine failed are nil.
func (v *DirectView) Map(ctx context.Context, fn Function, seqs ...any) ([]any, error) {
	return v.mapBlocks(ctx, fn, seqs).Get(ctx)
}

// MapAsync is Map without the wait. The AsyncResult has a value for each item.
func (v *DirectView) MapAsync(fn Function, seqs ...any) *AsyncResult {
	return v.mapBlocks(context.Background(), fn, seqs)
}

func (v *DirectView) mapBlocks(ctx context.Context, fn Function, seqs []any) *AsyncResult {
	ar := &AsyncResult{what: "map " + fn.Name()}
	n, err := length(seqs)
	if err != nil {
		return failed(ar.what, err)
	}
	engines, err := v.resolve(ctx)
	if err != nil {
		return failed(ar.what, err)
	}
	engines = engines[:min(n, len(engines))] // the others would get nothing
	if n == 0 {
		return ready(ar.what, []any{})
	}
	blocks, err := deal(seqs, len(engines))
	if err != nil {
		return failed(ar.what, err)
	}
	requests := make([]*request, len(blocks))
	sizes := make([]int, len(blocks))
	for i, block := range blocks {
		if requests[i], err = applyRequest(wire.MapFunction, append([]any{Ref(fn.Name())}, block...)...); err != nil {
			return failed(ar.what, err)
		}
		low, high := numeric.Bounds(i, len(blocks), n)
		sizes[i] = high - low
	}
	ar.decode = applied
	ar.combine = func(values []any, errs []error) ([]any, error) {
		all := make([]any, 0, n)
		for i, v := range values {
			block := make([]any, sizes[i])
			if errs[i] == nil {
				var got []any
				if got, errs[i] = numeric.To[[]any](v); errs[i] == nil && len(got) != sizes[i] {
					errs[i] = fmt.Errorf("engine %d returned %d values for %d items", engines[i].id, len(got), sizes[i])
				} else {
					copy(block, got)
				}
			}
			all = append(all, block...)
		}
		return all, join(errs)
	}
	return v.client.start(ar, v.client.mux, engines, requests...)
}

// deal splits each sequence into n blocks: blocks[i] holds block i of each.
func deal(seqs []any, n int) (blocks [][]any, err error) {
	blocks = make([][]any, n)
	for _, seq := range seqs {
		parts, err := numeric.Split(seq, n)
		if err != nil {
			return nil, err
		}
		for i, p := range parts {
			blocks[i] = append(blocks[i], p)
		}
	}
	return blocks, nil
}

// length returns how many items each of the sequences has.
func length(seqs []any) (int, error) {
	if len(seqs) == 0 {
		return 0, errors.New("no sequence given")
	}
	n := -1
	for i, seq := range seqs {
		var l int
		if _, shape, _, ok := numeric.Flatten(seq); ok && len(shape) > 0 {
			l = shape[0]
		} else if r := reflect.ValueOf(seq); r.Kind() == reflect.Slice {
			l = r.Len()
		} else {
			return 0, fmt.Errorf("a %T is no sequence", seq)
		}
		if i > 0 && l != n {
			return 0, fmt.Errorf("sequences of %d and %d items", n, l)
		}
		n = l
	}
	return n, nil
}
