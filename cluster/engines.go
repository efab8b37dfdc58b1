package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
	life   int             // how often it, or an engine of it, was started again; guarded by recording

	mark      string
	job       launcher.Job         // the latest
	submitted time.Time            // when that was started
	again     map[int]launcher.Job // single engines that were started again, by their numbers; guarded by recording

	keeping sync.WaitGroup // goroutines that follow it; what they start is theirs
	dismiss func()         // ends them
}

// newSet puts a set of engines on record, which is not written yet: its mark is
// there before its processes are.
func (c *Cluster) newSet(config launcher.Config) *engines {
	c.recording.Lock()
	defer c.recording.Unlock()
	c.named++
	s := &engines{c: c, name: fmt.Sprint(c.named), config: config, mark: launcher.NewMark(), again: make(map[int]launcher.Job)}
	for id := range config.Count() {
		s.ids = append(s.ids, wire.EngineID(id))
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

// log is the name of the logs of the set in its present life.
func (s *engines) log() string {
	copies := "-*"
	if s.life > 0 {
		copies += fmt.Sprintf(".%d", s.life)
	}
	return s.c.log("ipengine", copies)
}

// launcher returns the launcher of the set.
func (s *engines) launcher() (launcher.Launcher, error) {
	args, err := s.c.engineCommand()
	if err != nil {
		return nil, err
	}
	l, err := s.config.New(launcher.Command{Args: args, Log: s.log(), Mark: s.mark, Env: Environment()}, s.c.config.Log)
	if ssh, ok := l.(launcher.SSH); ok { // to hosts that may not see the profile
		ssh.Send = map[string]string{connectionInfo: s.c.config.Profile.EngineFile(s.c.config.ID)}
		ssh.Command.Args = slices.DeleteFunc(slices.Clone(ssh.Command.Args), func(a string) bool {
			return strings.HasPrefix(a, "--profile-dir=") || strings.HasPrefix(a, "--cluster-id=")
		})
		l = ssh
	}
	return l, err
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
	s.job, s.submitted = job, time.Now()
	return s.begin()
}

// begin puts the job of the set on record. What becomes of a job of a batch
// system is kept there, as other shells would have to ask the batch system.
func (s *engines) begin() error {
	job := s.job
	err := s.note(func(r *Set) {
		r.Handle, r.Started, r.Queued, r.Gone = job.Handle(), time.Now(), job.State() == launcher.Queued, false
	})
	if job.Handle().Batch == nil {
		return err
	}
	s.c.following.Go(func() {
		for _, state := range []launcher.State{launcher.Running, launcher.Ended} {
			<-job.Wait(state)
			s.noted(func(r *Set) {
				if r.Handle.Mark == job.Handle().Mark { // and not that of its next life
					r.Queued, r.Gone = false, state == launcher.Ended
				}
			})
		}
	})
	return err
}

// stop ends all of the set.
func (s *engines) stop(ctx context.Context) (errs []error) {
	for _, job := range s.again {
		errs = append(errs, job.Stop(ctx))
	}
	if s.job != nil {
		errs = append(errs, s.job.Stop(ctx))
	}
	return errs
}
