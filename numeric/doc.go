// Package numeric holds arrays the way engines hold them: split over engines, joined again, reduced, turned
// into bytes and back.
//
// gonum's types are used wherever gonum has one. A NumPy array of float64 is a []float64 (1-D) or a
// *mat.Dense (2-D), one of complex128 is a []complex128 or a *mat.CDense. Every other array (float32, integers,
// bool, strings, records, any number of axes, and those without a single element) is an [Array], which keeps
// dtype and shape exactly, so that what came from Python goes back as it came. [Build] and [Flatten] are the two
// directions of that mapping; neither copies what it need not.
//
//	NumPy             Go, by Build              Go, taken by Flatten
//	float64 1-D       []float64                 []float64, *mat.VecDense
//	float64 2-D       *mat.Dense                *mat.Dense, any other mat.Matrix
//	complex128 1-D    []complex128              []complex128
//	complex128 2-D    *mat.CDense               *mat.CDense
//	anything else     *Array                    *Array, slices of bool, intN, uintN, floatN, complexN
//
// A []byte is not an array but a string of bytes; as an array of uint8 it is [New](s, len(s)).
//
// [Split] deals the rows of an array, or the items of any slice, into blocks as ipyparallel's scatter does, and
// [Join] is its inverse; [SplitCyclic] and [JoinCyclic] deal them like cards. Parts are views wherever memory
// allows. [Reduce] combines equal arrays element by element, and [Convert] carries a received value
// into a Go variable of the caller's type when nothing is lost by it.
//
// The rule of the package: gonum's types stand in the signatures, and a result is written to the receiver or to
// dst, never to an input. Misuse (an index out of range, a shape that does not fit) panics with an [Error], as
// gonum does; data from outside gives an error.
package numeric
