package engine

import (
	"os"

	"muster/mpi"
	"muster/wire"
)

// jobVar is the environment variable by which launchers mark the processes of
// one job.
const jobVar = "MUSTER_JOB"

// afterVar is the mark of the job that has ended before that of the engine was started.
const afterVar = "MUSTER_JOB_AFTER"

// process tells which process this is, with MPI its rank, and how long it lasts.
func (e *Engine) process() wire.EngineProcess {
	host, _ := os.Hostname() // without a name, pid and job have to do
	p := wire.EngineProcess{
		Host: host, PID: os.Getpid(), Job: os.Getenv(jobVar),
		JobEnd: wire.Time{Time: e.cfg.JobEnd}, Draining: e.draining.Load() != nil,
	}
	if e.cfg.mpi {
		rank := mpi.World().Rank()
		p.Rank, p.Size = &rank, mpi.World().Size()
	}
	return p
}
