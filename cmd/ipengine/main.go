// Ipengine is one engine of a cluster: it runs Go, interpreted, for the clients
// of a controller, alone or as a rank of an MPI job.
//
//	$ ipengine --profile=default
//	$ mpirun -n 4 ipengine --mpi
//
// All of it is in package engine, so that a program with compiled functions of
// its own can be an engine as well: see engine.Main.
package main

import (
	"os"

	"muster/engine"
)

func main() { os.Exit(engine.Command(os.Args[1:])) }
