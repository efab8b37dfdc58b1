package engine

import (
	"os"

	"muster/mpi"
	"muster/wire"
)

// jobVar is the environment variable by which launchers mark the processes of
// one job.
const jobVar = "MUSTER_JOB"

// thisProcess tells which process this is, and with MPI its rank.
func thisProcess(withMPI bool) wire.EngineProcess {
	host, _ := os.Hostname() // without a name, pid and job have to do
	p := wire.EngineProcess{Host: host, PID: os.Getpid(), Job: os.Getenv(jobVar)}
	if withMPI {
		rank := mpi.World().Rank()
		p.Rank = &rank
	}
	return p
}
