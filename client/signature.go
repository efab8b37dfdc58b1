package client

import (
	"context"
	"encoding"
	"fmt"
	"reflect"

	"gonum.org/v1/gonum/mat"

	"muster/numeric"
)

// A SignatureError says that a call does not fit the compiled function whose
// handle was called. Nothing was sent.
type SignatureError struct {
	Function string       // its name
	Type     reflect.Type // its Go type
	Reason   string       // "argument 2 is a string, not a float64"
}

// Error is the name, the type and the reason:
//
//	heat.Step is a func([]float64, float64) []float64: argument 2 is a string, not a float64
func (e *SignatureError) Error() string {
	return fmt.Sprintf("%s is a %v: %s", e.Function, e.Type, e.Reason)
}

// A signature is what a function takes and returns, as far as a caller sees it:
// without its context and its error. It is nil of a function whose handle does
// not know its type; then everything fits.
type signature struct {
	name     string
	typ      reflect.Type
	in       []reflect.Type
	variadic bool // of the last one's elements there may be any number
	out      []reflect.Type
}

// signatureOf reads the signature of a function whose handle has a method Type,
// as that of engine.Func has.
func signatureOf(fn Function) *signature {
	h, ok := fn.(interface{ Type() reflect.Type })
	if !ok || h.Type() == nil || h.Type().Kind() != reflect.Func {
		return nil
	}
	s := &signature{name: fn.Name(), typ: h.Type(), variadic: h.Type().IsVariadic()}
	for i := range s.typ.NumIn() {
		if t := s.typ.In(i); i > 0 || t != reflect.TypeFor[context.Context]() {
			s.in = append(s.in, t)
		}
	}
	for i := range s.typ.NumOut() {
		if t := s.typ.Out(i); i < s.typ.NumOut()-1 || t != reflect.TypeFor[error]() {
			s.out = append(s.out, t)
		}
	}
	return s
}

func (s *signature) errorf(format string, args ...any) error {
	return &SignatureError{s.name, s.typ, fmt.Sprintf(format, args...)}
}

// param is the type of an argument.
func (s *signature) param(i int) reflect.Type {
	if s.variadic && i >= len(s.in)-1 {
		return s.in[len(s.in)-1].Elem()
	}
	return s.in[i]
}

// counts tells whether the function takes n arguments, or from n on any number.
func (s *signature) counts(n int, more bool) error {
	switch {
	case s == nil:
	case s.variadic && n < len(s.in)-1 && !more:
		return s.errorf("it takes at least %d arguments, not %d", len(s.in)-1, n)
	case !s.variadic && more:
		return s.errorf("it takes %d arguments, not any number", len(s.in))
	case !s.variadic && n != len(s.in):
		return s.errorf("it takes %d arguments, not %d", len(s.in), n)
	}
	return nil
}

// takes tells whether the function can be called with arguments. The last may
// be Kwargs, which a Go engine passes as a map when there are any.
func (s *signature) takes(args []any) error {
	if s == nil {
		return nil
	}
	if n := len(args); n > 0 {
		if k, ok := args[n-1].(Kwargs); ok && len(k) == 0 {
			args = args[:n-1]
		}
	}
	if err := s.counts(len(args), false); err != nil {
		return err
	}
	for i, a := range args {
		if _, remote := a.(Ref); !remote && !fits(reflect.TypeOf(a), s.param(i)) {
			return s.errorf("argument %d is a %T, not a %v", i+1, a, s.param(i))
		}
	}
	return nil
}

// takesTypes tells whether the function can be called with arguments of types,
// and with any number of the last when there may be more.
func (s *signature) takesTypes(in []reflect.Type, more bool) error {
	if s == nil {
		return nil
	}
	fixed := len(in)
	if more {
		fixed--
	}
	if err := s.counts(fixed, more); err != nil {
		return err
	}
	n := len(in)
	if more {
		n = max(n, len(s.in)) // the last may be any of the rest
	}
	for i := range n {
		t := in[min(i, len(in)-1)]
		if t != reflect.TypeFor[Ref]() && !fits(t, s.param(i)) {
			return s.errorf("argument %d is a %v, not a %v", i+1, t, s.param(i))
		}
	}
	return nil
}

