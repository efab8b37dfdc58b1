package interp

import (
	"strings"
	"testing"
)

// TestTablesOnDemand looks at which tables have been built: none for an engine
// that is idle, and for a cell those of its packages and of the types in them.
func TestTablesOnDemand(t *testing.T) {
	const gonum = "gonum.org/v1/gonum/"
	in := newInterp(t, Config{})
	want := func(when string, paths ...string) {
		t.Helper()
		expected := map[string]bool{}
		for _, p := range paths {
			expected[gonum+p] = true
		}
		for path, table := range in.world.tables {
			if strings.HasPrefix(path, gonum) && (table.built != nil) != expected[path] {
				t.Errorf("%s: the table of %s is built: %t", when, path, table.built != nil)
			}
		}
	}
	want("at the start")
	exec(t, in, "floats.Sum([]float64{1, 2})")
	want("after floats", "floats")
	exec(t, in, "mat.Trace(mat.NewDense(1, 1, nil))")
	want("after mat", "floats", "mat", "blas", "blas/blas64", "lapack", "lapack/lapack64")
}

// TestWrapperOfUnseenPackage passes a type of a cell for an interface of a
// package that no cell has named.
func TestWrapperOfUnseenPackage(t *testing.T) {
	in := newInterp(t, Config{})
	exec(t, in, `type counter struct{ n *int }
func (c counter) Write(p []byte) (int, error) { *c.n += len(p); return len(p), nil }
n := 0
fmt.Fprint(counter{&n}, "four")`)
	if n, err := in.Get("n"); err != nil || n != 4 {
		t.Errorf("n = %v, %v", n, err)
	}
}
