package interp

import (
	"go/token"
	"reflect"
	"runtime"
	"strings"
)

// deferred is the list of calls that one call of an interpreted function has
// deferred, and the panic that ends that call, if one does. yaegi's own list stops
// at the first deferred call that panics, and its recover knows only functions
// that are written in the defer statement.
type deferred struct {
	m         *machine
	fn        string // name of the function, for tracebacks
	calls     []deferredCall
	panicking bool
	value     any
	wrapped   bool // whether the running call is
}

type deferredCall struct {
	run     func()
	pos     token.Pos // of the defer statement
	wrapped bool      // run calls the deferred function, rather than being it
}

func (d *deferred) push(c deferredCall) { d.calls = append(d.calls, c) }

// compiledCall keeps a call of a compiled function.
func compiledCall(f any, args []any) deferredCall {
	fn := reflect.ValueOf(f)
	in := make([]reflect.Value, len(args))
	for i, a := range args {
		t := fn.Type().In(i)
		if v := reflect.ValueOf(unwrap(a)); v.IsValid() {
			in[i] = v.Convert(t)
		} else {
			in[i] = reflect.Zero(t)
		}
	}
	return deferredCall{run: func() { fn.Call(in) }}
}

// run makes the calls, last first, when the function ends, by a panic with that
// value unless it is nil. A panic in one of them takes the place of an earlier one
// and does not keep the others from running (Go spec, "Handling panics").
func (d *deferred) run(value any) {
	d.panicking, d.value = value != nil, value
	for len(d.calls) > 0 {
		c := d.calls[len(d.calls)-1]
		d.calls = d.calls[:len(d.calls)-1]
		if d.panicking {
			d.callUnwinding(c)
		} else {
			d.call(c)
		}
	}
	if d.panicking {
		d.m.note(frame{fn: d.fn})
		panic(d.value)
	}
}

// call makes a deferred call of a function that does not panic.
func (d *deferred) call(c deferredCall) {
	defer d.catch(c, nil)
	c.run()
}

// callUnwinding makes a deferred call of a function that panics, which that call
// may recover from.
func (d *deferred) callUnwinding(c deferredCall) {
	m, id := d.m, goroutineID()
	m.mu.Lock()
	outer := m.unwinds[id]
	m.unwinds[id] = d
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.unwinds[id] = outer; outer == nil {
			delete(m.unwinds, id)
		}
	}()
	defer d.catch(c, m.takeFrames())
	d.wrapped = c.wrapped
	c.run()
}

// catch, deferred, notes the panic of a deferred call, or gives back the frames
// of the panic that goes on.
func (d *deferred) catch(c deferredCall, frames []frame) {
	if r := recover(); r != nil {
		d.panicking, d.value = true, r
		d.m.note(frame{pos: c.pos, fn: d.fn})
		return
	}
	if d.panicking {
		d.m.takeFrames()
		for _, f := range frames {
			d.m.note(f)
		}
	}
}

// recover is the builtin: the value of the panic, which it ends, when a deferred
// function calls it directly, and nil otherwise.
func (m *machine) recover() any {
	depth := 0
	frames := runtime.CallersFrames(callers())
	for {
		f, more := frames.Next()
		switch {
		case strings.HasSuffix(f.Function, yaegiRun):
			depth++
		case strings.HasSuffix(f.Function, ".(*deferred).callUnwinding"):
			m.mu.Lock()
			d := m.unwinds[goroutineID()]
			m.mu.Unlock()
			direct := 1
			if d.wrapped {
				direct = 2
			}
			if !d.panicking || depth != direct {
				return nil
			}
			d.panicking = false
			m.takeFrames()
			return recovered(unwrap(d.value))
		case strings.HasSuffix(f.Function, ".(*deferred).call"):
			return nil
		}
		if !more {
			return nil
		}
	}
}

// recovered gives the panics of the interpreter, which works through package
// reflect, as the errors of the Go runtime they stand for.
func recovered(v any) any {
	text := ""
	switch x := v.(type) {
	case *reflect.ValueError:
		text = x.Error()
	case string:
		text = x
	}
	if t := runtimeText(text); t != text {
		return runtimeError("runtime error: " + t)
	}
	return v
}

// yaegiRun is the function of yaegi that is on the stack once for each
// interpreted function.
const yaegiRun = "yaegi/interp.runCfg"
