// Package numeric holds arrays the way engines hold them: split over engines, joined again, reduced, turned
// into bytes and back.
//
// gonum's types are used wherever gonum has one, and Go's slices. A NumPy array with one axis is a slice: of float64 for
// float64, of int for int64, of bool for bool. One of float64 with two is a *mat.Dense, one of complex128 a
// *mat.CDense. Every other array (strings, records, bytes, two axes of other items, more axes, matrices without a
// single element) is an [Array], which keeps dtype and shape exactly. So what came from Python goes back as it came.
// [Build] and [Flatten] are the two directions of that mapping; neither copies what it need not.
//
//	NumPy             Go, by Build              Go, taken by Flatten
//	int64 1-D         []int                     []int, []int64
//	float64 1-D       []float64                 []float64, *mat.VecDense
//	other numbers     a slice of their type     slices of intN, uintN, floatN, complexN
//	bool 1-D          []bool                    []bool
//	float64 2-D       *mat.Dense                *mat.Dense, any other mat.Matrix
//	complex128 2-D    *mat.CDense               *mat.CDense
//	anything else     *Array                    *Array
//
// A []byte is not an array but a string of bytes; as an array of uint8 it is [New](s, len(s)).
//
// [Split] deals the rows of an array, or the items of any slice, into blocks as ipyparallel's scatter does, and
// [Join] is its inverse; [SplitCyclic] and [JoinCyclic] deal them like cards. [Len] and [Item]
// look at one of what they deal. Parts are views wherever memory
// allows. [Reduce] combines equal arrays element by element, and [Convert] carries a received value
// into a Go variable of the caller's type when nothing is lost by it.
//
// The rule of the package: gonum's types stand in the signatures, and a result is written to the receiver or to
// dst, never to an input. Misuse (an index out of range, a shape that does not fit) panics with an [Error], as
// gonum does; data from outside gives an error.
package numeric
