package client

import (
	"context"
	"fmt"
	"iter"
	"reflect"
)

// Args, as an item of MapSeq, are the arguments of one call: so a function of
// several is mapped.
type Args []any

// MapSeq is a map over a sequence that need not end, or fit in memory: it pulls
// items while values are taken from it, and sends each as a task of its own, or
// chunks of them with the setting Chunk. It yields one pair for each item, in the
// order of the items, or as they come with the setting Unordered: the value, or
// why there is none, a *MapError that says which item it was, counted from 0.
// After an error it goes on, unless the consumer breaks out.
//
// At most Outstanding chunks are under way: sent, and their values not yet all
// taken. That is also all that is kept in memory, and why in order a chunk that
// takes long holds up those far behind it. A LoadBalancedView leaves the choice of
// the engine to the scheduler. A DirectView sends a chunk to that engine of its
// targets which has the fewest of this map's; engines that die fail their chunks,
// or with the setting Retries have them sent to others, and get no more, and when
// none is left the map ends with an error.
//
// Everything happens in the goroutine of the consumer: items is called between
// the rounds of the loop, and while it blocks no value is yielded. When the
// context ends, the last pair is its cause. However the loop is left, nothing
// more is pulled, and the engines are asked to skip what they have not begun; the
// tasks of a LoadBalancedView are cancelled, also where they run, and when the
// context has ended the error says where they were.
func MapSeq[Out, In any](ctx context.Context, view Mapper, fn Function, items iter.Seq[In]) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		s := newFlow(view.feeder(), fn)
		defer s.abort()
		// take yields what has come, and waits for more while more than limit
		// chunks are under way. It tells whether to go on.
		take := func(limit int) bool {
			for {
				c, err := s.next(ctx, len(s.sent) > limit)
				switch {
				case err != nil:
					yield(*new(Out), err)
					return false
				case c == nil:
					return true
				}
				values := make([]Out, c.items.len())
				faults := c.unpack(reflect.ValueOf(values))
				for k, v := range values {
					if !yield(v, itemError(s.what, c.items.low+k, faults[k])) {
						return false
					}
				}
			}
		}
		if !take(0) {
			return // the context has ended
		}
		var failed error
		chunk := make([]In, 0, s.size)
		send := func() error {
			args, err := arguments(chunk, s.size == 1)
			return s.send(len(chunk), args, err)
		}
		for item := range items {
			chunk = append(chunk, item)
			if ctx.Err() == nil {
				if len(chunk) < s.size {
					continue
				}
				if failed = send(); failed != nil {
					break
				}
				clear(chunk)
				chunk = chunk[:0]
			}
			if !take(s.window() - 1) {
				return
			}
		}
		if failed == nil && len(chunk) > 0 {
			failed = send()
		}
		if take(0) && failed != nil {
			yield(*new(Out), failed)
		}
	}
}

// arguments are those of the call for one item, or of the map of a chunk: the
// sequence of the first arguments, of the second, and so on.
func arguments[In any](items []In, bare bool) ([]any, error) {
	calls, several := any(items).([]Args)
	switch {
	case several && bare:
		return calls[0], nil
	case bare:
		return []any{items[0]}, nil
	case !several:
		return []any{items}, nil
	}
	seqs := make([]any, len(calls[0]))
	for k := range seqs {
		column := make([]any, len(calls))
		for i, args := range calls {
			if len(args) != len(seqs) {
				return nil, fmt.Errorf("a chunk has calls of %d and of %d arguments", len(seqs), len(args))
			}
			column[i] = args[k]
		}
		seqs[k] = column
	}
	return seqs, nil
}
