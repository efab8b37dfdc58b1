package interp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzCompile takes cells as far as yaegi's compiler, but does not run them:
// random code may remove files. Whatever the source, there is a program or an
// *Error that says where, and the namespace works as before.
func FuzzCompile(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range strings.Split(string(b), "\ncell\n")[1:] {
			src, _, _ := strings.Cut(c, "\n----")
			f.Add(src)
		}
	}
	for _, src := range []string{"", ";", "\x00", "func", "a := ", "x.y.z", "import", "/*line x:1*/ a", "//line x:9\na", "package", "\xff", "type T T", "type T struct{ T }", "var a = a", "func f[T f[T]]() {}", "goto L", "L:", "case 1:", "}; func g() {", "a, b := 1"} {
		f.Add(src)
	}
	in := newInterp(f, Config{})
	exec(f, in, "known := 1\nfunc add(a, b int) int { return a + b }\ntype P struct{ X int }")
	f.Fuzz(func(t *testing.T, src string) {
		text := in.newCell("fuzz", src)
		defer in.forget(text)
		err := func() *Error {
			items, err := in.parse(text, src)
			if err != nil || len(items) == 0 {
				return err
			}
			chk, err := in.check(text, items, false)
			if err != nil {
				return err
			}
			p, err := in.plan(chk)
			defer p.undo()
			if err != nil {
				return err
			}
			_, err = in.compile(p.e, p.body)
			return err
		}()
		if err != nil && (err.Ename != SyntaxError && err.Ename != CompileError || err.Evalue == "") {
			t.Errorf("%q gives %+v", src, err)
		}
		if got := exec(t, in, "add(known, P{X: 1}.X)"); got != 2 {
			t.Errorf("%q leaves a namespace that says %v", src, got)
		}
	})
}
