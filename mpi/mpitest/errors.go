package mpitest

import (
	"testing"

	"gonum.org/v1/gonum/mat"

	"muster/mpi"
)

// wrongArguments must be found on each rank before MPI is called, so that no
// rank is left waiting in a call that another has left.
func wrongArguments(t *testing.T, c mpi.Comm) {
	size := c.Size()
	two, three := []float64{1, 2}, []float64{1, 2, 3}
	all := make([]float64, 2*size)
	counts := make([]int, size)
	for i := range counts {
		counts[i] = 2
	}
	recv := func(buf any, source, tag int) error { _, err := c.Recv(buf, source, tag); return err }
	probe := func(source, tag int) error { _, err := c.Probe(source, tag); return err }
	exchange := func(send any, dest, sendtag int, recv any, source, recvtag int) error {
		_, err := c.Sendrecv(send, dest, sendtag, recv, source, recvtag)
		return err
	}
	divide := func(color, key int) error { _, err := c.Split(color, key); return err }
	// For calls that only the root checks in full, all are the root of something wrong with the rest.
	root := c.Rank()
	for _, tt := range []struct {
		name string
		err  error
		want mpi.Class
	}{
		{"root beyond the last", c.Bcast(two, size), mpi.ErrRoot},
		{"negative root", c.Reduce(two, all[:2], mpi.Sum, -1), mpi.ErrRoot},
		{"root AnySource", c.Gather(two, all, mpi.AnySource), mpi.ErrRoot},
		{"scatter root", c.Scatter(all, two, size), mpi.ErrRoot},
		{"gatherv root", c.Gatherv(two, all, counts, nil, size), mpi.ErrRoot},
		{"scatterv root", c.Scatterv(all, counts, nil, two, size), mpi.ErrRoot},

		{"no buffer", c.Bcast(nil, 0), mpi.ErrBuffer},
		{"nil pointer", c.Bcast((*int)(nil), 0), mpi.ErrBuffer},
		{"nil matrix", c.Bcast((*mat.Dense)(nil), 0), mpi.ErrBuffer},
		{"nil vector", c.Bcast((*mat.VecDense)(nil), 0), mpi.ErrBuffer},
		{"nil complex matrix", c.Bcast((*mat.CDense)(nil), 0), mpi.ErrBuffer},
		{"nil array", c.Bcast((*shaped)(nil), 0), mpi.ErrBuffer},
		{"string", c.Bcast("text", 0), mpi.ErrBuffer},
		{"slice of strings", c.Bcast([]string{"text"}, 0), mpi.ErrBuffer},
		{"number, not its address", c.Bcast(3, 0), mpi.ErrBuffer},
		{"transposed matrix", c.Bcast(mat.NewDense(2, 2, nil).T(), 0), mpi.ErrBuffer},
		{"in place broadcast", c.Bcast(mpi.InPlace, 0), mpi.ErrBuffer},
		{"in place send", c.Send(mpi.InPlace, 0, 0), mpi.ErrBuffer},
		{"in place receive buffer", c.Allreduce(two, mpi.InPlace, mpi.Sum), mpi.ErrBuffer},
		{"in place twice", c.Allreduce(mpi.InPlace, mpi.InPlace, mpi.Sum), mpi.ErrBuffer},
		{"in place scatter of nothing", c.Scatter(mpi.InPlace, two, root), mpi.ErrBuffer},
		{"same buffer twice", c.Allreduce(two, two, mpi.Sum), mpi.ErrBuffer},
		{"overlapping buffers", c.Allreduce(three[:2], three[1:], mpi.Sum), mpi.ErrBuffer},
		{"overlapping exchange", exchange(three[:2], 0, 0, three[1:], 0, 0), mpi.ErrBuffer},

		{"types differ", c.Allreduce(two, []float32{1, 2}, mpi.Sum), mpi.ErrType},
		{"signs differ", c.Allgather([]int32{1}, make([]uint32, size)), mpi.ErrType},

		{"lengths differ", c.Allreduce(two, three, mpi.Sum), mpi.ErrCount},
		{"gather too short", c.Allgather(two, all[1:]), mpi.ErrCount},
		{"scatter too long", c.Scatter(append(all, 1), two, root), mpi.ErrCount},
		{"part beyond the end", c.Allgatherv(two, all[1:], counts, nil), mpi.ErrCount},
		{"part of another length", c.Allgatherv(three, all, counts, nil), mpi.ErrCount},
		{"negative displacement", c.Gatherv(two, all, counts, shifted(size, -1), root), mpi.ErrCount},
		{"displacement beyond the end", c.Gatherv(two, all, counts, shifted(size, 2*size), root), mpi.ErrCount},
		{"too few counts", c.Allgatherv(two, all, counts[1:], nil), mpi.ErrArg},
		{"too many displacements", c.Scatterv(all, counts, make([]int, size+1), two, root), mpi.ErrArg},

		{"no such operation", c.Allreduce(two, all[:2:2], mpi.Op(99)), mpi.ErrOp},
		{"bits of floats", c.Allreduce(two, []float64{0, 0}, mpi.BAnd), mpi.ErrOp},
		{"order of complex numbers", c.Allreduce([]complex128{1}, []complex128{2}, mpi.Max), mpi.ErrOp},
		{"sum of bools", c.Allreduce([]bool{true}, []bool{false}, mpi.Sum), mpi.ErrOp},

		{"destination beyond the last", c.Send(two, size, 0), mpi.ErrRank},
		{"destination AnySource", c.Send(two, mpi.AnySource, 0), mpi.ErrRank},
		{"source beyond the last", recv(two, size, 0), mpi.ErrRank},
		{"probe beyond the last", probe(size, 0), mpi.ErrRank},
		{"exchange beyond the last", exchange(two, 0, 0, three, size, 0), mpi.ErrRank},
		{"negative tag", c.Send(two, 0, -5), mpi.ErrTag},
		{"tag AnyTag", c.Send(two, 0, mpi.AnyTag), mpi.ErrTag},
		{"negative tag of a receive", recv(two, 0, -5), mpi.ErrTag},
		{"negative color", divide(-1, 0), mpi.ErrArg},
		{"key of 33 bits", divide(0, 1<<40), mpi.ErrArg},
	} {
		class(t, tt.name, tt.err, tt.want)
	}
	ok(t, "Barrier after all that", c.Barrier())
}

// shifted is the displacements of parts of two, all moved by n.
func shifted(size, n int) []int {
	d := make([]int, size)
	for i := range d {
		d[i] = 2*i + n
	}
	return d
}
