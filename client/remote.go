package client

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"gonum.org/v1/gonum/mat"

	"muster/numeric"
)

// Remote makes a Go function that calls a function on the engines of a view, as
// ipyparallel's decorator remote does:
//
//	norm := client.Remote[func(ctx context.Context, x []float64, ord int) ([]float64, error)](all, client.Ref("norm"))
//	norms, err := norm(ctx, x, 2)
//
// Its type F takes a context and the arguments, of which the last may be
// variadic, or Kwargs. On a LoadBalancedView it returns a value and an error, on
// the other views a slice with a value from each engine, and an error; for a
// function without a value it may return the error alone. Values are converted,
// and errors are, as by Call.
//
// Remote panics when F is no such type, or does not fit the function where fn is
// the handle of a compiled one (engine.Func).
func Remote[F any](view View, fn Function) F {
	b := newBinding("Remote", reflect.TypeFor[F](), fn)
	_, b.single = view.(*LoadBalancedView)
	b.check(b.params)
	b.start = func(ctx context.Context, args []any) *AsyncResult { return view.apply(ctx, fn, args) }
	return reflect.MakeFunc(b.typ, b.call).Interface().(F)
}

// Parallel makes a Go function that maps a function over sequences, as
// ipyparallel's decorator parallel does:
//
//	square := client.Parallel[func(ctx context.Context, x []float64) ([]float64, error)](all, client.Ref("square"))
//	squares, err := square(ctx, x)
//
// Its type F takes a context and one or several sequences, and returns a slice
// with a value for each item, and an error, or the error alone. They go and come
// as by Map, by the view's settings. Otherwise it is as Remote.
func Parallel[F any](view Mapper, fn Function) F {
	b := newBinding("Parallel", reflect.TypeFor[F](), fn)
	if len(b.params) == 0 {
		b.misuse(errors.New("it takes no sequence"))
	}
	items := make([]reflect.Type, len(b.params))
	for i, t := range b.params {
		if !isSequence(t) {
			b.misuse(fmt.Errorf("parameter %d is a %v, not a sequence", i+2, t))
		}
		items[i] = itemType(t)
	}
	b.check(items)
	b.start = func(ctx context.Context, seqs []any) *AsyncResult { return view.mapItems(ctx, fn, seqs) }
	return reflect.MakeFunc(b.typ, b.call).Interface().(F)
}

// isSequence tells whether values of a type can be mapped over.
func isSequence(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[*mat.Dense](), reflect.TypeFor[*mat.CDense](), reflect.TypeFor[*mat.VecDense](), reflect.TypeFor[*numeric.Array]():
		return true
	}
	return t.Kind() == reflect.Slice
}

// A binding makes a Go function of one on the engines.
type binding struct {
	maker  string // Remote or Parallel
	fn     Function
	typ    reflect.Type   // of the Go function
	params []reflect.Type // after the context; of a variadic one, its elements' last
	single bool           // one value comes, not a slice of them
	start  func(ctx context.Context, args []any) *AsyncResult
}

func newBinding(maker string, typ reflect.Type, fn Function) *binding {
	b := &binding{maker: maker, fn: fn, typ: typ}
	if typ.Kind() != reflect.Func {
		b.misuse(errors.New("it is no function"))
	}
	if typ.NumIn() == 0 || typ.In(0) != reflect.TypeFor[context.Context]() {
		b.misuse(errors.New("its first parameter is no context.Context"))
	}
	if n := typ.NumOut(); n == 0 || n > 2 || typ.Out(n-1) != reflect.TypeFor[error]() {
		b.misuse(errors.New("it does not return a value and an error, nor an error alone"))
	}
	for i := 1; i < typ.NumIn(); i++ {
		t := typ.In(i)
		if typ.IsVariadic() && i == typ.NumIn()-1 {
			t = t.Elem()
		}
		b.params = append(b.params, t)
	}
	return b
}

// misuse ends a program that is wrong.
func (b *binding) misuse(err error) {
	panic(fmt.Sprintf("client: %s: %s as a %v: %v", b.maker, b.fn.Name(), b.typ, err))
}

// check holds the type against the signature of the function on the engines,
// which gets arguments of the types in.
func (b *binding) check(in []reflect.Type) {
	sig := signatureOf(b.fn)
	if err := sig.takesTypes(in, b.typ.IsVariadic()); err != nil {
		b.misuse(err)
	}
	if b.typ.NumOut() == 1 {
		return
	}
	value := b.typ.Out(0)
	if !b.single {
		if value.Kind() != reflect.Slice {
			b.misuse(fmt.Errorf("its result is a %v, and not a slice of the values", value))
		}
		value = value.Elem()
	}
	if err := sig.gives(value); err != nil {
		b.misuse(err)
	}
}

// call is the Go function.
func (b *binding) call(in []reflect.Value) []reflect.Value {
	ctx := in[0].Interface().(context.Context)
	args := make([]any, 0, len(in)-1)
	for i, v := range in[1:] {
		if !b.typ.IsVariadic() || i < len(in)-2 {
			args = append(args, v.Interface())
			continue
		}
		for k := range v.Len() {
			args = append(args, v.Index(k).Interface())
		}
	}
	ar := b.start(ctx, args)
	var err error
	var out []reflect.Value
	switch {
	case b.typ.NumOut() == 1:
		_, err = ar.Get(ctx)
	case b.single:
		values := reflect.New(reflect.SliceOf(b.typ.Out(0))).Elem()
		value := reflect.Zero(b.typ.Out(0))
		if err = ar.into(ctx, values); values.Len() > 0 {
			value = values.Index(0)
		}
		out = append(out, value)
	default:
		values := reflect.New(b.typ.Out(0)).Elem()
		err = ar.into(ctx, values)
		out = append(out, values)
	}
	return append(out, reflect.ValueOf(&err).Elem())
}
