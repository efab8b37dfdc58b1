// Pca finds the principal components of 1,797 handwritten digits on four MPI
// engines: the rows are scattered, each engine centres its block and forms its
// Gram matrix, MPI adds the matrices up, and what comes back is checked against
// a serial run and drawn.
//
//	$ go run ./examples/pca
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"gonum.org/v1/gonum/mat"

	"muster/client"
	"muster/cluster"
)

const (
	engines = 4
	shown   = 8 // components pulled back and drawn
	picture = "digits-components.png"
)

// cell is what every engine runs on its block of the rows. A name that a cell
// defines stays for the next one, and for Pull.
const cell = `
must := func(err error) {
	if err != nil {
		panic(err)
	}
}
world := mpi.World()
rows, cols := block.Dims()

// The mean is that of all rows, so the engines add up theirs.
mean := make([]float64, cols)
for i := 0; i < rows; i++ {
	floats.Add(mean, block.RawRowView(i))
}
must(world.Allreduce(mpi.InPlace, mean, mpi.Sum))
floats.Scale(1/float64(n), mean)
for i := 0; i < rows; i++ {
	floats.Sub(block.RawRowView(i), mean)
}

gram := mat.NewDense(cols, cols, nil)
gram.Mul(block.T(), block)
must(world.Allreduce(mpi.InPlace, gram, mpi.Sum))
gram.Scale(1/float64(n-1), gram)
`

// solve runs on one engine: the covariance is the same on all.
const solve = `
var eigen mat.EigenSym
if !eigen.Factorize(mat.NewSymDense(cols, gram.RawMatrix().Data), true) {
	panic("no eigenvalues")
}
values := eigen.Values(nil) // ascending
var vectors mat.Dense
eigen.VectorsTo(&vectors)
components := mat.DenseCopyOf(vectors.Slice(0, cols, cols-shown, cols))
`

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	images, err := readDigits()
	if err != nil {
		return err
	}
	n, _ := images.Dims()
	clock := newClock()

	c, err := cluster.Start(ctx, cluster.Config{ID: "pca", N: engines, Engines: "mpi"})
	if err != nil {
		return err
	}
	defer c.Stop(context.WithoutCancel(ctx)) // also when something below fails
	all := c.Client.Direct(client.All)
	clock.lap("start a controller and 4 MPI engines")

	if err := all.Push(ctx, map[string]any{"n": n, "shown": shown}); err != nil {
		return err
	}
	if err := all.Scatter(ctx, "block", images); err != nil {
		return err
	}
	clock.lap("scatter the rows")

	if _, err := all.Execute(ctx, cell); err != nil {
		return err
	}
	clock.lap("centre, form and add up Gram matrices")

	first := c.Client.Direct(client.Engines(0))
	if _, err := first.Execute(ctx, solve); err != nil {
		return err
	}
	pulled, err := first.Pull(ctx, "values", "components")
	if err != nil {
		return err
	}
	values, components := pulled[0]["values"].([]float64), pulled[0]["components"].(*mat.Dense)
	clock.lap("solve, pull the eigenvalues and components")

	if err := c.Stop(ctx); err != nil {
		return err
	}
	clock.lap("stop the cluster")

	report(values)
	if err := check(images, values, components); err != nil {
		return err
	}
	if err := draw(picture, components); err != nil {
		return err
	}
	fmt.Printf("The first %d components are drawn in %s.\n\n", shown, picture)
	clock.print()
	return nil
}
