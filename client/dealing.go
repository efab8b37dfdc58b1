package client

import (
	"errors"
	"fmt"
	"reflect"

	"muster/numeric"
)

// A dealing is how n items are dealt to tasks: split makes the part of each of
// them from a sequence.
type dealing struct {
	ranges []itemRange
	split  func(seq any) ([]any, error)
}

// An itemRange is which items a task has: low, low+step, and so on below high.
type itemRange struct{ low, high, step int }

func (s itemRange) len() int { return (s.high - s.low + s.step - 1) / s.step }

// blocks deals consecutive items to q tasks, as even as they can be.
func blocks(n, q int) dealing {
	d := dealing{make([]itemRange, q), func(seq any) ([]any, error) { return numeric.Split(seq, q) }}
	for i := range d.ranges {
		low, high := numeric.Bounds(i, q, n)
		d.ranges[i] = itemRange{low, high, 1}
	}
	return d
}

// cyclic deals one item in turn to q tasks.
func cyclic(n, q int) dealing {
	d := dealing{make([]itemRange, q), func(seq any) ([]any, error) { return numeric.SplitCyclic(seq, q) }}
	for i := range d.ranges {
		d.ranges[i] = itemRange{i, n, q}
	}
	return d
}

// chunks makes a task of every size items.
func chunks(n, size int) dealing {
	d := dealing{make([]itemRange, (n+size-1)/size), func(seq any) ([]any, error) { return numeric.SplitEvery(seq, size) }}
	for i := range d.ranges {
		d.ranges[i] = itemRange{i * size, min((i+1)*size, n), 1}
	}
	return d
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
