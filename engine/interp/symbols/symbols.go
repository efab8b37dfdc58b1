// Package symbols holds the tables of compiled packages that cells may import
// beyond the standard library. Every other file here is generated.
package symbols

import "reflect"

// Tables maps "import/path/name" to what builds the table of that package: its
// identifiers, as yaegi's extract command writes them. A table has the process
// touch the package's code and types, so it is built for the cell that needs it.
var Tables = map[string]func() map[string]reflect.Value{}

// Packages are the import paths of the tables.
var Packages = []string{
	"muster/mpi",
	"muster/numeric",
	"gonum.org/v1/gonum/blas",
	"gonum.org/v1/gonum/blas/blas64",
	"gonum.org/v1/gonum/cmplxs",
	"gonum.org/v1/gonum/diff/fd",
	"gonum.org/v1/gonum/dsp/fourier",
	"gonum.org/v1/gonum/dsp/window",
	"gonum.org/v1/gonum/floats",
	"gonum.org/v1/gonum/floats/scalar",
	"gonum.org/v1/gonum/graph",
	"gonum.org/v1/gonum/graph/network",
	"gonum.org/v1/gonum/graph/path",
	"gonum.org/v1/gonum/graph/simple",
	"gonum.org/v1/gonum/graph/topo",
	"gonum.org/v1/gonum/graph/traverse",
	"gonum.org/v1/gonum/integrate",
	"gonum.org/v1/gonum/integrate/quad",
	"gonum.org/v1/gonum/interp",
	"gonum.org/v1/gonum/lapack",
	"gonum.org/v1/gonum/lapack/lapack64",
	"gonum.org/v1/gonum/mat",
	"gonum.org/v1/gonum/mathext",
	"gonum.org/v1/gonum/num/quat",
	"gonum.org/v1/gonum/optimize",
	"gonum.org/v1/gonum/optimize/convex/lp",
	"gonum.org/v1/gonum/spatial/kdtree",
	"gonum.org/v1/gonum/spatial/r2",
	"gonum.org/v1/gonum/spatial/r3",
	"gonum.org/v1/gonum/stat",
	"gonum.org/v1/gonum/stat/combin",
	"gonum.org/v1/gonum/stat/distmv",
	"gonum.org/v1/gonum/stat/distuv",
	"gonum.org/v1/gonum/stat/samplemv",
	"gonum.org/v1/gonum/stat/sampleuv",
	"gonum.org/v1/gonum/unit",
	"gonum.org/v1/gonum/unit/constant",
}
