package mpi_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"gonum.org/v1/gonum/mat"

	"muster/mpi"
)

// Every rank sums its own part; Allreduce makes of the parts the whole, for
// all. Before Init the world has one rank, and the same code runs.
func ExampleComm_allreduce() {
	world := mpi.World()
	mine := []float64{1, 2, 3}
	sum := make([]float64, 3)
	if err := world.Allreduce(mine, sum, mpi.Sum); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("rank %d of %d: %v\n", world.Rank(), world.Size(), sum)
	// Output: rank 0 of 1: [1 2 3]
}

// Matrices are buffers, and a result may take the place of the operand.
func ExampleComm_inPlace() {
	gram := mat.NewDense(2, 2, []float64{2, 1, 1, 2})
	if err := mpi.World().Allreduce(mpi.InPlace, gram, mpi.Sum); err != nil {
		log.Fatal(err)
	}
	fmt.Println(mat.Formatted(gram))
	// Output:
	// ⎡2  1⎤
	// ⎣1  2⎦
}

// A ring: each rank passes a number to the right and gets one from the left.
func ExampleComm_sendrecv() {
	world := mpi.World()
	rank, size := world.Rank(), world.Size()
	token, got := []int{rank}, []int{-1}
	status, err := world.Sendrecv(token, (rank+1)%size, 7, got, (rank+size-1)%size, 7)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got, "from", status.Source, "length", status.Count(got))
	// Output: [0] from 0 length 1
}

// A program of its own, to be started by mpirun.
func ExampleInit() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := mpi.Init(ctx, mpi.Config{}); err != nil {
		log.Fatal(err)
	}
	largest := float64(mpi.World().Rank())
	if err := mpi.World().Allreduce(mpi.InPlace, &largest, mpi.Max); err != nil {
		log.Print(err)
		mpi.World().Abort(1)
	}
	fmt.Println("the last rank is", largest)
	if err := mpi.Finalize(ctx); err != nil {
		log.Fatal(err)
	}
}
