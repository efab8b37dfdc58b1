package client

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"muster/numeric"
)

// Gather is the inverse of Scatter: it joins the blocks that the engines hold
// as the variable name, in the order of the targets. Arrays of one dtype and
// one shape of rows make an array, lists a list; values that are no sequences
// are the items of a []any. On a view with the setting Cyclic the items get the
// places that a cyclic Scatter took them from; with Flatten, an item among
// blocks is a block of one, but items that look like blocks themselves (lists
// among lists) are joined as those.
//
// Blocks that do not fit together are an error that says which engines hold
// what. Beside it, and beside that of an engine that failed, the value is the
// []any of the blocks, nil where there is none.
func (v *DirectView) Gather(ctx context.Context, name string) (any, error) {
	values, err := v.gather(ctx, name).Get(ctx)
	switch {
	case values == nil:
		return nil, err
	case err != nil:
		return values, err
	}
	return values[0], nil
}

// GatherAsync is Gather without the wait. The AsyncResult has one value, the
// joined sequence, or beside an error the blocks.
func (v *DirectView) GatherAsync(name string) *AsyncResult {
	return v.gather(context.Background(), name)
}

func (v *DirectView) gather(ctx context.Context, name string) *AsyncResult {
	ar := v.get(ctx, "gather", name)
	ar.combine = func(blocks []any, errs []error) ([]any, error) {
		err := join(errs)
		if err != nil {
			return blocks, err
		}
		whole, err := v.settings.undeal(blocks, func(i int) EngineID { return ar.tasks[i].engine })
		if err != nil {
			return blocks, err
		}
		return []any{whole}, nil
	}
	return ar
}

// Gather is the method Gather for a sequence of a Go type: []float64, *mat.Dense,
// []Body. A block that does not fit is an error that names its engine.
func Gather[T any](ctx context.Context, v *DirectView, name string) (T, error) {
	var whole T
	ar := v.gather(ctx, name)
	values, err := ar.Get(ctx)
	if err != nil {
		return whole, err
	}
	fault := numeric.Convert(values[0], &whole)
	if fault == nil {
		return whole, nil
	}
	for i := range ar.tasks {
		t := &ar.tasks[i]
		if block, err := ar.value(t); err == nil {
			if _, err := numeric.To[T](block); err != nil {
				return *new(T), valueError(ar.what, t.engine, err)
			}
		}
	}
	return *new(T), valueError(ar.what, NoEngine, fault)
}

// undeal joins the blocks of the engines.
func (s settings) undeal(blocks []any, engine func(i int) EngineID) (any, error) {
	kinds := make([]blockKind, len(blocks))
	if s.flatten {
		blocks = slices.Clone(blocks)
		unflatten(blocks)
	}
	for i, b := range blocks {
		kinds[i] = kindOf(b)
	}
	first := max(0, slices.IndexFunc(kinds, func(k blockKind) bool { return !k.empty }))
	var whole []any // without the empty blocks of another kind, which after a cyclic Scatter are the last
	for i, k := range kinds {
		fits := k.text == kinds[first].text
		if !fits && !k.empty || fits && s.cyclic && len(whole) < i {
			return nil, misfit(kinds, engine)
		}
		if fits {
			whole = append(whole, blocks[i])
		}
	}
	if s.cyclic {
		return numeric.JoinCyclic(whole)
	}
	return numeric.Join(whole)
}

// A blockKind is what blocks must have in common to be joined.
type blockKind struct {
	text  string
	empty bool // a block without items fits to any
}

func kindOf(v any) blockKind {
	if dtype, shape, _, ok := numeric.Flatten(v); ok && len(shape) > 0 {
		k := blockKind{"an array of " + dtype, shape[0] == 0}
		if len(shape) > 1 {
			k.text += fmt.Sprintf(" with rows of shape %v", shape[1:])
		}
		return k
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice && r.Type() != reflect.TypeFor[[]byte]() {
		return blockKind{"a list", r.Len() == 0}
	}
	return blockKind{text: "a value that is no sequence"}
}

// misfit is the error of blocks of several kinds.
func misfit(kinds []blockKind, engine func(i int) EngineID) error {
	var texts []string
	holders := map[string][]EngineID{}
	for i, k := range kinds {
		if holders[k.text] == nil {
			texts = append(texts, k.text)
		}
		holders[k.text] = append(holders[k.text], engine(i))
	}
	for i, text := range texts {
		verb := " hold "
		if len(holders[text]) == 1 {
			verb = " holds "
		}
		texts[i] = engineList(holders[text]) + verb + text
	}
	return fmt.Errorf("the blocks do not fit together: %s", strings.Join(texts, ", "))
}

// unflatten makes blocks of one of the items that stand among blocks: what has
// an axis less than the others.
func unflatten(blocks []any) {
	axes := make([]int, len(blocks))
	arrays := false
	for i, b := range blocks {
		if _, shape, _, ok := numeric.Flatten(b); ok {
			axes[i], arrays = len(shape), arrays || len(shape) > 0
		} else if kindOf(b).text == "a list" {
			axes[i] = 1
		}
	}
	most := slices.Max(axes)
	for i, b := range blocks {
		switch {
		case axes[i] != most-1:
		case most > 1:
			var row *numeric.Array
			if numeric.Convert(b, &row) == nil {
				blocks[i] = row.Reshape(append([]int{1}, row.Shape()...)...)
			}
		case arrays && b != nil:
			one := reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(b)), 1, 1)
			one.Index(0).Set(reflect.ValueOf(b))
			blocks[i] = one.Interface()
		default:
			blocks[i] = []any{b}
		}
	}
}