// takesItems tells whether the function can be called with items of sequences.
func (s *signature) takesItems(seqs []any) error {
	if s == nil {
		return nil
	}
	if err := s.counts(len(seqs), false); err != nil {
		return err
	}
	for i, seq := range seqs {
		want := s.param(i)
		if t := itemType(reflect.TypeOf(seq)); t != anyType {
			if !fits(t, want) {
				return s.errorf("items of sequence %d are %v, not %v", i+1, t, want)
			}
			continue
		}
		items, _ := seq.([]any)
		for k, item := range items {
			if _, remote := item.(Ref); !remote && !fits(reflect.TypeOf(item), want) {
				return s.errorf("item %d of sequence %d is a %T, not a %v", k, i+1, item, want)
			}
		}
	}
	return nil
}

// gives tells whether what the function returns fits a type.
func (s *signature) gives(want reflect.Type) error {
	switch {
	case s == nil:
	case len(s.out) == 0 && !nilable(want):
		return s.errorf("it returns nothing that would be a %v", want)
	case len(s.out) == 1 && !fits(s.out[0], want):
		return s.errorf("it returns a %v, not a %v", s.out[0], want)
	case len(s.out) > 1 && !fits(reflect.TypeFor[[]any](), want):
		return s.errorf("it returns a list of %d values, not a %v", len(s.out), want)
	}
	return nil
}

var anyType = reflect.TypeFor[any]()

// itemType is the type of the items of a sequence, any if it is not known.
func itemType(seq reflect.Type) reflect.Type {
	switch {
	case seq == reflect.TypeFor[*mat.VecDense]():
		return reflect.TypeFor[float64]()
	case seq == reflect.TypeFor[*mat.Dense]():
		return reflect.TypeFor[[]float64]()
	case seq == reflect.TypeFor[*mat.CDense]():
		return reflect.TypeFor[[]complex128]()
	case seq != nil && (seq.Kind() == reflect.Slice || seq.Kind() == reflect.Array):
		return seq.Elem()
	}
	return anyType
}

// A class is what values of a type are on the wire, as far as the engine's
// conversion goes by it.
type class int

const (
	classAny class = iota // may be converted, or the type does not tell
	classBool
	classNumber
	classText
	classBytes // bytes, which strings become, and lists
	classList
	classRecord // a map or a struct
)

func classOf(t reflect.Type) class {
	switch {
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()), reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()),
		t.Implements(reflect.TypeFor[error]()):
		return classAny // they go as text
	case t == reflect.TypeFor[*numeric.Array](), t == reflect.TypeFor[numeric.Array](), t == reflect.TypeFor[Serialized]():
		return classAny // an array without axes is a number
	case t.Kind() != reflect.Interface && t.Implements(reflect.TypeFor[mat.Matrix]()), t == reflect.TypeFor[*mat.CDense]():
		return classList
	}
	switch k := t.Kind(); k {
	case reflect.Pointer:
		return classOf(t.Elem())
	case reflect.Bool:
		return classBool
	case reflect.String:
		return classText
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return classBytes
		}
		return classList
	case reflect.Map, reflect.Struct:
		return classRecord
	default:
		if k >= reflect.Int && k <= reflect.Complex128 {
			return classNumber
		}
	}
	return classAny
}

// fits tells whether a value of a type may become one of another: no only where
// no value would. An invalid type is that of nil.
func fits(have, want reflect.Type) bool {
	if have == nil {
		return nilable(want)
	}
	h, w := classOf(have), classOf(want)
	switch {
	case h == classAny || w == classAny:
		return true
	case h == classBytes || w == classBytes:
		return h == w || h == classText || w == classText || h == classList || w == classList
	case h != w:
		return false
	}
	if h == classList && sequential(have) && sequential(want) {
		return fits(have.Elem(), want.Elem())
	}
	return true
}

func sequential(t reflect.Type) bool { return t.Kind() == reflect.Slice || t.Kind() == reflect.Array }

func nilable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface, reflect.Func, reflect.Chan:
		return true
	}
	return false
}
