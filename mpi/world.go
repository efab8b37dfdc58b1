package mpi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
)

// Level is how far MPI lets threads make calls (MPI 4.0, section 11.6).
type Level int

// The levels, from least to most. With any but ThreadMultiple the package
// makes all calls from one thread.
const (
	ThreadSingle Level = iota + 1
	ThreadFunneled
	ThreadSerialized
	ThreadMultiple
)

var levelNames = [...]string{"none", "MPI_THREAD_SINGLE", "MPI_THREAD_FUNNELED", "MPI_THREAD_SERIALIZED", "MPI_THREAD_MULTIPLE"}

// String is MPI's name of the level; "none" for the zero value.
func (l Level) String() string {
	if l >= 0 && int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("Level(%d)", int(l))
}

// Config is what Init may be told. The zero value is right for nearly all.
type Config struct {
	// Shim is the path of the shim to open. Empty: the package comment says
	// where it is looked for.
	Shim string

	// Threads is the level to ask for, ThreadMultiple if zero. Some libraries
	// are faster with ThreadFunneled, if one goroutine makes all calls anyway.
	Threads Level

	// maxCount is the largest count for MPI's int arguments; tests lower it.
	maxCount int64
}

func (c *Config) validate() error {
	if c.Threads == 0 {
		c.Threads = ThreadMultiple
	}
	if c.Threads < ThreadSingle || c.Threads > ThreadMultiple {
		return fmt.Errorf("mpi: there is no thread level %v", c.Threads)
	}
	if c.maxCount == 0 {
		c.maxCount = math.MaxInt32
	}
	return nil
}

// Info describes the MPI library in use.
type Info struct {
	Flavour string // of the shim: "openmpi", "mpich" (with its kin) or "other"
	Library string // name and version, as the library says them
	Shim    string // path of the shim
	Threads Level  // granted by Init; 0 before it
}

// state is the one MPI of the process, which can be initialised once.
var state struct {
	mu        sync.Mutex
	lib       *library // opened
	info      Info
	begun     bool          // Init was called
	stop      chan struct{} // closed by Finalize; nil before Init is done
	finalized chan error
}

var world atomic.Pointer[communicator] // nil until Init is done

var solo Solo

// World is the Comm of all processes of the job: the only one of a [Solo]
// until Init has returned, and all that the launcher started from then on.
func World() Comm {
	if w := world.Load(); w != nil {
		return w
	}
	return &solo
}

// Init opens the site's MPI library and initialises it, which all processes of
// the job must do. The context limits the wait for them: when it ends, Init
// returns, but MPI goes on waiting, and the process should exit. MPI can be
// initialised once in the life of a process.
func Init(ctx context.Context, cfg Config) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	state.mu.Lock()
	defer state.mu.Unlock()
	if state.begun {
		return errors.New("mpi: Init was called before, and MPI can be initialised only once")
	}
	if err := open(ctx, cfg.Shim); err != nil {
		return err
	}
	state.begun = true

	ready, stop, finalized := make(chan started, 1), make(chan struct{}), make(chan error, 1)
	job, launched := Launched()
	go state.lib.own(cfg.Threads, cfg.maxCount, job.Local, ready, stop, finalized)
	var s started
	select {
	case s = <-ready:
	case <-ctx.Done():
		return fmt.Errorf("mpi: Init with %s: still waiting for the other processes: %w", state.lib.path, context.Cause(ctx))
	}
	if s.err != nil {
		return s.err
	}
	if launched && s.world.size == 1 && (job.Size > 1 || job.Rank > 0) {
		close(stop)
		return fmt.Errorf("mpi: Init: the launcher started this process as rank %d of %s (%s), but %s finds itself alone: "+
			"%s is not a shim for the launcher's MPI; use that MPI's mpirun, or build a shim with its mpicc (ipengine mpi build) and name it in %s",
			job.Rank, job.sizeText(), job.Told, state.info.Library, state.lib.path, ShimEnv)
	}
	s.world.isWorld = true
	state.info.Threads, state.stop, state.finalized = s.level, stop, finalized
	world.Store(s.world)
	return nil
}

// open finds the shim and opens it, once. The caller holds state.mu.
func open(ctx context.Context, path string) error {
	if state.lib != nil {
		if path != "" && path != state.lib.path {
			return fmt.Errorf("mpi: open %s: %s is open already", path, state.lib.path)
		}
		return nil
	}
	lib, err := find(ctx, path)
	if err != nil {
		return err
	}
	state.lib = lib
	state.info = Info{Flavour: lib.flavour(), Library: lib.version(), Shim: lib.path}
	return nil
}

// Finalize ends the use of MPI; all processes of the job must come to it, and
// none should exit without. The context limits the wait for calls that are
// still blocked and for the other processes; when it ends, the process should
// exit, which ends the whole job. Without Init, Finalize does nothing.
func Finalize(ctx context.Context) error {
	state.mu.Lock()
	defer state.mu.Unlock()
	if state.stop == nil {
		return nil
	}
	if err := state.lib.gate.close(ctx); err != nil {
		return fmt.Errorf("mpi: Finalize: %w", err)
	}
	close(state.stop)
	state.stop = nil
	select {
	case err := <-state.finalized:
		return err
	case <-ctx.Done():
		return fmt.Errorf("mpi: Finalize: still waiting for the other processes: %w", context.Cause(ctx))
	}
}

// Describe tells which MPI library is in use or, before Init, would be; for
// that it opens the library, and may build the shim, but initialises nothing.
func Describe(ctx context.Context) (Info, error) {
	state.mu.Lock()
	defer state.mu.Unlock()
	err := open(ctx, "")
	return state.info, err
}
