package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"muster/numeric"
)

// A mapping is how the items of a map were dealt to its tasks.
type mapping struct {
	ranges []itemRange // the items of each task
	bare   bool        // a task is a call for one item: its value is no list
}

func newMapResult(what string, m *mapping) *AsyncResult {
	ar := &AsyncResult{what: what, decode: applied, mapped: m}
	ar.combine = func(_ []any, _ []error) ([]any, error) {
		all := make([]any, m.len())
		return all, ar.gather(reflect.ValueOf(all))
	}
	return ar
}

func (m *mapping) len() (n int) {
	for _, s := range m.ranges {
		n += s.len()
	}
	return n
}

// itemsInto is into for the result of a map.
func (ar *AsyncResult) itemsInto(ctx context.Context, dst reflect.Value) error {
	ended := ar.Wait(ctx)
	if ended != nil && !(ar.bound && ar.Ready()) {
		return ended
	}
	n := ar.mapped.len()
	dst.Set(reflect.MakeSlice(dst.Type(), n, n))
	if err := ar.gather(dst); err != nil && ended == nil {
		return callError(ar.what, err)
	}
	return ended
}

// gather stores the values of a map in dst, a slice that has a place for each.
func (ar *AsyncResult) gather(dst reflect.Value) error {
	var missing []MissingItems
	for i, s := range ar.mapped.ranges {
		missing = append(missing, ar.store(i, dst, s)...)
	}
	return mapError(missing)
}

// store puts the values of a task that has ended in the places of a range, and
// returns the places that remain zero.
func (ar *AsyncResult) store(i int, dst reflect.Value, s itemRange) (missing []MissingItems) {
	t := &ar.tasks[i]
	list, err := ar.value(t)
	if err != nil {
		list = t.partial()
	} else if ar.mapped.bare {
		list = []any{list}
	}
	stored := 0
	if list != nil {
		stored, missing = assign(dst, s, list)
		for k := range missing {
			missing[k].Err = valueError(ar.what, t.engine, missing[k].Err)
		}
		if stored >= s.len() && err != nil || stored != s.len() && err == nil {
			err = cmp.Or(err, fmt.Errorf("engine %d returned %d values for %d items", t.engine, stored, s.len()))
			stored, missing = 0, nil // whose values they are cannot be said
		}
	}
	if err != nil {
		for k := stored; k < s.len(); k++ {
			dst.Index(s.low + k*s.step).SetZero()
		}
		missing = append(missing, MissingItems{s.low + stored*s.step, s.high, s.step, err})
	}
	return missing
}

// partial is the list of the values that an engine sent with an error.
func (t *task) partial() any {
	if t.reply == nil || len(t.reply.Buffers) == 0 {
		return nil
	}
	v, _, err := codec.Deserialize(t.reply.Buffers)
	if err != nil {
		return nil // the error that it came with is enough
	}
	return v
}

// assign puts a list of values in the places of a range. It returns how many
// there were, and the places of those that do not fit.
func assign(dst reflect.Value, s itemRange, list any) (n int, unfit []MissingItems) {
	part := reflect.New(dst.Type())
	if numeric.Convert(list, part.Interface()) == nil {
		part = part.Elem()
		if s.step == 1 {
			reflect.Copy(dst.Slice(s.low, s.high), part)
			return part.Len(), nil
		}
		for k := range min(part.Len(), s.len()) {
			dst.Index(s.low + k*s.step).Set(part.Index(k))
		}
		return part.Len(), nil
	}
	items, err := numeric.To[[]any](list)
	if err != nil {
		return s.len(), []MissingItems{{s.low, s.high, s.step, err}}
	}
	for k, v := range items[:min(len(items), s.len())] {
		at := s.low + k*s.step
		if err := numeric.Convert(v, dst.Index(at).Addr().Interface()); err != nil {
			dst.Index(at).SetZero()
			unfit = append(unfit, MissingItems{at, at + 1, 1, err})
		}
	}
	return len(items), unfit
}

// Items yields the values of a map, in the order of the items, each as soon as
// it and those before it are there: one pair for each item, with a *MapError
// where there is no value. When the context ends first, the last pair is its
// cause.
func Items[Out any](ctx context.Context, ar *AsyncResult) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		if ar.mapped == nil {
			_, err := ar.Get(ctx)
			yield(*new(Out), cmp.Or(err, callError(ar.what, errors.New("items: it is no map"))))
			return
		}
		values := make([]Out, ar.mapped.len())
		faults := make(map[int]error)
		task := 0
		for i := range values {
			// A task's first item is the first whose value is not there yet.
			for ranges := ar.mapped.ranges; task < len(ranges) && ranges[task].low == i; task++ {
				if err := ar.waitForTask(ctx, task); err != nil {
					yield(*new(Out), err)
					return
				}
				noteFaults(faults, ar.store(task, reflect.ValueOf(values), ranges[task]))
			}
			if !yield(values[i], itemError(ar.what, i, faults[i])) {
				return
			}
		}
	}
}

// noteFaults notes the errors of missing items, by item.
func noteFaults(faults map[int]error, missing []MissingItems) {
	for _, m := range missing {
		for i := m.Low; i < m.High; i += m.Step {
			faults[i] = m.Err
		}
	}
}
