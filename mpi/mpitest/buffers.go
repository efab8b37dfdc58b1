package mpitest

import (
	"testing"

	"gonum.org/v1/gonum/mat"

	"muster/mpi"
)

// shaped is an array as numeric has them: it shows its elements as a slice.
type shaped struct{ items []int32 }

func (s *shaped) Slice() any { return s.items }

// matrices tries gonum's types: whole, and as views with a stride.
func matrices(t *testing.T, c mpi.Comm) {
	rank, size := c.Rank(), c.Size()
	const rows, cols = 3, 4
	value := func(r, i, j int) float64 { return float64(100*r + 10*i + j) }

	// view is a rows*cols window in a larger matrix of -1.
	view := func() (window, frame *mat.Dense) {
		frame = mat.NewDense(rows+2, cols+2, nil)
		frame.Apply(func(_, _ int, _ float64) float64 { return -1 }, frame)
		return frame.Slice(1, rows+1, 1, cols+1).(*mat.Dense), frame
	}
	untouched := func(frame *mat.Dense) {
		t.Helper()
		for i := range rows + 2 {
			for j := range cols + 2 {
				inside := i >= 1 && i <= rows && j >= 1 && j <= cols
				if !inside && frame.At(i, j) != -1 {
					t.Fatalf("the element %d,%d beside the view was overwritten", i, j)
				}
			}
		}
	}
	mine, _ := view()
	mine.Apply(func(i, j int, _ float64) float64 { return value(rank, i, j) }, mine)
	want := mat.NewDense(rows, cols, nil)
	want.Apply(func(i, j int, _ float64) float64 {
		sum := 0.0
		for r := range size {
			sum += value(r, i, j)
		}
		return sum
	}, want)

	whole := mat.NewDense(rows, cols, nil)
	ok(t, "Allreduce to a matrix", c.Allreduce(mine, whole, mpi.Sum))
	equal(t, "Allreduce to a matrix", whole, want)

	window, frame := view()
	ok(t, "Allreduce to a view", c.Allreduce(mine, window, mpi.Sum))
	equal(t, "Allreduce to a view", window, want)
	untouched(frame)

	window, frame = view()
	window.Copy(mine)
	ok(t, "Allreduce in place of a view", c.Allreduce(mpi.InPlace, window, mpi.Sum))
	equal(t, "Allreduce in place of a view", window, want)
	untouched(frame)

	window, frame = view()
	if rank == size-1 {
		window.Copy(mine)
	}
	ok(t, "Bcast of a view", c.Bcast(window, size-1))
	for i := range rows {
		for j := range cols {
			if got := window.At(i, j); got != value(size-1, i, j) {
				t.Fatalf("Bcast of a view: element %d,%d is %v", i, j, got)
			}
		}
	}
	untouched(frame)

	// The rows of all ranks under each other, and a column of each.
	stacked := mat.NewDense(size*rows, cols, nil)
	ok(t, "Allgather of views", c.Allgather(mine, stacked))
	for r := range size {
		for i := range rows {
			for j := range cols {
				if got := stacked.At(r*rows+i, j); got != value(r, i, j) {
					t.Fatalf("Allgather of views: element %d,%d of rank %d is %v", i, j, r, got)
				}
			}
		}
	}
	column := mine.ColView(2).(*mat.VecDense)
	sums := mat.NewDense(rows, 3, nil)
	sum := sums.ColView(1).(*mat.VecDense)
	ok(t, "Allreduce of a column", c.Allreduce(column, sum, mpi.Sum))
	for i := range rows {
		if sums.At(i, 1) != want.At(i, 2) || sums.At(i, 0) != 0 || sums.At(i, 2) != 0 {
			t.Fatalf("Allreduce of a column: got %v", mat.Formatted(sums))
		}
	}

	z := mat.NewCDense(2, 2, []complex128{1, 2i, 3, complex(float64(rank), 1)})
	ok(t, "Allreduce of a complex matrix", c.Allreduce(mpi.InPlace, z, mpi.Sum))
	n := complex(float64(size), 0)
	same(t, "Allreduce of a complex matrix", z.RawCMatrix().Data,
		[]complex128{n, n * 2i, n * 3, complex(float64(size*(size-1)/2), float64(size))})

	a := &shaped{[]int32{int32(rank), 1}}
	ok(t, "Allreduce of a shaped array", c.Allreduce(mpi.InPlace, a, mpi.Sum))
	same(t, "Allreduce of a shaped array", a.items, []int32{int32(size * (size - 1) / 2), int32(size)})
}

func equal(t *testing.T, what string, got, want mat.Matrix) {
	t.Helper()
	if !mat.Equal(got, want) {
		t.Fatalf("%s: got\n%v\nwant\n%v", what, mat.Formatted(got), mat.Formatted(want))
	}
}

// pointers tries single numbers and arrays.
func pointers(t *testing.T, c mpi.Comm) {
	n, sum := c.Rank()+1, 0
	ok(t, "Allreduce of an int", c.Allreduce(&n, &sum, mpi.Sum))
	same(t, "Allreduce of an int", []int{sum}, []int{c.Size() * (c.Size() + 1) / 2})

	v := [3]float32{1, 2, float32(c.Rank())}
	ok(t, "Bcast of an array", c.Bcast(&v, 0))
	same(t, "Bcast of an array", v[:], []float32{1, 2, 0})

	all := make([]int, c.Size())
	ok(t, "Allgather of an int", c.Allgather(&n, all))
	for r, got := range all {
		if got != r+1 {
			t.Fatalf("Allgather of an int: got %v", all)
		}
	}
}
