// Package mpitest tries an mpi.Comm: one suite for every implementation and
// every MPI library, as mpi4py has one for all its communicators.
//
//	func TestSolo(t *testing.T) { mpitest.Run(t, new(mpi.Solo)) }
//
// All ranks run it together. The values are made of rank and index, so that
// each rank computes what the call must yield on its own, serially.
//
// The room's rule: no test relies on what MPI leaves to the library, such as
// the buffering of a message that nobody receives yet.
package mpitest
