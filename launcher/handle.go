package launcher

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Handle holds what it takes to find a job's processes and to end them, from
// this process or from another one, later. It is written into records as JSON.
type Handle struct {
	Processes []Process `json:"processes"` // those that the launcher started, leaders of their groups
	Mark      string    `json:"mark"`      // in the environment of these and of their descendants
	// Ranks says that the processes are mpiruns, and that it is their ranks
	// that are to be asked to end: an mpirun that gets SIGTERM gives its ranks
	// no time to finalize MPI.
	Ranks bool `json:"ranks,omitempty"`
	// Step is the Slurm job of which the process is an srun: it is the step that is to be
	// asked to end, as an srun that gets SIGTERM has its tasks killed.
	Step string `json:"step,omitempty"`
	// Remote names the hosts if the copies were started by ssh. The processes are the
	// connections to these.
	Remote *Remote `json:"remote,omitempty"`
	// Batch names the job if a batch system has it. There are no processes then.
	Batch *Batch `json:"batch,omitempty"`
}

// markName is the environment variable that carries a job's mark.
const markName = "MUSTER_JOB"

// afterName is the variable that carries the mark of the job that this one comes after.
const afterName = "MUSTER_JOB_AFTER"

// NewMark returns a mark that no other job has.
func NewMark() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// Alive returns those of the started processes that still run.
func (h Handle) Alive() []Process {
	var alive []Process
	for _, p := range h.Processes {
		if p.Alive() {
			alive = append(alive, p)
		}
	}
	return alive
}

// ranks returns the processes of MPI ranks, and of what these have started.
func (h Handle) ranks() []Process {
	started := make(map[Process]bool)
	for _, p := range h.Processes {
		started[p] = true
	}
	var ranks []Process
	for p, env := range marked(h.Mark) {
		if !started[p] && slices.ContainsFunc(env, isRank) {
			ranks = append(ranks, p)
		}
	}
	return ranks
}

// isRank reports whether a "NAME=value" is one that mpirun gives to ranks alone.
func isRank(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return name == "PMI_RANK" || name == "PMIX_RANK" || name == "OMPI_COMM_WORLD_RANK"
}

// Left returns every process of the job that is alive: those that were started,
// and their descendants as far as the mark shows them.
func (h Handle) Left() []Process {
	alive := h.Alive()
	if h.Mark == "" {
		return alive
	}
	seen := make(map[int]bool)
	for _, p := range alive {
		seen[p.PID] = true
	}
	for p := range marked(h.Mark) {
		if !seen[p.PID] {
			alive = append(alive, p)
		}
	}
	return alive
}

// Stop ends the job's processes: SIGTERM to the groups that were started, and
// to descendants that outlive them; SIGKILL to everything that is left when grace is over
// or ctx is done. An mpirun or srun gets its SIGTERM at half of the grace, if the end of
// its ranks was not the end of it. A job of a batch system is cancelled, and killed
// when ctx is done; the grace is the site's. Stop returns when all are gone, and an error
// that names what cannot be ended.
func (h Handle) Stop(ctx context.Context, grace time.Duration) error {
	if h.Batch != nil {
		return h.stopBatch(ctx)
	}
	if h.Remote != nil {
		return h.stopRemote(ctx, grace)
	}
	var errs []error
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	half := time.Now()
	if h.Ranks {
		if ranks := h.ranks(); len(ranks) > 0 {
			half = half.Add(grace / 2)
			for _, p := range ranks {
				errs = append(errs, p.Signal(syscall.SIGTERM))
			}
		}
	}
	if h.Step != "" && len(h.Alive()) > 0 && h.askStep(ctx) {
		half = half.Add(grace / 2)
	}
	leadersAsked := false
	asked := make(map[Process]bool)
	gone := until(ctx, func() bool {
		if leaders := h.Alive(); len(leaders) > 0 {
			if !leadersAsked && !time.Now().Before(half) {
				leadersAsked = true
				for _, p := range leaders {
					errs = append(errs, p.signalGroup(syscall.SIGTERM))
				}
			}
			return false
		}
		// Leaders end their own; those who are left now are our business.
		orphans := h.Left()
		for _, p := range orphans {
			if !asked[p] {
				asked[p] = true
				errs = append(errs, p.Signal(syscall.SIGTERM))
			}
		}
		return len(orphans) == 0
	})
	if gone {
		return nil
	}
	ctx, cancel = context.WithTimeout(context.Background(), killPatience)
	defer cancel()
	gone = until(ctx, func() bool {
		left := h.Left()
		for _, p := range left {
			errs = append(errs, p.signalGroup(syscall.SIGKILL))
		}
		return len(left) == 0
	})
	if gone {
		return nil
	}
	return fmt.Errorf("launcher: stop: processes %v survive SIGKILL: %w", h.Left(), errors.Join(errs...))
}

// StopLimit is how long Stop may take for a job that ends as it should.
func (h Handle) StopLimit() time.Duration {
	if h.Batch != nil {
		return h.Batch.patience()
	}
	return DefaultGrace
}

// killPatience is how long a killed process may take to go: it has to give back
// its memory, and to come home from a system call.
const killPatience = 10 * time.Second

// until calls done until it says true, and says false when ctx ends first. The
// processes asked about are seldom our children, so there is nothing to wait on.
func until(ctx context.Context, done func() bool) bool {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if done() {
			return true
		}
		select {
		case <-ctx.Done():
			return done()
		case <-time.After(pause):
		}
	}
}
