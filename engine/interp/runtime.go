package interp

import (
	"cmp"
	"fmt"
	"go/token"
	"reflect"
	"runtime"
	"runtime/metrics"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
)

// Packages that lowered code imports and users do not see. The names hold a
// letter that no cell is likely to.
const (
	runtimePath = "ꞏrt"
	hiddenPath  = "ꞏtypes"
)

// support returns the functions that lowered code calls.
func (in *Interp) support(m *machine) map[string]reflect.Value {
	guard := &stackGuard{halt: func(pos int) { m.halt(in.overflow(token.Pos(pos))) }}
	return map[string]reflect.Value{
		"Enter":  reflect.ValueOf(guard.enter),
		"Go":     reflect.ValueOf(func(f func()) { in.goroutine(m, f) }),
		"Defers": reflect.ValueOf(func(fn string) *deferred { return &deferred{m: m, fn: fn} }),
		"Defer": reflect.ValueOf(func(d *deferred, pos int, wrapped bool, f func()) {
			d.push(deferredCall{run: f, pos: token.Pos(pos), wrapped: wrapped})
		}),
		"DeferCompiled": reflect.ValueOf(func(d *deferred, f any, args ...any) { d.push(compiledCall(f, args)) }),
		"RunDefers":     reflect.ValueOf(func(d *deferred, recovered func() any) { d.run(recovered()) }),
		"Recover":       reflect.ValueOf(m.recover),
		"Print":         reflect.ValueOf(func(a ...any) { fmt.Fprint(m.errs, a...) }),
		"Println":       reflect.ValueOf(func(a ...any) { fmt.Fprintln(m.errs, a...) }),
		"Sort":          reflect.ValueOf(sortOrdered),
		"Plain":         reflect.ValueOf(plainValue),
		"PlainAll":      reflect.ValueOf(plainAll),
		"Any":           reflect.ValueOf(func(x any) any { return x }),
		"NotA":          reflect.ValueOf(notA),
	}
}

// A Go stack may grow to 1 GB, and overflow ends the process: no recover.
// Interpreted functions that call others come by here, and every so often the
// memory of all stacks is looked at; when it is much and this very stack is
// deep, the cell is stopped.
const (
	stackLimit = 200 << 20 // bytes of all stacks together
	stackDeep  = 150000    // Go frames, 50 MB or more; an interpreted call takes a handful
	stackEvery = 512       // calls between two looks: some 1 MB of stack
)

type stackGuard struct {
	calls atomic.Uint32
	halt  func(pos int)
}

func (g *stackGuard) enter(pos int) {
	if g.calls.Add(1)%stackEvery != 0 {
		return
	}
	s := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	if s[0].Value.Uint64() < stackLimit {
		return
	}
	var pc [1]uintptr
	if runtime.Callers(stackDeep, pc[:]) > 0 {
		g.halt(pos)
	}
}

func (in *Interp) overflow(pos token.Pos) *Error {
	e := &Error{Ename: RecursionError, Evalue: "stack overflow: a function calls itself without end"}
	return e.at(in.place(in.fset.Position(pos).Line, 0, "")...)
}

// goroutine starts what a go statement asks for. A panic ends this goroutine
// only, and is told on the standard error.
func (in *Interp) goroutine(m *machine, f func()) {
	m.live.Add(1)
	go func() {
		defer m.live.Add(-1)
		defer func() {
			if r := recover(); r != nil {
				at := in.places(m.takeFrames())
				if n := len(at); n > 1 {
					at = at[:n-1] // of the function that the go statement became
				}
				e := panicError(r, at)
				fmt.Fprintln(m.errs, "panic in a goroutine; it has ended, the cell has not:")
				fmt.Fprintln(m.errs, strings.Join(e.Traceback, "\n"))
			}
		}()
		f()
	}()
}

// runtimeError is what the Go runtime would have panicked with.
type runtimeError string

func (e runtimeError) Error() string { return string(e) }

// RuntimeError marks it as a runtime.Error.
func (runtimeError) RuntimeError() {}

func notA(x any, name string) error {
	if x == nil {
		return runtimeError("interface conversion: interface is nil, not " + name)
	}
	return runtimeError(fmt.Sprintf("interface conversion: %T is not %s", x, name))
}

// sortOrdered sorts a slice of any ordered type in compiled code.
func sortOrdered(s any) {
	v := reflect.ValueOf(s)
	as := func(t reflect.Type) any { return v.Convert(reflect.SliceOf(t)).Interface() }
	switch v.Type().Elem() {
	case reflect.TypeFor[int]():
		slices.Sort(as(reflect.TypeFor[int]()).([]int))
		return
	case reflect.TypeFor[float64]():
		slices.Sort(as(reflect.TypeFor[float64]()).([]float64))
		return
	case reflect.TypeFor[string]():
		slices.Sort(as(reflect.TypeFor[string]()).([]string))
		return
	}
	sort.Slice(s, func(i, j int) bool {
		x, y := v.Index(i), v.Index(j)
		switch {
		case x.CanInt():
			return x.Int() < y.Int()
		case x.CanUint():
			return x.Uint() < y.Uint()
		case x.CanFloat():
			return cmp.Less(x.Float(), y.Float())
		}
		return x.String() < y.String()
	})
}
