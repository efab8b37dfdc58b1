package interp

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// peeking is an interpreter whose cells can call peek, which notes what is there.
func peeking(t *testing.T) (in *Interp, seen map[string]Content) {
	t.Helper()
	seen = map[string]Content{}
	in, err := New(Config{Funcs: map[string]any{"peek": func() error {
		clear(seen)
		all, err := in.Snapshot()
		for _, c := range all {
			seen[c.Name] = c
		}
		return err
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return in, seen
}

// What cells have defined is seen from within a cell, which other methods would
// wait for, and from outside.
func TestSnapshot(t *testing.T) {
	in, seen := peeking(t)
	if err := in.Declare("properties", map[string]any{}); err != nil {
		t.Fatal(err)
	}
	exec(t, in, `
a := []float64{1, 2}
const k = 3
type pair struct{ X, Y int }
p := pair{1, 2}
ps := map[string][]pair{}
func f(x float64) float64 { return 2 * x }
func g() pair { return p }
h := func() int { return 1 }
var anything any = "text"
`)
	look := func(from string) {
		t.Helper()
		want := map[string]string{
			"a": "[1 2]", "k": "a constant", "pair": "a type", "p": "of the type pair, which is of the interpreter", "ps": "of the type map[string][]pair, which is of the interpreter",
			"f": "func f(x float64) float64 { return 2 * x }", "g": "func g() pair { return p }", "anything": "text",
		}
		for name, text := range want {
			c := seen[name]
			if got := fmt.Sprint(c.Value); c.Why+c.Source != text && (c.Why+c.Source != "" || got != text) {
				t.Errorf("%s: %s is %+v, want %s", from, name, c, text)
			}
		}
		if c := seen["h"]; reflect.ValueOf(c.Value).Kind() != reflect.Func || len(seen) != len(want)+1 {
			t.Errorf("%s: of %d names, h is %+v", from, len(seen), c)
		}
	}
	exec(t, in, "peek()")
	look("in a cell")
	if _, err := in.Call(context.Background(), "peek", nil); err != nil {
		t.Fatal(err)
	}
	look("in a call")
	clear(seen)
	all, err := in.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		seen[c.Name] = c
	}
	look("outside")
	if got := exec(t, in, "failed := make(chan error)\ngo func() { failed <- peek() }()\nerr := <-failed\nerr.Error()"); !strings.HasPrefix(fmt.Sprint(got), "the namespace is in use") {
		t.Errorf("a goroutine looks while another cell runs: %v", got)
	}
}

// A cell that is interrupted while it looks leaves nothing behind that is stuck.
func TestSnapshotInterrupted(t *testing.T) {
	in, _ := peeking(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	fails(t, in, ctx, KeyboardInterrupt, "a := 1\nfor { peek() }")
	exec(t, in, "peek(); a")
}

// What is put back is there as it was, functions that need each other and those
// that need variables among it. What cannot be is told, and keeps nobody else out.
func TestReplace(t *testing.T) {
	in, _ := peeking(t)
	exec(t, in, "a := 1\nfunc kept() int { return 1 }")
	err := in.Replace([]Content{
		{Name: "a", Value: []float64{1, 2}}, {Name: "b", Value: 7},
		{Name: "even", Source: "func even(n int) bool { return n == 0 || odd(n-1) }"},
		{Name: "odd", Source: "func odd(n int) bool { return n != 0 && even(n-1) }"},
		{Name: "sum", Source: "func sum() float64 { return floats.Sum(a) + float64(b) }"},
		{Name: "kept", Source: "func kept() int { return 2 }"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := exec(t, in, "fmt.Sprint(even(10), sum(), kept())"); got != "true 10 1" {
		t.Errorf("what was put back gives %v", got)
	}
	err = in.Replace([]Content{
		{Name: "no name", Value: 1}, {Name: "c", Value: 8},
		{Name: "lost", Source: "func lost(p pair) int { return p.X }"},
		{Name: "found", Source: "func found() int { return c }"},
	})
	for _, words := range []string{"no name", "function lost: ", "undefined: pair"} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("the error is %v, want %q in it", err, words)
		}
	}
	if got := exec(t, in, "found()"); got != 8 {
		t.Errorf("beside what cannot be put back, found() gives %v", got)
	}
}
