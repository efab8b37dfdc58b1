package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"muster/launcher"
	"muster/wire"
)

// A Record says what runs for one cluster. It is the file
//
//	<profile>/pid/ipcluster[-<cluster id>].json
//
// of mode 0600, replaced as a whole at each change. It exists while the cluster
// does, and is left over when everybody who could have removed it was killed.
type Record struct {
	ProfileDir string           `json:"profile_dir"`
	ClusterID  string           `json:"cluster_id"`
	Host       string           `json:"host"` // where the processes are
	Started    time.Time        `json:"started"`
	Up         bool             `json:"up"`         // all engines were registered
	Files      bool             `json:"files"`      // there are connection files, to be removed at the end
	Supervisor launcher.Process `json:"supervisor"` // the process that started the others
	Controller launcher.Handle  `json:"controller"`
	// ControllerQueued and ControllerGone are what became of the controller where it
	// is a job of a batch system, as far as the supervisor has seen.
	ControllerQueued bool   `json:"controller_queued,omitempty"`
	ControllerGone   bool   `json:"controller_gone,omitempty"`
	Sets             []Set  `json:"sets"`     // of engines, in the order in which they were added
	Requests         string `json:"requests"` // where the supervisor takes requests, "tcp://127.0.0.1:port"; see Ask
	// Elastic is nil if sets come and go on somebody's word alone.
	Elastic *Elastic `json:"elastic,omitempty"`
	// Restores says that a controller that dies is started again. Deaths are the
	// latest, and what was done about them.
	Restores bool    `json:"restores,omitempty"`
	Deaths   []Death `json:"deaths,omitempty"`
}

// State is what has become of a recorded cluster, or of a set of its engines.
type State string

const (
	Starting  State = "starting"
	Queued    State = "queued" // a job of it waits in the queue of a batch system
	Running   State = "running"
	Restoring State = "restoring" // its controller has died, and its supervisor is about to start it again
	Stale     State = "stale"     // its supervisor or its controller is gone; Stop clears what is left
	Elsewhere State = "elsewhere" // recorded on another machine, which alone can tell
	// Of a set of engines:
	Removing State = "removing" // it is being ended on somebody's word
	Ended    State = "ended"    // none of its engines runs
)

// State looks at the processes and says what has become of the cluster.
func (r *Record) State() State {
	switch {
	case r.Host != hostname():
		return Elsewhere
	case !r.Supervisor.Alive():
		return Stale
	case !r.Up && (r.ControllerQueued || slices.ContainsFunc(r.Sets, func(s Set) bool { return s.Queued })):
		return Queued
	case !r.Up:
		return Starting
	case !r.controls() && r.Restores:
		return Restoring
	case !r.controls():
		return Stale
	}
	return Running
}

// controls reports whether the controller runs, as far as is known here.
func (r *Record) controls() bool {
	if r.Controller.Batch != nil {
		return !r.ControllerQueued && !r.ControllerGone
	}
	return len(r.Controller.Alive()) > 0
}

// Profile is the profile that the cluster belongs to.
func (r *Record) Profile() wire.Profile { return wire.Profile{Dir: r.ProfileDir} }

// ProfileName is the name of that profile.
func (r *Record) ProfileName() string {
	return strings.TrimPrefix(filepath.Base(r.ProfileDir), "profile_")
}

// Name names the cluster in messages: its profile, and its id if it has one.
func (r *Record) Name() string {
	name := r.ProfileName()
	if r.ClusterID != "" {
		name += ":" + r.ClusterID
	}
	return name
}

// Path is the path of the record.
func (r *Record) Path() string {
	name := "ipcluster"
	if r.ClusterID != "" {
		name += "-" + r.ClusterID
	}
	return filepath.Join(r.Profile().PidDir(), name+".json")
}

// claim writes a new record. It fails when the cluster runs already; a stale
// record is returned, and must be cleared first.
func (r *Record) claim() (stale *Record, err error) {
	// One claim at a time: the folder is locked, which says nothing to other hosts on
	// some file systems. That a record is made only where there is none does.
	dir, err := os.Open(r.Profile().PidDir())
	if err != nil {
		return nil, fmt.Errorf("cluster: record: %w", err)
	}
	defer dir.Close()
	_ = syscall.Flock(int(dir.Fd()), syscall.LOCK_EX)

	for {
		old, err := read(r.Path())
		if errors.Is(err, fs.ErrNotExist) {
			if err = r.create(); errors.Is(err, fs.ErrExist) {
				continue // somebody was faster
			}
			return nil, err
		}
		if err == nil {
			err = old.Taken()
		}
		return old, err
	}
}

// Taken is the error of a start under the name of a recorded cluster; nil if nothing
// stands against it but what a crash has left.
func (r *Record) Taken() error {
	since := r.Started.Local().Format(time.DateTime)
	switch r.State() {
	case Stale:
		return nil
	case Elsewhere:
		return fmt.Errorf("cluster: %s runs on %s since %s: stop it there, start under another --cluster-id, or remove %s if that machine is gone", r.Name(), r.Host, since, r.Path())
	}
	return fmt.Errorf("cluster: %s runs already, since %s: stop it first, or start another beside it under another --cluster-id", r.Name(), since)
}

