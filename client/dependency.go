package client

import (
	"encoding/json"
	"errors"
	"fmt"

	"muster/wire"
)

// Dependable is what a task can depend on: tasks that were handed to the
// scheduler before it. It is an *AsyncResult of a LoadBalancedView, of which all
// tasks are meant, or MsgIDs, or a Dependency, which says in what way as well.
type Dependable interface {
	dependency() Dependency
}

// MsgIDs are tasks by their ids, also those of other clients.
type MsgIDs []wire.MsgID

func (ids MsgIDs) dependency() Dependency { return Dependency{ids: ids} }

// A Dependency says which tasks others depend on, and how these are to have
// ended (protocol section 10). The zero value is no dependency. What can never be
// met fails the task that depends on it, with ErrImpossibleDependency.
type Dependency struct {
	ids []wire.MsgID
	any bool
	end end
	err error // why it is none
}

// end is how tasks are to have ended that others depend on.
type end int

const (
	succeeded end = iota
	failing
	either
)

func (d Dependency) dependency() Dependency { return d }

// AllOf is met when all of the tasks have succeeded.
func AllOf(tasks ...Dependable) Dependency { return merge(tasks) }

// AnyOf is met when any one of the tasks has succeeded.
func AnyOf(tasks ...Dependable) Dependency {
	d := merge(tasks)
	if d.any = true; len(d.ids) == 0 && d.err == nil {
		d.err = errors.New("any of no tasks: that is never met")
	}
	return d
}

// Failed is the same of tasks that have failed: for what is to be done then.
func (d Dependency) Failed() Dependency { d.end = failing; return d }

// Ended is the same of tasks that have ended, well or not.
func (d Dependency) Ended() Dependency { d.end = either; return d }

func merge(tasks []Dependable) (all Dependency) {
	for _, t := range tasks {
		if _, nested := t.(Dependency); nested {
			return Dependency{err: errors.New("a Dependency within another: a task has one condition for all that it is after, and one for all that it follows")}
		}
		d := t.dependency()
		if d.err != nil {
			return d
		}
		all.ids = append(all.ids, d.ids...)
	}
	return all
}

// dependency is that on all tasks of a call.
func (ar *AsyncResult) dependency() Dependency {
	switch {
	case ar.client == nil && ar.err != nil:
		return Dependency{err: fmt.Errorf("depends on a call that was not sent: %w", ar.err)}
	case ar.client != nil && ar.scheduled == nil:
		return Dependency{err: fmt.Errorf("depends on %s, a direct call, of which the scheduler knows nothing: tasks depend on those of LoadBalancedViews", ar.what)}
	}
	if ar.client != nil {
		ar.client.mu.Lock() // tasks that are recovered change their ids
		defer ar.client.mu.Unlock()
	}
	ids := make([]wire.MsgID, len(ar.tasks))
	for i := range ar.tasks {
		ids[i] = ar.tasks[i].id
	}
	return Dependency{ids: ids}
}

// After makes the tasks of a LoadBalancedView wait until others have succeeded,
// or what else a Dependency says of them:
//
//	v.With(client.After(a, b))                       // both
//	v.With(client.After(client.AnyOf(a, b).Failed()) // one, if it fails
//
// To depend on tasks that are not known, or have ended so long ago that the
// scheduler has forgotten them, fails with ErrInvalidDependency. Without tasks,
// After takes a view's dependency away. Calls of other views, which nothing
// schedules, refuse it.
func After(tasks ...Dependable) Setting {
	return func(s *settings) { s.depend("after", &s.after, tasks) }
}

// Follow makes the tasks of a LoadBalancedView run where others ran, once these
// have ended as it says: for what they have left in an engine's namespace, or on
// its node. It is as After otherwise. Tasks that ran on several engines cannot
// all be followed; of AnyOf them, the engine of one is enough.
func Follow(tasks ...Dependable) Setting {
	return func(s *settings) { s.depend("follow", &s.follow, tasks) }
}

func (s *settings) depend(how string, on *Dependency, tasks []Dependable) {
	if len(tasks) == 1 {
		*on = tasks[0].dependency()
	} else {
		*on = merge(tasks)
	}
	if on.err != nil {
		s.refuse(fmt.Errorf("%s: %w", how, on.err))
	}
}

// MarshalJSON writes what a task's metadata says of it (protocol section 10).
func (d Dependency) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		IDs     []wire.MsgID `json:"dependencies"`
		All     bool         `json:"all"`
		Success bool         `json:"success"`
		Failure bool         `json:"failure"`
	}{d.ids, !d.any, d.end != failing, d.end != succeeded})
}

// IsZero makes no dependency leave no trace in JSON.
func (d Dependency) IsZero() bool { return len(d.ids) == 0 }

// dependsOn reads the ids of a dependency in the metadata of a task.
func dependsOn(raw json.RawMessage) (ids []wire.MsgID) {
	var d struct {
		IDs []wire.MsgID `json:"dependencies"`
	}
	if json.Unmarshal(raw, &ids) == nil || json.Unmarshal(raw, &d) != nil {
		return ids
	}
	return d.IDs
}
