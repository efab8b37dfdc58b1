package client

import (
	"context"
	"fmt"

	"muster/numeric"
	"muster/wire"
)

// A Mapper is a view that maps: a DirectView or a LoadBalancedView.
type Mapper interface {
	View
	Map(ctx context.Context, fn Function, seqs ...any) ([]any, error)
	MapAsync(fn Function, seqs ...any) *AsyncResult
	mapItems(ctx context.Context, fn Function, seqs []any) *AsyncResult
	feeder() feeder
}

// Map is a view's Map for functions whose values are an Out. Numbers go from
// the engines to the slice without a box around each.
func Map[Out any](ctx context.Context, v Mapper, fn Function, seqs ...any) ([]Out, error) {
	return Values[Out](ctx, v.mapItems(ctx, fn, seqs))
}

// Map calls a function on every item of a sequence, or on the items of equal
// place of several, and returns the values in the order of the items. A
// sequence is a slice, a gonum vector or matrix, whose items are its rows, or a
// numeric.Array. Each engine gets one part of the items, as by Scatter, and works
// through it: a block, or with the setting Cyclic every n-th item, which evens
// out items that take the longer the further on they stand. With the setting
// Chunk, chunks of that many items are dealt to the engines in turn.
//
// When a call fails, the rest of its part or chunk is not called. The values
// that are missing are nil, the others are there, and the error is a *MapError
// that says which items are missing, and why.
func (v *DirectView) Map(ctx context.Context, fn Function, seqs ...any) ([]any, error) {
	return v.mapItems(ctx, fn, seqs).Get(ctx)
}

// MapAsync is Map without the wait. The AsyncResult has a value for each item.
func (v *DirectView) MapAsync(fn Function, seqs ...any) *AsyncResult {
	return v.mapItems(context.Background(), fn, seqs)
}

func (v *DirectView) mapItems(ctx context.Context, fn Function, seqs []any) *AsyncResult {
	if v.settings.chunk == 0 {
		return v.rawMap(ctx, fn, seqs)
	}
	return v.deal(ctx, "map", fn, seqs, func(n, _ int) dealing { return chunks(n, v.settings.chunk) })
}

// RawMap is the map of IPython's MultiEngineClient: each engine gets its part of
// every sequence in one message, as Scatter deals it, maps the function over it,
// and the values are gathered into the order of the items. It is Map on a view
// without the setting Chunk.
func (v *DirectView) RawMap(ctx context.Context, fn Function, seqs ...any) ([]any, error) {
	return v.rawMap(ctx, fn, seqs).Get(ctx)
}

// RawMapAsync is RawMap without the wait.
func (v *DirectView) RawMapAsync(fn Function, seqs ...any) *AsyncResult {
	return v.rawMap(context.Background(), fn, seqs)
}

func (v *DirectView) rawMap(ctx context.Context, fn Function, seqs []any) *AsyncResult {
	return v.deal(ctx, "map", fn, seqs, func(n, engines int) dealing {
		if v.settings.cyclic {
			return cyclic(n, min(n, engines))
		}
		return blocks(n, min(n, engines))
	})
}

// deal maps by a dealing of n items to engines.
func (v *DirectView) deal(ctx context.Context, verb string, fn Function, seqs []any, by func(n, engines int) dealing) *AsyncResult {
	what := verb + " " + title(fn)
	n, err := length(seqs)
	if err != nil {
		return failed(what, err)
	}
	targets, err := v.resolve(ctx)
	if err != nil {
		return failed(what, err)
	}
	if n == 0 {
		return nothingMapped(what)
	}
	d := by(n, len(targets))
	ar, requests, err := newMap(what, fn, seqs, d)
	if err != nil {
		return failed(what, err)
	}
	engines := make([]*engine, len(requests))
	for i := range engines {
		engines[i] = targets[i%len(targets)]
	}
	return v.client.direct(ar, v.settings, engines, requests...)
}

// Map calls a function on every item of a sequence, or on the items of equal
// place of several, each as a task of its own, and returns the values in the
// order of the items; with the setting Chunk, a task has that many items. Of
// sequences and of errors it is said at DirectView.Map.
func (v *LoadBalancedView) Map(ctx context.Context, fn Function, seqs ...any) ([]any, error) {
	return v.mapItems(ctx, fn, seqs).Get(ctx)
}

// MapAsync is Map without the wait. The AsyncResult has a value for each item.
func (v *LoadBalancedView) MapAsync(fn Function, seqs ...any) *AsyncResult {
	return v.mapItems(context.Background(), fn, seqs)
}

func (v *LoadBalancedView) mapItems(ctx context.Context, fn Function, seqs []any) *AsyncResult {
	what := "map " + title(fn)
	n, err := length(seqs)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return failed(what, err)
	}
	if n == 0 {
		return nothingMapped(what)
	}
	var ar *AsyncResult
	var requests []*request
	if v.settings.chunk > 0 {
		ar, requests, err = newMap(what, fn, seqs, chunks(n, v.settings.chunk))
	} else {
		ar, requests, err = newItemMap(what, fn, seqs, n)
	}
	if err != nil {
		return failed(what, err)
	}
	ar.bound = ctx.Done() != nil
	return v.start(ar, requests...)
}

// nothingMapped is the result of a map without items.
func nothingMapped(what string) *AsyncResult {
	ar := ready(what, []any{})
	ar.mapped = new(mapping)
	return ar
}

// newMap makes the requests of a map whose tasks have several items each.
func newMap(what string, fn Function, seqs []any, d dealing) (*AsyncResult, []*request, error) {
	if err := signatureOf(fn).takesItems(seqs); err != nil {
		return nil, nil, err
	}
	parts := make([][]any, len(seqs))
	for k, seq := range seqs {
		var err error
		if parts[k], err = d.split(seq); err != nil {
			return nil, nil, err
		}
	}
	requests := make([]*request, len(d.ranges))
	args := make([]any, len(seqs))
	for i := range requests {
		for k := range parts {
			args[k] = parts[k][i]
		}
		var err error
		if requests[i], err = mapRequest(fn, args); err != nil {
			return nil, nil, valueError(what, NoEngine, err)
		}
	}
	return newMapResult(what, &mapping{ranges: d.ranges}), requests, nil
}

// mapRequest has a function mapped over sequences by one engine.
func mapRequest(fn Function, seqs []any) (*request, error) {
	return applyRequest(wire.MapFunction, append([]any{Ref(fn.Name())}, seqs...)...)
}

// newItemMap makes the requests of a map of n items whose tasks are calls.
func newItemMap(what string, fn Function, seqs []any, n int) (*AsyncResult, []*request, error) {
	if err := signatureOf(fn).takesItems(seqs); err != nil {
		return nil, nil, err
	}
	columns := make([][]any, len(seqs))
	for k, seq := range seqs {
		var err error
		if columns[k], err = numeric.To[[]any](seq); err != nil {
			return nil, nil, err
		}
	}
	requests := make([]*request, n)
	args := make([]any, len(seqs))
	for i := range requests {
		for k := range columns {
			args[k] = columns[k][i]
		}
		var err error
		if requests[i], err = applyRequest(fn.Name(), args...); err != nil {
			return nil, nil, valueError(what, NoEngine, fmt.Errorf("item %d: %w", i, err))
		}
	}
	return newMapResult(what, &mapping{ranges: chunks(n, 1).ranges, bare: true}), requests, nil
}
