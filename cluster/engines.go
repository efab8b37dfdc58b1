package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"muster/launcher"
	"muster/wire"
)

// engines is a Set that this process has started and supervises. What is in the
// Record of it is what others may know.
type engines struct {
	c      *Cluster
	name   string
	config launcher.Config
	ids    []wire.EngineID // to ask for, by rank or by copy
	mark   string

	// Guarded by recording:
	job       launcher.Job         // the latest
	submitted time.Time            // when that was started
	again     map[int]launcher.Job // single engines of that which were started again, by their numbers
	life      int                  // how often it, or an engine of it, was started again
	claimed   *claim               // what is being done to all of it; nil is nothing
	leaving   map[seat]*leaving    // single engines that are to end
	next      *successor           // in a chain of jobs, the one that follows
	followed  int                  // jobs of that chain after the first, next among them

	keeping sync.WaitGroup // goroutines that follow it; what they start is theirs
	dismiss func()         // ends them
}

// newSet puts a set of engines that ask for ids from first on on record, which is
// not written yet: its mark is there before its processes are.
func (c *Cluster) newSet(config launcher.Config, first wire.EngineID) *engines {
	c.recording.Lock()
	defer c.recording.Unlock()
	c.named++
	s := &engines{c: c, name: fmt.Sprint(c.named), config: config, mark: launcher.NewMark(), again: make(map[int]launcher.Job), leaving: make(map[seat]*leaving)}
	for i := range config.Count() {
		s.ids = append(s.ids, first+wire.EngineID(i))
	}
	c.sets = append(c.sets, s)
	c.record.Sets = append(c.record.Sets, Set{
		Name: s.name, Launcher: config.Name(), N: len(s.ids), IDs: s.ids, Started: time.Now(), Handle: launcher.Handle{Mark: s.mark},
	})
	return s
}

// noted changes what is on record of the set; that it could not be written is for the log.
func (s *engines) noted(change func(*Set)) {
	if err := s.note(change); err != nil {
		s.c.config.Log.Warn("the record is not up to date", "err", err)
	}
}

// note changes what is on record of the set.
func (s *engines) note(change func(*Set)) error {
	return s.c.note(func(r *Record) {
		if set := r.Set(s.name); set != nil {
			change(set)
		}
	})
}

// log is the name of the logs of the set in its present life. Those of processes of
// this machine bear the ids of these.
func (s *engines) log() string { return s.logOf(s.lives()) }

// logOf is the name of the logs of one life.
func (s *engines) logOf(life int) string {
	copies := "-*"
	if s.name != firstSet && s.config.Name() != "local" {
		copies += "+" + s.name
	}
	if life > 0 {
		copies += fmt.Sprintf(".%d", life)
	}
	return s.c.log("ipengine", copies)
}

// lives is how often the set, or an engine of it, was started again.
func (s *engines) lives() int {
	s.c.recording.Lock()
	defer s.c.recording.Unlock()
	return s.life
}

// firstSet is the name of the set that a cluster is started with.
const firstSet = "1"

// launcher returns the launcher of the set.
func (s *engines) launcher() (launcher.Launcher, error) {
	return s.launcherOf(s.lives(), s.mark, launcher.Handle{})
}

// launcherOf returns the launcher of one life of the set, with a mark, which begins
// after the end of another job if there is one.
func (s *engines) launcherOf(life int, mark string, after launcher.Handle) (launcher.Launcher, error) {
	var more []string
	first := s.name == firstSet && life == 0
	if !s.config.Apart() && !(first && s.config.World()) { // whose ids are their ranks
		more = append(more, "--IPEngine.ids="+wire.FormatIDs(s.ids)) // Python's engines pass over what they do not know, in this spelling
	}
	command, err := s.command(s.logOf(life), more...)
	if err != nil {
		return nil, err
	}
	command.Mark, command.After = mark, after
	for _, id := range s.ids {
		command.Numbers = append(command.Numbers, int(id))
	}
	return s.config.New(command, s.c.config.Log)
}

// start starts the set, and puts it on record.
func (s *engines) start(ctx context.Context) error {
	l, err := s.launcher()
	if err != nil {
		return err
	}
	job, err := l.Start(ctx, len(s.ids))
	if err != nil {
		return err
	}
	s.c.recording.Lock()
	s.job, s.submitted = job, time.Now()
	s.c.recording.Unlock()
	return s.begin(job)
}

// latest is the job of the set, and when that was started; nil if it never was.
func (s *engines) latest() (launcher.Job, time.Time) {
	s.c.recording.Lock()
	defer s.c.recording.Unlock()
	return s.job, s.submitted
}

// begin puts the job of the set on record. What becomes of a job of a batch
// system is kept there, as other shells would have to ask the batch system.
func (s *engines) begin(job launcher.Job) error {
	err := s.note(func(r *Set) {
		r.Handle, r.Started, r.Queued, r.Gone = job.Handle(), time.Now(), job.State() == launcher.Queued, false
	})
	if job.Handle().Batch == nil {
		return err
	}
	s.c.following.Go(func() { s.follow(job) })
	return err
}

// follow keeps on record what becomes of a job of a batch system.
func (s *engines) follow(job launcher.Job) {
	note := func(change func(*Set)) {
		s.noted(func(r *Set) {
			if r.Handle.Mark == job.Handle().Mark { // and not that of its next life
				change(r)
			}
		})
	}
	begun := job.Wait(launcher.Running)
	look := time.NewTicker(time.Second)
	defer look.Stop()
	var known launcher.Waiting
	for {
		select {
		case <-look.C:
			if now := job.Pending(); now != known && job.State() == launcher.Queued {
				known = now
				note(func(r *Set) { r.Waiting = now })
			}
		case <-begun:
			begun = nil
			look.Stop()
			note(func(r *Set) { r.Queued, r.Waiting = false, launcher.Waiting{} })
		case <-job.Wait(launcher.Ended):
			note(func(r *Set) { r.Queued, r.Waiting, r.Gone = false, launcher.Waiting{}, true })
			return
		}
	}
}

// stop ends all of the set.
func (s *engines) stop(ctx context.Context) error {
	errs := []error{s.cancelNext(ctx)} // before it can take over
	s.c.recording.Lock()
	jobs := slices.Collect(maps.Values(s.again))
	if s.job != nil {
		jobs = append(jobs, s.job)
	}
	s.c.recording.Unlock()
	for _, job := range jobs {
		errs = append(errs, job.Stop(ctx))
	}
	return errors.Join(errs...)
}

// recorded is what is on record of the set, nothing if it was removed.
func (s *engines) recorded() Set {
	s.c.recording.Lock()
	defer s.c.recording.Unlock()
	if r := s.c.record.Set(s.name); r != nil {
		return *r
	}
	return Set{}
}
