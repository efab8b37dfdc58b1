package scheduler

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"muster/wire"
)

// A dependency is what a task says of others that were submitted before it: it
// is to run after them, or follow them to where they ran (protocol section 10).
// A dependency is met when all of them, or any, have finished as wanted.
type dependency struct {
	ids              []wire.MsgID
	all              bool
	success, failure bool // which ends are wanted

	open    int               // of ids, those that have not finished
	met     int               // that have finished as wanted
	places  []wire.EngineUUID // where these ran
	nowhere bool              // one of these ran on no engine
	wrong   *ending           // one that finished otherwise
}

// ending is how a task ended.
type ending struct {
	id     wire.MsgID
	engine wire.EngineUUID // "" if it ran nowhere
	ok     bool
}

// roles of a task that others depend on.
type role uint8

const (
	isAfter role = 1 << iota
	isFollow
)

// readDependency reads a list of message ids, or an object with such a list and
// what is wanted of them. It is nil if there are none.
func readDependency(name string, raw json.RawMessage) (*dependency, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	d := struct {
		IDs     []wire.MsgID `json:"dependencies"`
		All     bool         `json:"all"`
		Success bool         `json:"success"`
		Failure bool         `json:"failure"`
	}{All: true, Success: true}
	into := any(&d)
	if raw[0] != '{' {
		into = &d.IDs
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, fmt.Errorf(`%s is no dependency: want a list of message ids, or {"dependencies": [...], "all": true, "success": true, "failure": false}`, name)
	}
	if len(d.IDs) == 0 {
		return nil, nil
	}
	slices.Sort(d.IDs)
	return &dependency{ids: slices.Clip(slices.Compact(d.IDs)), all: d.All, success: d.Success, failure: d.Failure}, nil
}

// tally counts a task that has finished.
func (d *dependency) tally(e ending) {
	if e.ok && !d.success || !e.ok && !d.failure {
		d.wrong = &e
		return
	}
	d.met++
	if e.engine == "" {
		d.nowhere = true
	} else if !slices.Contains(d.places, e.engine) {
		d.places = append(d.places, e.engine)
	}
}

// ready tells whether the dependency is met. A missing one is.
func (d *dependency) ready() bool {
	return d == nil || d.all && d.open == 0 && d.wrong == nil || !d.all && d.met > 0
}

// hopeless tells why the dependency cannot be met any more, or "".
func (d *dependency) hopeless() string {
	if d == nil || d.wrong == nil || !d.all && (d.met > 0 || d.open > 0) {
		return ""
	}
	how := "failed"
	if d.wrong.ok {
		how = "succeeded"
	}
	if !d.all && len(d.ids) > 1 {
		return fmt.Sprintf("all of the %d tasks that it depends on %s", len(d.ids), how)
	}
	return fmt.Sprintf("task %q, which it depends on, %s", d.wrong.id, how)
}

// enlist looks up the tasks that a new one depends on, and has those that have
// not finished remember it.
func (b *Balanced) enlist(j *job) *Answer {
	for _, d := range [...]*dependency{j.after, j.follow} {
		if d == nil {
			continue
		}
		if !d.success && !d.failure {
			return refuse(j, invalidDependency, "task %q depends on others, but on neither their success nor their failure", j.id)
		}
		for _, id := range d.ids {
			if id == j.id {
				return refuse(j, invalidDependency, "task %q depends on itself", j.id)
			}
			if b.jobs[id] != nil {
				d.open++
				continue
			}
			engine, ok, known := b.finished.outcome(id)
			if !known {
				return refuse(j, invalidDependency, "task %q depends on %q, which is no task of the queue, or one that finished so long ago that it is forgotten", j.id, id)
			}
			d.tally(ending{id, engine, ok})
		}
	}
	if why := j.hopeless(); why != "" {
		return refuse(j, impossibleDependency, "task %q cannot run: %s", j.id, why)
	}
	b.link(j, j.after, isAfter)
	b.link(j, j.follow, isFollow)
	return nil
}

func (b *Balanced) link(j *job, d *dependency, r role) {
	if d == nil || d.open == 0 {
		return
	}
	for _, id := range d.ids {
		if parent := b.jobs[id]; parent != nil {
			if parent.children == nil {
				parent.children = make(map[*job]role, 1)
			}
			parent.children[j] |= r
		}
	}
}

// unlink is for a job that leaves before those that it depends on have finished.
func (b *Balanced) unlink(j *job) {
	for _, d := range [...]*dependency{j.after, j.follow} {
		if d == nil || d.open == 0 {
			continue
		}
		for _, id := range d.ids {
			if parent := b.jobs[id]; parent != nil {
				delete(parent.children, j)
			}
		}
	}
}

// hopeless tells why what a job depends on cannot be met any more, or "".
func (j *job) hopeless() string {
	why := cmp.Or(j.after.hopeless(), j.follow.hopeless())
	if f := j.follow; why == "" && f != nil && f.all {
		switch {
		case len(f.places) > 1:
			why = fmt.Sprintf("it is to follow tasks that ran on %d different engines", len(f.places))
		case f.nowhere:
			why = "it is to follow a task that ran on no engine"
		}
	} else if why == "" && f != nil && f.open == 0 && len(f.places) == 0 {
		why = "it is to follow tasks that ran on no engine"
	}
	return why
}

// release tells the tasks that depend on one that it has finished, in order.
func (b *Balanced) release(e end) {
	children := slices.SortedFunc(maps.Keys(e.job.children), func(x, y *job) int { return cmp.Compare(x.order, y.order) })
	for _, child := range children {
		if b.jobs[child.id] != child {
			continue // it has been given up
		}
		roles := e.job.children[child]
		if roles&isAfter != 0 {
			child.after.open--
			child.after.tally(e.ending)
		}
		if roles&isFollow != 0 {
			child.follow.open--
			child.follow.tally(e.ending)
		}
		if child.on != nil {
			continue // any one was enough
		}
		if why := child.hopeless(); why != "" {
			b.giveUp(child, refuse(child, impossibleDependency, "task %q cannot run: %s", child.id, why))
		} else {
			b.settle(child) // it may have what it waits for, or more engines to go to
		}
	}
}