// write replaces the record.
func (r *Record) write() error { return r.put(os.Rename) }

// create makes the record; the error is fs.ErrExist where there is one.
func (r *Record) create() error {
	return r.put(func(from, to string) error {
		err := os.Link(from, to) // of two links one is made, also on network file systems (open(2), O_EXCL)
		if err == nil {
			return os.Remove(from)
		}
		if _, there := os.Lstat(to); errors.Is(there, fs.ErrNotExist) { // a file system without links
			return os.Rename(from, to)
		}
		return err
	})
}

// put has a file with the record moved to where it belongs.
func (r *Record) put(move func(from, to string) error) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("cluster: record: %w", err)
	}
	return putFile(r.Path(), append(b, '\n'), move)
}

// replace writes a file of mode 0600 as a whole.
func replace(path string, b []byte) error { return putFile(path, b, os.Rename) }

// putFile writes a file of mode 0600 beside a path, and has it moved there.
func putFile(path string, b []byte, move func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".cluster-*") // has mode 0600
	if err != nil {
		return fmt.Errorf("cluster: record: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = move(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("cluster: record: %w", err)
	}
	return nil
}

func (r *Record) remove() error {
	for _, path := range []string{r.pythonFile(), r.Path()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cluster: record: %w", err)
		}
	}
	return nil
}

// Stop ends a cluster that another process started, running or stale: its
// supervisor is asked to end it; what is still there afterwards is ended
// from here, and what it left is removed.
func (r *Record) Stop(ctx context.Context) error {
	if r.State() == Elsewhere {
		return fmt.Errorf("cluster: %s was started on %s: stop it there, or remove %s if that machine is gone", r.Name(), r.Host, r.Path())
	}
	var err error
	if r.Supervisor.PID != os.Getpid() {
		// It needs a grace for the engines and one for the controller.
		limit := launcher.DefaultGrace + r.Controller.StopLimit()
		for _, s := range r.Sets {
			limit += s.Handle.StopLimit()
			if s.Next != nil {
				limit += s.Next.StopLimit()
			}
		}
		err = r.Supervisor.Stop(ctx, limit)
	}
	// Between reading the record and now the supervisor may have started more, or
	// ended all and cleared the record away.
	now, errRead := read(r.Path())
	if err == nil && errors.Is(errRead, fs.ErrNotExist) {
		return nil
	}
	if errRead == nil && now.Supervisor == r.Supervisor {
		*r = *now
	}
	for _, s := range r.Sets {
		if s.Next != nil { // before it can take over
			err = errors.Join(err, s.Next.Stop(ctx, launcher.DefaultGrace))
		}
		err = errors.Join(err, s.Handle.Stop(ctx, launcher.DefaultGrace))
	}
	if err = errors.Join(err, r.Controller.Stop(ctx, launcher.DefaultGrace)); err != nil {
		return err
	}
	return r.clear()
}

// clear removes the files of a cluster of which no process is left.
func (r *Record) clear() error {
	if r.Files {
		for _, f := range r.connectionFiles() {
			if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("cluster: stale connection file: %w", err)
			}
		}
	}
	return r.remove()
}

const maxRecord = 16 << 20 // some hundred thousand processes

func read(path string) (*Record, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cluster: record: %w", err)
	}
	if info.Size() > maxRecord {
		return nil, fmt.Errorf("cluster: record %s has %d bytes: not one of ours", path, info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cluster: record: %w", err)
	}
	r := new(Record)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("cluster: record %s: %w: remove it if no cluster runs", path, err)
	}
	// The file is believed about its processes, not about where it lies.
	r.ProfileDir = filepath.Dir(filepath.Dir(path))
	r.ClusterID = strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "ipcluster"), ".json"), "-")
	return r, nil
}

// Find returns the record of one cluster. The error is fs.ErrNotExist when
// there is none.
func Find(p wire.Profile, id string) (*Record, error) {
	r := &Record{ProfileDir: p.Dir, ClusterID: id}
	return read(r.Path())
}

// List returns the records of the clusters of the profiles, in their order and
// then by cluster id. What it cannot read it reports in the error, beside what
// it could.
func List(profiles ...wire.Profile) ([]*Record, error) {
	var records []*Record
	var errs []error
	for _, p := range profiles {
		paths, err := filepath.Glob(filepath.Join(p.PidDir(), "ipcluster*.json"))
		if err != nil {
			errs = append(errs, err)
		}
		// By cluster id, the one without an id first.
		slices.SortFunc(paths, func(a, b string) int {
			return strings.Compare(strings.TrimSuffix(a, ".json"), strings.TrimSuffix(b, ".json"))
		})
		for _, path := range paths {
			r, err := read(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue // it has just ended
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			records = append(records, r)
		}
	}
	return records, errors.Join(errs...)
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
