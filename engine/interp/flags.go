package interp

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
)

// programFlags is what cells have as package flag's command line: none of the
// engine's own, whose arguments a program could not parse, and which would end
// the process over it.
type programFlags struct {
	set   *flag.FlagSet
	usage func()
	out   *stream
}

func newProgramFlags(out *stream) *programFlags {
	f := &programFlags{set: new(flag.FlagSet), out: out}
	f.reset()
	return f
}

// reset forgets the flags that a program has defined: the next may be the same.
func (f *programFlags) reset() {
	name := filepath.Base(os.Args[0])
	*f.set = *flag.NewFlagSet(name, flag.ContinueOnError)
	f.set.SetOutput(f.out)
	f.usage = f.set.PrintDefaults
}

// symbols are those of package flag that go by its command line: the methods
// of FlagSet, as functions.
func (f *programFlags) symbols() map[string]reflect.Value {
	out := map[string]reflect.Value{
		"CommandLine": reflect.ValueOf(&f.set).Elem(),
		"Usage":       reflect.ValueOf(&f.usage).Elem(),
	}
	v := reflect.ValueOf(f.set)
	for i := range v.NumMethod() {
		switch name := v.Type().Method(i).Name; name {
		case "ErrorHandling", "Init", "Name", "Output", "SetOutput": // of FlagSet only
		case "Parse":
			out[name] = reflect.ValueOf(func() { _ = f.set.Parse(nil) }) // of no argument, nothing is wrong
		default:
			out[name] = v.Method(i)
		}
	}
	return out
}
