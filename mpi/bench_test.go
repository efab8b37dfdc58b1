package mpi_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"muster/mpi"
)

// The benchmarks run on whatever the world is: Solo under go test, and the
// real library under an mpirun, beside the same loop in C:
//
//	go test -c -o /tmp/mpi.test ./mpi
//	mpirun -n 2 /tmp/mpi.test -test.run '^$' -test.bench World -test.benchmem -test.benchtime 10000x
//	mpicc -O2 -o /tmp/allreduce mpi/testdata/allreduce.c && mpirun -n 2 /tmp/allreduce 10000
//
// With -n 1 nothing is sent, and the difference is what a call costs.

// together refuses a number of calls that each rank would choose for itself.
func together(b *testing.B, c mpi.Comm) {
	if !strings.HasSuffix(flag.Lookup("test.benchtime").Value.String(), "x") && c.Size() > 1 {
		b.Fatal("ranks must make the same calls: give -test.benchtime 10000x")
	}
}

func BenchmarkWorldAllreduce(b *testing.B) {
	c := mpi.World()
	together(b, c)
	for n := 1; n <= 10_000; n *= 100 {
		b.Run(fmt.Sprintf("float64=%d", n), func(b *testing.B) {
			var send, recv any = make([]float64, n), make([]float64, n)
			b.SetBytes(int64(8 * n))
			for range b.N {
				if err := c.Allreduce(send, recv, mpi.Sum); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One number there and back between neighbours.
func BenchmarkWorldSendrecv(b *testing.B) {
	c := mpi.World()
	together(b, c)
	partner := c.Rank() ^ 1
	if partner >= c.Size() {
		partner = c.Rank()
	}
	send, recv := new(float64), new(float64)
	for range b.N {
		if _, err := c.Sendrecv(send, partner, 0, recv, partner, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWorldBarrier(b *testing.B) {
	c := mpi.World()
	together(b, c)
	for range b.N {
		if err := c.Barrier(); err != nil {
			b.Fatal(err)
		}
	}
}
