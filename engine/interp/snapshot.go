package interp

import (
	"context"
	"errors"
	"fmt"
	"go/types"
	"reflect"
	"slices"
)

// A Content is one name of the namespace, and what it stands for.
type Content struct {
	Name   string
	Value  any    // of a variable, as Get returns it
	Source string // of a function, as Source returns it; "" otherwise
	// Why says of what is not known outside of the interpreter what it is: a type,
	// a constant, or a value of a type that cells declare.
	Why string
}

// Snapshot returns what users have defined, by name. Unlike the other methods it
// may be called by a compiled function that a cell calls, which it finds at rest;
// it fails where it would find another at work.
func (in *Interp) Snapshot() (all []Content, err error) {
	look := func() {
		for _, name := range in.defined() {
			all = append(all, in.content(name))
		}
	}
	switch {
	case in.running.Load() == goroutineID():
		done := make(chan struct{})
		in.visits <- func() { defer close(done); look() } // to who waits for the cell, and holds mu
		<-done
	case in.mu.TryLock():
		defer in.mu.Unlock()
		look()
	default:
		return nil, errors.New("the namespace is in use: do this in a cell itself, and not in a goroutine beside one")
	}
	return all, nil
}

// Replace defines variables, as Set does, and then functions from their sources,
// which may call each other. A function that is there already stays. The error
// tells of those that cannot be; the others are there.
func (in *Interp) Replace(contents []Content) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	var functions []Content
	var failed []error
	for _, c := range contents {
		if c.Source != "" {
			functions = append(functions, c)
		} else if err := in.set(c.Name, c.Value); err != nil {
			failed = append(failed, err)
		}
	}
	if in.defineAll(functions) == nil {
		return errors.Join(failed...)
	}
	for i, f := range functions { // those that can be
		if err := in.defineAll(functions[i : i+1]); err != nil {
			failed = append(failed, fmt.Errorf("function %s: %w", f.Name, err))
		}
	}
	return errors.Join(failed...)
}

// content is what a name stands for. The caller holds mu.
func (in *Interp) content(name string) Content {
	c := Content{Name: name}
	g := in.names[name]
	switch o := g.obj.(type) {
	case *types.Const:
		c.Why = "a constant"
	case *types.TypeName:
		c.Why = "a type"
	case *types.Func:
		var err error
		if c.Source, err = in.source(name); err != nil {
			c.Why = err.Error()
		}
	default:
		if c.Value = export(o.Type(), in.machine.global(g.internal)); !in.returns(o.Type(), c.Value) {
			c.Value, c.Why = nil, "of the type "+plain(o.Type().String())+", which is of the interpreter"
		}
	}
	return c
}

// returns reports whether a variable that is set to its value has the type that it
// had, as far as that is not an interface.
func (in *Interp) returns(t types.Type, v any) bool {
	return types.IsInterface(t) || v != nil && types.Identical(in.world.typ(reflect.TypeOf(v)), t)
}

// defineAll defines functions in one cell, which lets them call each other.
func (in *Interp) defineAll(functions []Content) error {
	program := "package functions\n"
	for _, f := range functions {
		if in.names[f.Name] == nil {
			source, err := functionDeclaration(f.Name, f.Source)
			if err != nil {
				return err
			}
			program += "\n" + source + "\n"
		}
	}
	if _, err := in.exec(context.Background(), Cell{Name: "functions", Source: program, File: true}); err != nil {
		return err
	}
	return nil
}

// defined are the names that users have defined, sorted. The caller holds mu.
func (in *Interp) defined() []string {
	names := []string{}
	for name, g := range in.names {
		if g != in.declared[name] && (g.obj.Pkg() == nil || g.obj.Pkg().Path() != funcsPath) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
