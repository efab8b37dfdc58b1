package interp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSetGet(t *testing.T) {
	in := newInterp(t, Config{})
	type local struct{ N int }
	for i, v := range []any{
		1, int64(2), 2.5, "s", true, []float64{1, 2}, map[string]any{"k": []any{1, "x", nil}}, []any{1, 2.0}, complex(1, 2), []byte("raw"),
		time.Second, &strings.Builder{}, local{3}, &local{4}, []local{{5}}, map[string]local{"a": {6}}, nil, [2]uint8{1, 2}, float32(1.5), errors.New("e"),
	} {
		name := fmt.Sprintf("v%d", i)
		if err := in.Set(name, v); err != nil {
			t.Fatalf("Set %T: %v", v, err)
		}
		got, err := in.Get(name)
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("Set %T %v, Get %T %v, %v", v, v, got, got, err)
		}
		if got := exec(t, in, name); !reflect.DeepEqual(got, v) {
			t.Errorf("Set %T %v, the cell sees %T %v", v, v, got, got)
		}
	}
	in.Set("data", []float64{1, 2, 3})
	if got := exec(t, in, "data[1] *= 10\nlen(data)"); got != 3 {
		t.Error(got)
	}
	exec(t, in, "func sum() (t float64) { for _, x := range data { t += x }; return }")
	in.Set("data", []float64{5})
	if got := exec(t, in, "sum()"); got != 5.0 {
		t.Errorf("a function does not see what Set put: %v", got)
	}
	exec(t, in, "lo := &v12.N\nv13.N++\nrenamed := v14[0].N + v13.N")
	if got, _ := in.Get("renamed"); got != 10 {
		t.Errorf("fields of a compiled type: %v", got)
	}
	for _, name := range []string{"", "1a", "a b", "func", "_", "a.b", "ꞏx"} {
		if err := in.Set(name, 1); err == nil {
			t.Errorf("Set accepts %q", name)
		}
	}
	var e *Error
	if _, err := in.Get("missing"); !errors.As(err, &e) || e.Ename != NameError {
		t.Errorf("Get of a missing name: %v", err)
	}
}

func TestGetPlainData(t *testing.T) {
	in := newInterp(t, Config{})
	exec(t, in, `
type Inner struct { N int `+"`json:\"n\"`"+`; hidden string; Skip int `+"`json:\"-\"`"+` }
type Outer struct { Inner; Name string; List []Inner; Ptr *Inner; Any any; M map[string]Inner; E int `+"`json:\",omitempty\"`"+` }
func (o Outer) String() string { return "outer" }
type Level int
o := Outer{Inner{1, "h", 2}, "x", []Inner{{N: 3}}, &Inner{N: 4}, Inner{N: 5}, map[string]Inner{"a": {N: 6}}, 0}
var boxed any = o
list := []any{o.List[0], 1, "s", []Inner{{N: 7}}}
level := Level(3)
levels := []Level{1, 2}
var none *Inner
const big = 1 << 40
const pi float32 = 3
func add(a, b int) int { return a + b }
type node struct { Next *node; V int }
cycle := &node{V: 1}
cycle.Next = cycle`)
	n := func(i int) map[string]any { return map[string]any{"n": i} }
	outer := map[string]any{"n": 1, "Name": "x", "List": []any{n(3)}, "Ptr": n(4), "Any": n(5), "M": map[string]any{"a": n(6)}}
	for name, want := range map[string]any{
		"o": outer, "list": []any{n(3), 1, "s", []any{n(7)}}, "level": 3, "levels": []int{1, 2}, "none": nil, "big": 1 << 40, "pi": float32(3),
	} {
		if got, err := in.Get(name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Get %s: %#v, %v; want %#v", name, got, err, want)
		}
	}
	if got, _ := in.Get("boxed"); got.(map[string]any)["Name"] != "x" {
		t.Errorf("boxed: %#v", got)
	}
	if f, err := in.Get("add"); err != nil || f.(func(int, int) int)(2, 3) != 5 {
		t.Errorf("Get add: %v", err)
	}
	if _, err := in.Get("cycle"); err != nil {
		t.Error(err)
	}
	if _, err := in.Get("Outer"); err == nil {
		t.Error("Get of a type gives a value")
	}
}

