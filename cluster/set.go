package cluster

import (
	"slices"
	"time"

	"muster/launcher"
	"muster/wire"
)

// A Set is engines that were started together: one job, and where they are ranks
// one MPI world. It stays the same set when it is started again.
type Set struct {
	Name     string          `json:"name"`     // "1", "2" and so on; no two sets in the life of a cluster have the same
	Launcher string          `json:"launcher"` // one of launcher.Names
	N        int             `json:"n"`        // engines asked for
	IDs      []wire.EngineID `json:"ids"`      // that they are told to ask for, by rank or by copy
	Started  time.Time       `json:"started"`  // the latest time
	Handle   launcher.Handle `json:"handle"`
	// Queued and Gone are what became of a job of a batch system, as far as the
	// supervisor has seen: it waits for its turn, or it has ended.
	Queued bool `json:"queued,omitempty"`
	Gone   bool `json:"gone,omitempty"`
	// Waiting is what a queued job waits for, as far as the batch system tells.
	Waiting launcher.Waiting `json:"waiting,omitzero"`
	// Missing is how many have not registered yet, of a set that the cluster has begun
	// without them.
	Missing int `json:"missing,omitempty"`

	// Next is the job that takes over when this one has ended, and Chain how many more
	// are to follow after that.
	Next  *launcher.Handle `json:"next,omitempty"`
	Chain int              `json:"chain,omitempty"`
	// Removing says that the set is being ended on somebody's word.
	Removing bool `json:"removing,omitempty"`
}

// State says what has become of the set: removing, queued, running or, when none of its
// engines runs, ended.
func (s *Set) State() State {
	switch {
	case s.Removing:
		return Removing
	case s.Queued:
		return Queued
	case s.Alive() == 0:
		return Ended
	}
	return Running
}

// Alive is the number of engines that run, as far as processes tell, and have
// registered: the ranks of one mpirun run or end together, and those of a host as its connection. So
// do those of a job of a batch system, of which the record tells what its
// supervisor saw last.
func (s *Set) Alive() int {
	if s.Handle.Batch != nil {
		if s.Queued || s.Gone {
			return 0
		}
		return s.N - s.Missing
	}
	alive := len(s.Handle.Alive())
	if isWorld(s.Launcher) || s.Handle.Remote != nil {
		alive = alive * s.N / max(1, len(s.Handle.Processes))
	}
	return min(alive, s.N-s.Missing)
}

// Queue says what the set waits for in the queue of a batch system, as in "slurm job 17
// is queued since 13:40 (13m): Priority"; "" if it does not.
func (s *Set) Queue() string {
	if !s.Queued || s.Handle.Batch == nil {
		return ""
	}
	return Progress{Job: s.Handle.Batch.String(), Since: s.Started, Waiting: s.Waiting}.String()
}

// isWorld says of a launcher that its one process here is all engines.
func isWorld(name string) bool { return name == "mpi" || name == "srun" }

// Set returns a set by its name; nil if there is none.
func (r *Record) Set(name string) *Set {
	i := slices.IndexFunc(r.Sets, func(s Set) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Sets[i]
}

// N is the number of engines asked for, of all sets.
func (r *Record) N() (n int) {
	for _, s := range r.Sets {
		n += s.N
	}
	return n
}

// EnginesAlive is the number of engines that run, of all sets, as far as processes tell.
func (r *Record) EnginesAlive() (n int) {
	supervised := r.Supervisor.Alive()
	for _, s := range r.Sets {
		if supervised || s.Handle.Batch == nil {
			n += s.Alive()
		}
	}
	return n
}

// Launchers names the launchers of the sets, each once.
func (r *Record) Launchers() []string {
	var names []string
	for _, s := range r.Sets {
		if !slices.Contains(names, s.Launcher) {
			names = append(names, s.Launcher)
		}
	}
	return names
}
