package interp

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// The line that panicked is told in function literals as well, which yaegi
// makes earlier than declared functions.
func TestTracebackOfLiterals(t *testing.T) {
	for src, want := range map[string]string{
		"f := func() {\n fmt.Print(1)\n panic(\"a\")\n}\nf()":                                                                    "line 3",
		"f := func() {\n defer func() { fmt.Print(1) }()\n var s []int\n s[1] = 2\n}\nf()":                                       "line 4",
		"func g(f func()) {\n f()\n}\ng(func() {\n defer func() { fmt.Print(1) }()\n var s []int\n s[1] = 2\n})":                 "line 7",
		"func h() {\n x := func() {\n  y := 1\n  y--\n  fmt.Print(1 / y)\n }\n x()\n}\nh()":                                      "line 5",
		"f := func(n int) (s int) {\n for i := 0; i < n; i++ {\n  if i == 3 {\n   panic(i)\n  }\n  s += i\n }\n return\n}\nf(9)": "line 4",
	} {
		in := newInterp(t, Config{Stdout: new(strings.Builder)})
		_, err := in.Exec(context.Background(), Cell{Name: "cell", Source: src})
		var e *Error
		if !errors.As(err, &e) || len(e.Traceback) < 3 {
			t.Fatalf("%s\n%v", src, err)
		}
		if at := e.Traceback[len(e.Traceback)-3]; !strings.Contains(at, want) {
			t.Errorf("%s\ninnermost is %q, want %s", src, at, want)
		}
	}
}

func BenchmarkLiteral(b *testing.B) {
	in := newInterp(b, Config{})
	exec(b, in, "lit := func(n int) int { s := 0; for i := 0; i < n; i++ { s += i }; return s }")
	for b.Loop() {
		exec(b, in, "lit(100000)")
	}
}