func TestDeleteAndClear(t *testing.T) {
	in := newInterp(t, Config{Funcs: map[string]any{"registered": func() int { return 1 }}})
	exec(t, in, "a, b := 1, 2\nfunc f() int { return a }\nimport m \"math\"")
	if got := in.Names(); !reflect.DeepEqual(got, []string{"a", "b", "f"}) {
		t.Errorf("Names: %v", got)
	}
	if err := in.Delete("a", "b"); err != nil {
		t.Fatal(err)
	}
	exec(t, in, "c := 3")
	if err := in.Delete("a", "c", "b"); err == nil || !strings.Contains(err.Error(), "'a'") {
		t.Errorf("Delete of a missing name: %v", err)
	}
	fails(t, in, context.Background(), CompileError, "c")
	if got := exec(t, in, "f()"); got != 0 {
		t.Errorf("a deleted variable is %v", got)
	}
	fails(t, in, context.Background(), CompileError, "a")
	exec(t, in, "a := \"again\"")
	if err := in.Clear(); err != nil {
		t.Fatal(err)
	}
	if got := in.Names(); len(got) != 0 {
		t.Errorf("after Clear: %v", got)
	}
	fails(t, in, context.Background(), CompileError, "f()")
	if got := exec(t, in, "func f() int { return registered() + 1 }\nf()"); got != 2 {
		t.Error(got)
	}
}

// What was declared beforehand is changed, not replaced; a definition of the
// same name hides it until it is deleted or the namespace cleared.
func TestDeclare(t *testing.T) {
	ready, release := make(chan struct{}, 1), make(chan struct{})
	defer close(release)
	in := newInterp(t, Config{Stdout: waiter{ready}, Funcs: map[string]any{"test.Stuck": func() { <-release }}})
	m := map[string]any{"gpus": 2}
	if err := in.Declare("properties", m); err != nil {
		t.Fatal(err)
	}
	exec(t, in, "type point struct{ X, Y int }\nfunc count() int { return len(properties) }\nproperties[\"at\"] = point{1, 2}")
	if got := Export(m); !reflect.DeepEqual(got, map[string]any{"gpus": 2, "at": map[string]any{"X": 1, "Y": 2}}) {
		t.Errorf("what a cell has set: %#v", got)
	}
	for _, src := range []string{"properties = nil", "p := &properties", "for _, properties = range []map[string]any{nil} {}",
		"func lose() { properties = nil }", "properties = nil\nproperties := 3", "if true { (properties), x := nil, 1; _ = x }"} {
		_, err := in.Exec(context.Background(), Cell{Name: "cell", Source: src})
		var e *Error
		if !errors.As(err, &e) || e.Ename != CompileError && e.Ename != SyntaxError {
			t.Errorf("%s: %v", src, err)
		}
	}
	exec(t, in, "if properties := 5; properties > 4 { properties = 6 }")
	if err := in.Delete("properties"); err == nil {
		t.Error("it can be deleted")
	}
	back := func(when string) {
		t.Helper()
		m["when"] = when
		if got := exec(t, in, `properties["when"]`); got != when {
			t.Errorf("%s: %v", when, got)
		}
		if got := in.Names(); slices.Contains(got, "properties") {
			t.Errorf("%s: names are %v", when, got)
		}
	}
	exec(t, in, "var properties map[string]any")
	if got := exec(t, in, "count() + len(properties)"); got != 2 {
		t.Errorf("hidden: %v", got)
	}
	if err := in.Delete("properties"); err != nil {
		t.Error(err)
	}
	back("deleted")
	if err := in.Set("properties", map[string]any{}); err != nil || len(m) != 3 {
		t.Errorf("set: %v, %v", m, err)
	}
	exec(t, in, "properties = nil")
	if err := in.Clear(); err != nil {
		t.Fatal(err)
	}
	back("cleared")
	if e := interrupt(t, in, ready, "test.Stuck()"); !strings.Contains(e.Evalue, "left behind") {
		t.Error(e)
	}
	back("left behind")
}

