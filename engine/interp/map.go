package interp

import (
	"context"
	"math"
	"reflect"

	"gonum.org/v1/gonum/mat"

	"muster/numeric"
)

// Map calls a function, named as for Call, on the items of one or several
// sequences, as many times as the shortest has items: the elements of a slice or
// a vector, the rows of a matrix or an array, the characters of a string. The
// results are a []float64 or []int when the function's result is a float or a
// signed integer, else a []any. Beside an error stand the results of the calls
// before the one that failed.
func (in *Interp) Map(ctx context.Context, fn string, seqs ...any) (any, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	if len(seqs) == 0 {
		return nil, errorf(TypeError, "map %s: no sequence given", fn)
	}
	n := math.MaxInt
	columns := make([]column, len(seqs))
	for i, seq := range seqs {
		var ok bool
		if columns[i], ok = newColumn(seq); !ok {
			return nil, errorf(TypeError, "map %s: a %T is no sequence", fn, seq)
		}
		n = min(n, columns[i].len)
	}
	f, err := in.function(ctx, fn)
	if err != nil {
		return nil, err
	}
	call, err := caller(ctx, fn, f, columns)
	if err != nil {
		return nil, err
	}
	list := newResultList(f.Type(), n)
	var failed error
	halting := in.machine.halted()
	o := in.machine.run(ctx, func() {
		for i := range n {
			out, err := call(i)
			select {
			case <-halting:
				return // what interpreted code returned then are zero values
			default:
			}
			if err == nil {
				out, err = trailing(out)
			}
			if err != nil {
				failed = err
				return
			}
			list.add(out)
		}
	})
	switch {
	case o.abandoned: // it may still be at work on the list
		return nil, in.ended(o)
	case o.halted != nil || o.panicked != nil || o.exited:
		return list.values(), in.ended(o)
	}
	return list.values(), failed
}

// caller returns what calls a function with the items at an index, one of each
// column, converted as Call converts arguments. It is called from one
// goroutine, and what it returns is good until it is called again.
func caller(ctx context.Context, fn string, f reflect.Value, columns []column) (func(i int) ([]reflect.Value, error), *Error) {
	t := f.Type()
	if t.IsVariadic() {
		args := make([]any, len(columns))
		return func(i int) ([]reflect.Value, error) {
			for k, c := range columns {
				args[k] = c.at(i).Interface()
			}
			params, err := arguments(ctx, fn, t, args)
			if err != nil {
				return nil, err
			}
			return f.CallSlice(params), nil
		}, nil
	}
	params := make([]reflect.Value, t.NumIn())
	first := 0
	if takesContext(t) {
		params[0] = reflect.ValueOf(&ctx).Elem()
		first = 1
	}
	if len(params)-first != len(columns) {
		return nil, arity(fn, t, len(params)-first, len(columns))
	}
	cells := make([]reflect.Value, len(columns)) // the function gets copies
	for k := range cells {
		cells[k] = reflect.New(t.In(first + k)).Elem()
	}
	return func(i int) ([]reflect.Value, error) {
		for k, c := range columns {
			item := c.at(i)
			if item.Type() == cells[k].Type() && item.Kind() != reflect.Interface {
				params[first+k] = item
				continue
			}
			if item.Kind() == reflect.Interface && item.IsNil() {
				item = reflect.Value{}
			}
			cells[k].SetZero()
			if err := convertTo(cells[k], item); err != nil {
				return nil, errorf(TypeError, "call %s: argument %d: %v", fn, k+1, err)
			}
			params[first+k] = cells[k]
		}
		return f.Call(params), nil
	}, nil
}

// A resultList collects what the calls of one function return, as what travels
// with the least ado.
type resultList struct {
	floats []float64
	ints   []int
	others []any
	kind   reflect.Kind // Float64, Int or Interface
}

func newResultList(fn reflect.Type, n int) *resultList {
	if fn.NumOut() > 0 && (fn.NumOut() == 1 || fn.NumOut() == 2 && fn.Out(1) == errorType) {
		switch fn.Out(0).Kind() {
		case reflect.Float32, reflect.Float64:
			return &resultList{kind: reflect.Float64, floats: make([]float64, 0, n)}
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			return &resultList{kind: reflect.Int, ints: make([]int, 0, n)}
		}
	}
	return &resultList{kind: reflect.Interface, others: make([]any, 0, n)}
}

func (l *resultList) add(out []reflect.Value) {
	switch l.kind {
	case reflect.Float64:
		l.floats = append(l.floats, out[0].Float())
	case reflect.Int:
		l.ints = append(l.ints, int(out[0].Int()))
	default:
		l.others = append(l.others, value(out))
	}
}

func (l *resultList) values() any {
	switch l.kind {
	case reflect.Float64:
		return l.floats
	case reflect.Int:
		return l.ints
	}
	return l.others
}

// A column is a sequence of items: at returns the one at an index.
type column struct {
	len int
	at  func(int) reflect.Value
}

func newColumn(v any) (column, bool) {
	switch v := v.(type) {
	case nil:
		return column{}, false
	case string:
		chars := []rune(v)
		return column{len(chars), func(i int) reflect.Value { return reflect.ValueOf(string(chars[i])) }}, true
	case *mat.VecDense:
		return column{v.Len(), func(i int) reflect.Value { return reflect.ValueOf(v.AtVec(i)) }}, true
	case *mat.Dense:
		rows, _ := v.Dims()
		return column{rows, func(i int) reflect.Value { return reflect.ValueOf(v.RawRowView(i)) }}, true
	case *mat.CDense:
		m := v.RawCMatrix()
		return column{m.Rows, func(i int) reflect.Value { return reflect.ValueOf(m.Data[i*m.Stride:][:m.Cols]) }}, true
	case *numeric.Array:
		shape := v.Shape()
		switch len(shape) {
		case 0:
			return column{}, false
		case 1:
			return column{shape[0], func(i int) reflect.Value { return reflect.ValueOf(v.At(i)) }}, true
		}
		return column{shape[0], func(i int) reflect.Value { return reflect.ValueOf(v.Rows(i, i+1).Reshape(shape[1:]...)) }}, true
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice {
		return column{r.Len(), r.Index}, true
	}
	return column{}, false
}
