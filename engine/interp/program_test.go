package interp

import (
	"context"
	"errors"
	"strings"
	"testing"
)

const program = `//go:build ignore

// Program sums squares.
package main

import (
	"flag"
	"fmt"
	m "math"
	_ "os"
)

func main() {
	flag.Parse()
	fmt.Println(total(*n), first, len(flag.Args()))
}

var first = second + 1

var n = flag.Int("n", 3, "how many")

var (
	second      = third()
	a, b   int  = 1, 2
)

func third() int { return fourth * 2 }

var fourth = int(m.Sqrt(16))

type square int

func (s square) value() int { return int(s * s) }

func total(n int) (t int) {
	for i := range n {
		t += square(i).value()
	}
	return t
}

func init() { fourth = -1; second += a + b }
`

func TestProgram(t *testing.T) {
	var out strings.Builder
	in := newInterp(t, Config{Stdout: &out, Stderr: &out})
	run := func(src string) error {
		out.Reset()
		_, err := in.Exec(context.Background(), Cell{Name: "sum.go", Source: src, File: true})
		return err
	}
	for range 2 { // as often as one likes
		if err := run(program); err != nil {
			t.Fatalf("%v\n%s", err, strings.Join(err.(*Error).Traceback, "\n"))
		}
		if got := out.String(); got != "5 9 0\n" {
			t.Errorf("printed %q", got)
		}
	}
	// What the program declares stays, for cells and for other programs.
	if got := exec(t, in, "total(4) + second"); got != 14+11 {
		t.Errorf("afterwards: %v", got)
	}
	if err := run("\ufeffpackage main\n\nfunc main() { fmt.Print(total(2)) }"); err != nil || out.String() != "1" {
		t.Errorf("another program: %q, %v", out.String(), err)
	}
	// A package that is no program is declared; a file without a clause is a cell.
	if err := run("package lib\n\nvar x = y\nvar y = 7\nfunc main() { panic(1) }"); err != nil || exec(t, in, "x") != 7 {
		t.Errorf("a library: %v", err)
	}
	r, err := in.Exec(context.Background(), Cell{Name: "sum.go", Source: "z := 1\nz + 1", File: true})
	if err != nil || r.Value != 2 {
		t.Errorf("a script: %v, %v", r.Value, err)
	}
	// In a cell the clause means nothing.
	exec(t, in, "package main\nfunc main() { panic(`not called`) }")

	for _, c := range []struct{ src, ename, traceback string }{
		{"package main\n\nfunc main() {\n\tx := []int{}\n\tx[2] = 1\n}", RuntimeError, "sum.go, line 5, in main\n    x[2] = 1"},
		{"package main\n\nfunc main() {\n\tx := 1\n}", CompileError, "sum.go, line 4\n    x := 1\n    ^\nCompileError: declared and not used: x"},
		{"package main\n\nfmt.Println(1)", SyntaxError, "sum.go, line 3"},
		{"package main\nimport \"gonum/mat\"\nfunc main() {}", CompileError, "sum.go, line 2\n    import \"gonum/mat\"\n           ^\nCompileError: package gonum/mat is not available to cells: they import the standard library, gonum and what is compiled into this engine; is gonum.org/v1/gonum/mat meant?"},
		{"package main\nimport _ \"embed\"\n//go:embed x.txt\nvar x string\nfunc main() {}", CompileError, "sum.go, line 3\n    //go:embed x.txt\n    ^\nCompileError: //go:embed has no file"},
		{"package main\nvar p, q = q, p", CompileError, "initialization cycle"},
		{"package main\nvar p = 1\nvar p = 2", CompileError, "p redeclared"},
		{"package main\nfunc main() { os.Exit(3) }", SystemExit, "exit status 3"},
	} {
		err := run(c.src)
		var e *Error
		if !errors.As(err, &e) || e.Ename != c.ename || !strings.Contains(strings.Join(e.Traceback, "\n"), c.traceback) {
			t.Errorf("%q:\n%v\nwant %s with\n%s", c.src, err, c.ename, c.traceback)
			if e != nil {
				t.Log(strings.Join(e.Traceback, "\n"))
			}
		}
	}
}