func TestCall(t *testing.T) {
	boom := errors.New("boom")
	in := newInterp(t, Config{Funcs: map[string]any{
		"heat.Step":  func(x []float64, n int) []float64 { return append(x, float64(n)) },
		"heat.step":  func() string { return "lower" },
		"plain":      func(s string) string { return s + "!" },
		"fail":       func() (int, error) { return 0, boom },
		"weird name": func() int { return 9 },
	}})
	exec(t, in, `
type P struct { X, Y int; Name string `+"`json:\"name\"`"+` }
func add(a, b int) int { return a + b }
func half(x float64) float64 { return x / 2 }
func norm(p P) string { return fmt.Sprint(p.X+p.Y, p.Name) }
func pnorm(p *P) int { return p.X }
func mk(n int) P { return P{X: n} }
func mean(x ...float64) float64 { t := 0.0; for _, v := range x { t += v }; return t / float64(len(x)) }
func two() (int, string) { return 1, "b" }
func fails(n int) (int, error) { if n > 0 { return 0, fmt.Errorf("n is %d", n) }; return 5, nil }
func deadline(ctx context.Context, n int) bool { return ctx != nil && n == 1 }
func none() {}
func keys(m map[string]int) int { return len(m) }
func total(m [][]float64) float64 { return m[1][0] }
func wide(x []int64) []int64 { x[0] += 1 << 40; return x }
func Id[T any](x T) T { return x }
variable := func(s string) int { return len(s) }
notfunc := 5`)
	for _, c := range []struct {
		fn   string
		args []any
		want any
	}{
		{"add", []any{int64(1), 2.0}, 3}, {"add", []any{uint8(1), 2}, 3}, {"half", []any{3}, 1.5}, {"half", []any{int64(3)}, 1.5},
		{"norm", []any{map[string]any{"X": 1, "y": int64(2), "name": "n"}}, "3n"}, {"pnorm", []any{map[string]any{"X": 4}}, 4},
		{"mk", []any{2}, map[string]any{"X": 2, "Y": 0, "name": ""}}, {"mean", []any{1, 2.0, int8(3)}, 2.0}, {"two", nil, []any{1, "b"}},
		{"fails", []any{0}, 5}, {"deadline", []any{1}, true}, {"none", nil, nil}, {"keys", []any{map[any]any{"a": 1}}, 1},
		{"total", []any{[]any{[]any{1}, []any{2.5}}}, 2.5}, {"variable", []any{"abc"}, 3}, {"heat.Step", []any{[]any{1, 2}, 3}, []float64{1, 2, 3}},
		{"heat.step", nil, "lower"}, {"plain", []any{"x"}, "x!"}, {"weird name", nil, 9}, {"strings.ToUpper", []any{"up"}, "UP"},
		{"Id[string]", []any{"i"}, "i"}, {"func(x int) int { return x * x }", []any{7}, 49}, {"math.Sqrt", []any{4}, 2.0},
	} {
		got, err := in.Call(t.Context(), c.fn, c.args)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s(%v) = %#v, %v; want %#v", c.fn, c.args, got, err, c.want)
		}
	}
	ints := []int{1, 2}
	if _, err := in.Call(t.Context(), "wide", []any{ints}); err != nil || ints[0] != 1<<40+1 {
		t.Errorf("a []int as a []int64: %v, %v; want the same memory", ints, err)
	}
	if got := exec(t, in, `heat.Step(nil, 2)[0] + float64(len(plain("a")))`); got != 4.0 {
		t.Errorf("registered functions in a cell: %v", got)
	}
	for _, c := range []struct {
		fn    string
		args  []any
		ename string
	}{
		{"add", []any{1}, TypeError}, {"add", []any{1, 2.5}, TypeError}, {"add", []any{1, "x"}, TypeError}, {"add", []any{uint64(math.MaxUint64), 1}, TypeError},
		{"norm", []any{map[string]any{"Z": 1}}, TypeError}, {"missing", nil, NameError}, {"notfunc", nil, TypeError}, {"Id", []any{1}, TypeError}, {"P", nil, CompileError},
		{"no.Such", nil, CompileError}, {"((", nil, SyntaxError}, {"add", []any{nil, 1}, TypeError},
	} {
		_, err := in.Call(t.Context(), c.fn, c.args)
		var e *Error
		if !errors.As(err, &e) || e.Ename != c.ename {
			t.Errorf("%s(%v): %v; want a %s", c.fn, c.args, err, c.ename)
		}
	}
	if _, err := in.Call(t.Context(), "fail", nil); !errors.Is(err, boom) {
		t.Errorf("an error a function returns: %v", err)
	}
	if _, err := in.Call(t.Context(), "fails", []any{3}); err == nil || !strings.Contains(err.Error(), "n is 3") {
		t.Errorf("an error a function returns: %v", err)
	}
}

func TestEval(t *testing.T) {
	in := newInterp(t, Config{})
	exec(t, in, "a := 5\nfunc f() {}")
	if v, err := in.Eval(t.Context(), "a * 2"); err != nil || v != 10 {
		t.Errorf("%v, %v", v, err)
	}
	for expr, ename := range map[string]string{"f()": TypeError, "a := 1": SyntaxError, "": SyntaxError, "b": CompileError, "a; a": SyntaxError} {
		var e *Error
		if _, err := in.Eval(t.Context(), expr); !errors.As(err, &e) || e.Ename != ename {
			t.Errorf("Eval %q: %v, want a %s", expr, err, ename)
		}
	}
}
