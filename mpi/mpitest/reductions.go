package mpitest

import (
	"testing"

	"muster/mpi"
)

// reduction tries one operation: op on what of(rank, i) yields must be what
// fold makes of it, rank after rank.
func reduction[T comparable](t *testing.T, c mpi.Comm, op mpi.Op, of func(r, i int) T, fold func(a, b T) T) {
	t.Helper()
	const n = 7
	what := op.String()
	want := make([]T, n)
	mine := make([]T, n)
	for i := range n {
		want[i] = of(0, i)
		for r := 1; r < c.Size(); r++ {
			want[i] = fold(want[i], of(r, i))
		}
		mine[i] = of(c.Rank(), i)
	}
	got := make([]T, n)
	ok(t, "Allreduce "+what, c.Allreduce(mine, got, op))
	same(t, "Allreduce "+what, got, want)

	copy(got, mine)
	ok(t, "Allreduce in place "+what, c.Allreduce(mpi.InPlace, got, op))
	same(t, "Allreduce in place "+what, got, want)

	for root := range c.Size() {
		if c.Rank() != root {
			ok(t, "Reduce "+what, c.Reduce(mine, nil, op, root))
			ok(t, "Reduce in place "+what, c.Reduce(mine, nil, op, root))
			continue
		}
		clear(got)
		ok(t, "Reduce "+what, c.Reduce(mine, got, op, root))
		same(t, "Reduce "+what, got, want)
		copy(got, mine)
		ok(t, "Reduce in place "+what, c.Reduce(mpi.InPlace, got, op, root))
		same(t, "Reduce in place "+what, got, want)
	}
	ok(t, "Allreduce of nothing", c.Allreduce([]T{}, []T(nil), op))
}

type number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint |
		~float32 | ~float64 | ~complex64 | ~complex128
}

func sumAndProd[T number](t *testing.T, c mpi.Comm, of func(int) T) {
	t.Helper()
	element := func(r, i int) T { return of(1 + (r+i)%3) } // small: products must fit int8
	reduction(t, c, mpi.Sum, element, func(a, b T) T { return a + b })
	reduction(t, c, mpi.Prod, element, func(a, b T) T { return a * b })
}

func arithmetic(t *testing.T, c mpi.Comm) {
	sumAndProd(t, c, integer[int8])
	sumAndProd(t, c, integer[int16])
	sumAndProd(t, c, integer[int32])
	sumAndProd(t, c, integer[int64])
	sumAndProd(t, c, integer[int])
	sumAndProd(t, c, integer[uint8])
	sumAndProd(t, c, integer[uint16])
	sumAndProd(t, c, integer[uint32])
	sumAndProd(t, c, integer[uint64])
	sumAndProd(t, c, integer[uint])
	sumAndProd(t, c, float[float32])
	sumAndProd(t, c, float[float64])
	sumAndProd(t, c, func(n int) complex64 { return complex(float32(n), 1) })
	sumAndProd(t, c, func(n int) complex128 { return complex(1, float64(n)) })
}

type ordered interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint | ~float32 | ~float64
}

func minAndMax[T ordered](t *testing.T, c mpi.Comm, of func(int) T) {
	t.Helper()
	// High bits set in unsigned numbers, and signs in signed ones, tell the kinds apart.
	element := func(r, i int) T { return of((r*5+i*3)%7 - 3) }
	reduction(t, c, mpi.Min, element, func(a, b T) T { return min(a, b) })
	reduction(t, c, mpi.Max, element, func(a, b T) T { return max(a, b) })
}

func order(t *testing.T, c mpi.Comm) {
	minAndMax(t, c, integer[int8])
	minAndMax(t, c, integer[int16])
	minAndMax(t, c, integer[int32])
	minAndMax(t, c, integer[int64])
	minAndMax(t, c, integer[int])
	minAndMax(t, c, integer[uint8])
	minAndMax(t, c, integer[uint16])
	minAndMax(t, c, integer[uint32])
	minAndMax(t, c, integer[uint64])
	minAndMax(t, c, integer[uint])
	minAndMax(t, c, float[float32])
	minAndMax(t, c, float[float64])
}

type whole interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint
}

func bitwise[T whole](t *testing.T, c mpi.Comm) {
	t.Helper()
	element := func(r, i int) T { return T(0x35 + r*11 + i*7) }
	reduction(t, c, mpi.BAnd, element, func(a, b T) T { return a & b })
	reduction(t, c, mpi.BOr, element, func(a, b T) T { return a | b })
	reduction(t, c, mpi.BXor, element, func(a, b T) T { return a ^ b })
	truth := func(b bool) T {
		if b {
			return 1
		}
		return 0
	}
	element = func(r, i int) T { return truth((r+i)%2 == 0) }
	reduction(t, c, mpi.LAnd, element, func(a, b T) T { return truth(a != 0 && b != 0) })
	reduction(t, c, mpi.LOr, element, func(a, b T) T { return truth(a != 0 || b != 0) })
	reduction(t, c, mpi.LXor, element, func(a, b T) T { return truth((a != 0) != (b != 0)) })
}

func bits(t *testing.T, c mpi.Comm) {
	bitwise[int8](t, c)
	bitwise[int16](t, c)
	bitwise[int32](t, c)
	bitwise[int64](t, c)
	bitwise[int](t, c)
	bitwise[uint8](t, c)
	bitwise[uint16](t, c)
	bitwise[uint32](t, c)
	bitwise[uint64](t, c)
	bitwise[uint](t, c)
}

func logic(t *testing.T, c mpi.Comm) {
	element := func(r, i int) bool { return (r+i)%3 == 0 }
	reduction(t, c, mpi.LAnd, element, func(a, b bool) bool { return a && b })
	reduction(t, c, mpi.LOr, element, func(a, b bool) bool { return a || b })
	reduction(t, c, mpi.LXor, element, func(a, b bool) bool { return a != b })
}
