package launcher

import (
	"context"
	"syscall"
	"time"
)

// A Launcher starts sets of copies of one program.
type Launcher interface {
	// Start starts n copies as one job. The context bounds the start alone: a
	// job that has been started outlives it. When Start fails nothing is left
	// running.
	Start(ctx context.Context, n int) (Job, error)
}

// A Job is one set of copies of a program, from start to end. Its methods may
// be called from any goroutine.
type Job interface {
	// State is where the job is now.
	State() State
	// Wait returns a channel that closes when the job has reached the state.
	Wait(State) <-chan struct{}
	// Pending is what the batch system tells of a job that is queued; nothing if
	// that has not told, or when the job is not queued.
	Pending() Waiting
	// Failed returns a channel that closes when the first copy ends badly
	// without having been told to. The other copies may go on.
	Failed() <-chan struct{}
	// Err says why the first copy that failed did, an *ExitError for a
	// process. It is nil while none has, and stays nil when the job is stopped.
	Err() error
	// Ends returns a channel, always the same, that has room for the end of each
	// copy as it comes, whoever has brought it about, and that closes when the job
	// has ended.
	Ends() <-chan End
	// Output is the tail of what the copies have printed.
	Output() string
	// Handle is what it takes to stop the job from another process.
	Handle() Handle
	// Signal sends a signal to each process that the launcher started itself.
	// Under mpirun this is mpirun, which passes on what its manual says; under a
	// batch system it is the job's script, which passes on what is no end.
	Signal(syscall.Signal) error
	// Stop asks every copy to end, kills what has not ended after the
	// launcher's grace or when ctx is done, and returns when all are gone.
	Stop(ctx context.Context) error
}

// State is a stage in the life of a job. A job never goes back to an earlier
// one.
type State int

const (
	Queued  State = iota // submitted, and waiting for its turn
	Running              // its processes have been started
	Ended                // none of its processes is left
)

// String is the state's name in lower case.
func (s State) String() string {
	return [...]string{"queued", "running", "ended"}[s]
}

// DefaultGrace is the time between SIGTERM and SIGKILL, as ipyparallel's
// launchers have it.
const DefaultGrace = 5 * time.Second
