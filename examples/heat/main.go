// Heat lets heat spread over a plate whose rows are dealt out over four MPI
// engines. The step is compiled Go: this program is the client and, started
// once more by mpirun or by a batch system, each of the engines.
//
//	$ go run ./examples/heat
//	$ heat -engines slurm
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"

	"gonum.org/v1/gonum/mat"

	"muster/client"
	"muster/cluster"
	"muster/engine"
	"muster/mpi"
)

var spread = engine.Func("heat.Spread", Spread)

// Spread makes steps of the explicit scheme on this rank's rows of a plate, in
// place, and returns the highest temperature of the whole plate. Beyond the
// edges it is 0 degrees.
func Spread(plate *mat.Dense, steps int) (float64, error) {
	world := mpi.World()
	up, down := world.Rank()-1, world.Rank()+1
	if up < 0 {
		up = mpi.ProcNull
	}
	if down == world.Size() {
		down = mpi.ProcNull
	}
	rows, cols := plate.Dims()
	// One more row above and below: the neighbours', or the cold outside.
	now, next := mat.NewDense(rows+2, cols, nil), mat.NewDense(rows+2, cols, nil)
	now.Slice(1, rows+1, 0, cols).(*mat.Dense).Copy(plate)
	for range steps {
		if _, err := world.Sendrecv(now.RawRowView(1), up, 0, now.RawRowView(rows+1), down, 0); err != nil {
			return 0, err
		}
		if _, err := world.Sendrecv(now.RawRowView(rows), down, 0, now.RawRowView(0), up, 0); err != nil {
			return 0, err
		}
		for i := 1; i <= rows; i++ {
			above, here, below, out := now.RawRowView(i-1), now.RawRowView(i), now.RawRowView(i+1), next.RawRowView(i)
			for j, t := range here {
				left, right := 0.0, 0.0
				if j > 0 {
					left = here[j-1]
				}
				if j < cols-1 {
					right = here[j+1]
				}
				out[j] = t + 0.2*(above[j]+below[j]+left+right-4*t)
			}
		}
		now, next = next, now
	}
	plate.Copy(now.Slice(1, rows+1, 0, cols))
	highest := []float64{mat.Max(plate)}
	err := world.Allreduce(mpi.InPlace, highest, mpi.Max)
	return highest[0], err
}

func main() {
	engine.Main() // does not return in an engine
	log.SetFlags(0)
	engines := flag.String("engines", "mpi", "launcher of the engines: mpi, slurm, sge")
	flag.Parse()
	if err := run(context.Background(), *engines); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, engines string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c, err := cluster.Start(ctx, cluster.Config{ID: "heat", N: 4, Engines: engines, Engine: []string{self, engine.Argument}})
	if err != nil {
		return err
	}
	defer c.Stop(ctx)
	all := c.Client.Direct(client.All)

	const steps = 500
	plate := hotRing(120, 240)
	if err := all.Scatter(ctx, "plate", plate); err != nil {
		return err
	}
	highest, err := client.Call[float64](ctx, all, spread, client.Ref("plate"), steps)
	if err != nil {
		return err
	}
	gathered, err := all.Gather(ctx, "plate")
	if err != nil {
		return err
	}
	result := gathered.(*mat.Dense)
	draw(result)
	fmt.Printf("after %d steps the hottest point has %.1f degrees\n", steps, highest[0])

	// Here, outside of MPI, the world is one rank: the same function is serial.
	if _, err := Spread(plate, steps); err != nil {
		return err
	}
	if !mat.Equal(plate, result) {
		return fmt.Errorf("the engines' plate differs from that of a serial run")
	}
	fmt.Println("a serial run gives the same, bit for bit")
	return nil
}
