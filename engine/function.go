package engine

import (
	"fmt"
	"maps"
	"reflect"
	"sync"
)

// A Function is a handle on a compiled function that engines know by name. The
// client's part of a program passes it to Apply, as it would a client.Ref; as
// the handle knows what the function takes, a call that does not fit it is
// refused before it is sent.
type Function struct {
	name string
	typ  reflect.Type
}

// Name is what the function was registered as.
func (f Function) Name() string { return f.name }

// Type is the Go type of the function.
func (f Function) Type() reflect.Type { return f.typ }

var functions struct {
	sync.Mutex
	byName map[string]any
}

// Func registers a compiled function under a name, "heat.Step" for instance:
// cells then call it as function Step of package heat, with no import. Call it
// while the program starts, most simply to initialise a variable. The package
// comment says how arguments are converted; of the results, the last may be an
// error, and several others make a list. Func panics if f is no function or the
// name is taken.
func Func(name string, f any) Function {
	if v := reflect.ValueOf(f); v.Kind() != reflect.Func || v.IsNil() {
		panic(fmt.Sprintf("engine: register %q: %T is no function", name, f))
	}
	functions.Lock()
	defer functions.Unlock()
	if _, taken := functions.byName[name]; taken || name == "" {
		panic(fmt.Sprintf("engine: register %q: the name is empty or taken", name))
	}
	if functions.byName == nil {
		functions.byName = make(map[string]any)
	}
	functions.byName[name] = f
	return Function{name, reflect.TypeOf(f)}
}

// registered returns the functions registered so far.
func registered() map[string]any {
	functions.Lock()
	defer functions.Unlock()
	return maps.Clone(functions.byName)
}
