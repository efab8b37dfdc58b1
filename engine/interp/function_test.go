package interp

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// The source of a function comes back as it was typed, and defines the same
// function elsewhere.
func TestSource(t *testing.T) {
	in := newInterp(t, Config{Funcs: map[string]any{"plain": func() int { return 1 }, "heat.Step": func() int { return 2 }}})
	cells := map[string]string{
		"sq":      "func sq(x int) int { return x * x }",
		"gen":     "func gen[T int | float64](x ...T) (t T) {\n\tfor _, v := range x { // all of them\n\t\tt += v\n\t}\n\treturn t\n}",
		"é":       "func é(s string) string { return s + \"é\" }",
		"twice":   "func(x int) int {\n\treturn 2 * x\n}",
		"grouped": "func() int { return 3 }",
		"other":   "func() int { return 4 }",
		"pair":    "func() int { return 5 }",
	}
	exec(t, in, "é := 1; "+cells["sq"]+"; after := 2")
	exec(t, in, cells["gen"]+"\n"+cells["é"]+"\ntwice := "+cells["twice"]+"\ngen(1, 2)")
	exec(t, in, "var (\n\tnone func() int\n\tgrouped = ("+cells["grouped"]+")\n)\nn, pair := 1, "+cells["pair"])
	exec(t, in, "var other func() int = "+cells["other"])
	there := newInterp(t, Config{})
	for name, src := range cells {
		got, err := in.Source(name)
		if err != nil || got != src {
			t.Errorf("source of %s: %q, %v; want %q", name, got, err, src)
			continue
		}
		if err := there.Define(context.Background(), name, got); err != nil {
			t.Errorf("define %s again: %v", name, err)
			continue
		}
		again, err := there.Source(name)
		if want := strings.Replace(src, "func(", "func "+name+"(", 1); err != nil || again != src && again != want {
			t.Errorf("source of %s elsewhere: %q, %v", name, again, err)
		}
	}
	if got := exec(t, there, "sq(3) + gen(1, 2, 3) + twice(4) + grouped() + other() + pair()"); got != 9+6+8+3+4+5 {
		t.Errorf("elsewhere they give %v", got)
	}

	exec(t, in, "made := twice0\nfunc twice0() int { return 0 }\ntype T struct{}\nfunc (T) M() {}\nchanged := func() int { return 1 }\nreplaced := func() int { return 1 }")
	exec(t, in, "changed = func() int { return 2 }\nreplaced := func() int { return 3 }")
	if got, err := in.Source("replaced"); err != nil || got != "func() int { return 3 }" {
		t.Errorf("defined again: %q, %v", got, err)
	}
	for name, want := range map[string]string{
		"nosuch": "is not defined", "T": "is a type", "T.M": "compiled", "n": "is a int", "none": "variable", "made": "variable",
		"changed": "variable", "plain": "compiled", "heat.Step": "compiled", "strings.ToUpper": "compiled",
	} {
		got, err := in.Source(name)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Evalue, want) {
			t.Errorf("source of %s: %q, %v; want an error that says %q", name, got, err, want)
		}
	}
}

// A line directive in a cell moves positions anywhere; that is an error at worst.
func TestSourceElsewhere(t *testing.T) {
	in := newInterp(t, Config{})
	for i, directive := range []string{"//line x.go:1000", "//line cell:1000", "//line cell:1:90", "/*line cell:2:300*/", "//line :7"} {
		name := string(rune('a' + i))
		exec(t, in, "x := 1\n"+directive+"\nfunc "+name+"() int {\n\treturn 1\n}")
		if got, err := in.Source(name); err == nil && got != "func "+name+"() int {\n\treturn 1\n}" {
			t.Errorf("%s: source of %s is %q", directive, name, got)
		}
	}
}

func FuzzFunctionDeclaration(f *testing.F) {
	for _, src := range []string{"func() {}", "func f() {}", "// c\nfunc f[T any](x T) {}", "\ufefffunc() {}", "func(", "(func() {})", "func f() {}; func g() {}", "5", ""} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		got, err := functionDeclaration("f", src)
		if err != nil {
			return
		}
		if again, err := functionDeclaration("f", got); err != nil || again != got {
			t.Errorf("%q gives %q, and that %q, %v", src, got, again, err)
		}
	})
}

func TestDefine(t *testing.T) {
	in := newInterp(t, Config{})
	define := func(name, source string) error { return in.Define(context.Background(), name, source) }
	for name, source := range map[string]string{
		"f": "func(x int) int { return x*x }", "fact": "\n\tfunc fact(n int) int {\n\t\tif n < 2 { return 1 }\n\t\treturn n * fact(n-1)\n\t}\n",
		"lit": "// doubles\nfunc(x int) int { if x == 0 { return 0 }; return 2 + lit(x-1) }", "m": "func(x float64) float64 { return math.Sqrt(x) }",
	} {
		if err := define(name, source); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := exec(t, in, "func g(x int) int { return f(x) + 1 }\ng(3) + fact(4) + lit(5) + int(m(9))"); got != 10+24+10+3 {
		t.Errorf("they give %v", got)
	}
	if err := define("f", "func f(x int) int { return -x }"); err != nil {
		t.Fatal(err)
	}
	if got := exec(t, in, "g(3)"); got != -2 {
		t.Errorf("after f was defined again, g(3) is %v", got)
	}
	for _, c := range []struct{ name, source, ename, words string }{
		{"f", "5", TypeError, "no function"}, {"f", "math.Sqrt", TypeError, "no function"}, {"f", "func g() {}", NameError, "declares g"},
		{"f", "func f() {}; func g() {}", TypeError, "not one function"}, {"f", "func (T) f() {}", TypeError, "not one function"},
		{"f", "a := 1", SyntaxError, "f:1:1"}, {"f", "func(x int) int {\n\treturn )\n}", SyntaxError, "f:2:9"}, {"f", "", TypeError, ""}, {"1f", "func() {}", NameError, "not a name"}, {"func", "func() {}", NameError, "not a name"},
		{"f", "func(x int) int {\n\treturn y\n}", CompileError, "undefined: y"},
	} {
		err := define(c.name, c.source)
		var e *Error
		if !errors.As(err, &e) || e.Ename != c.ename || !strings.Contains(e.Evalue, c.words) {
			t.Errorf("%q: %v, want %s with %q", c.source, err, c.ename, c.words)
		}
	}
	if err := define("bad", "func(s []int) int {\n\treturn s[1]\n}"); err != nil {
		t.Fatal(err)
	}
	if e := fails(t, in, context.Background(), RuntimeError, "bad(nil)"); !strings.Contains(strings.Join(e.Traceback, "\n"), "function bad, line 2, in bad\n    return s[1]") {
		t.Errorf("traceback:\n%s", strings.Join(e.Traceback, "\n"))
	}
}
