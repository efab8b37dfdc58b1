package mpi

import "fmt"

// Op is what a reduction does with two elements (MPI 4.0, section 6.9.2).
type Op int

// Sum and Prod take all numbers; Min and Max the real ones; the logical LAnd,
// LOr and LXor integers and bool; the bitwise BAnd, BOr and BXor integers.
const (
	Sum Op = iota
	Prod
	Min
	Max
	LAnd
	LOr
	LXor
	BAnd
	BOr
	BXor
)

var opNames = [...]string{"Sum", "Prod", "Min", "Max", "LAnd", "LOr", "LXor", "BAnd", "BOr", "BXor"}

// String is the name of the constant.
func (op Op) String() string {
	if op.valid() {
		return opNames[op]
	}
	return fmt.Sprintf("Op(%d)", int(op))
}

func (op Op) valid() bool { return op >= 0 && int(op) < len(opNames) }

// takes says whether MPI defines the operation for elements of kind k.
func (op Op) takes(k kind) bool {
	switch op {
	case Sum, Prod:
		return k != kindBool
	case Min, Max:
		return k != kindBool && !k.isComplex()
	case LAnd, LOr, LXor:
		return k == kindBool || k.isInteger()
	default:
		return k.isInteger()
	}
}
