package client

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"muster/wire"
	"muster/wire/depend"
	"muster/wire/pickle"
)

// A Task is something for one engine to do in one turn: it sets variables, runs
// code or calls a function, and returns variables, and nothing else happens on
// that engine in between. LoadBalancedView.Run and Submit take it:
//
//	client.Task{
//		Code:   "y := heat(x, 100)",
//		Push:   map[string]any{"x": field},
//		Pull:   []string{"y"},
//		Depend: "RAM > 4e9 && gpu",
//	}
//
// The zero value of a field means that the view's setting holds, if there is one.
type Task struct {
	// What runs: source code, or a function with its arguments, of which the
	// last may be Kwargs. A Ref among them is what the engine has under the name
	// once Push is there.
	Code string
	Func Function
	Args []any

	Push map[string]any // variables to set before
	Pull []string       // variables, or expressions, to return after
	// ClearBefore and ClearAfter make the engine forget all variables, as
	// Client.Clear does: ClearAfter also after an error.
	ClearBefore, ClearAfter bool

	// Which engines may run it. The scheduler asks them in turn, again after a
	// while, until one may, or Timeout is over; Explain says why they refuse.
	//
	// Depend is an expression over the engine's properties (see
	// DirectView.SetProperties) and host, cores, RAM (of the host, in bytes),
	// rank, size (of its MPI job), id, pid and remaining (seconds until its batch
	// job ends). One that is false, fails or names
	// what is not there is not met. The language is that of package
	// muster/wire/depend. Python engines refuse it.
	Depend string
	// DependFunc is called on the engine without arguments, and is to return true.
	DependFunc Function
	// Require are names of variables, functions and packages (modules) that the
	// engine is to have; the packages are imported.
	Require []string

	// As the settings of these names. Dependencies are on tasks, and not on what
	// recovers them.
	After, Follow     []Dependable
	Timeout, Deadline time.Duration
	Walltime          time.Duration
	Retries, Priority int
	Label             string

	// Recovery runs instead when the task has failed for good, with its retries,
	// and what recovers that in turn; see TaskResult.Failed. What was interrupted
	// is not recovered, and nothing is once Abort or Cancel was called on the set.
	// A chain that comes back to itself is refused.
	Recovery *Task
}

// settings are those of the task on a view that has some.
func (t *Task) settings(s settings) settings {
	if len(t.After) > 0 {
		After(t.After...)(&s)
	}
	if len(t.Follow) > 0 {
		Follow(t.Follow...)(&s)
	}
	if t.Timeout != 0 {
		Timeout(t.Timeout)(&s)
	}
	if t.Walltime != 0 {
		Walltime(t.Walltime)(&s)
	}
	if t.Deadline != 0 {
		Deadline(t.Deadline)(&s)
	}
	if t.Retries != 0 {
		Retries(t.Retries)(&s)
	}
	if t.Priority != 0 {
		Priority(t.Priority)(&s)
	}
	if t.Label != "" {
		Label(t.Label)(&s)
	}
	return s
}

// request is what is sent of the task, without its settings. What it says of
// engines was checked.
func (t *Task) request() (*request, error) {
	spec := wire.TaskSpec{
		Depend: t.Depend, Require: t.Require, ClearBefore: t.ClearBefore, ClearAfter: t.ClearAfter,
		Code: t.Code, Pull: t.Pull,
	}
	metadata := map[string]any{wire.CountOutputs: true}
	if t.isCall() {
		return callRequest(t.Func, t.Args)
	}
	switch {
	case t.Code != "" && t.Func != nil:
		return nil, errors.New("it has both Code and Func: it is one or the other")
	case t.Code == "" && t.Func == nil && len(t.Push) == 0 && len(t.Pull) == 0 && !t.ClearBefore && !t.ClearAfter:
		return nil, errors.New("it has nothing to do: neither Code nor Func, nothing to push or pull")
	case t.Func == nil && len(t.Args) > 0:
		return nil, errors.New("it has Args and no Func")
	case slices.Contains(t.Pull, ""):
		return nil, fmt.Errorf("pull: %w", errNoName)
	case slices.Contains(t.Require, ""):
		return nil, fmt.Errorf("require: %w", errNoName)
	}
	if t.Depend != "" {
		metadata[wire.Depend] = t.Depend
	}
	if len(t.Require) > 0 {
		metadata[wire.Require] = t.Require
	}
	if t.DependFunc != nil {
		spec.DependFunction = t.DependFunc.Name()
		metadata[wire.DependFunction] = spec.DependFunction
	}
	variables, types, err := serializeVariables("push", t.Push)
	if err != nil {
		return nil, err
	}
	if len(types) > 0 {
		metadata[wire.GoTypes] = types
	}
	var args []any
	if t.Func != nil {
		if err := signatureOf(t.Func).takes(t.Args); err != nil {
			return nil, err
		}
		spec.Function = t.Func.Name()
		args = t.arguments(&spec)
	}
	r := &request{msgType: wire.ApplyRequest}
	if r.buffers, err = codec.SerializeCall(pickle.Reference{Name: wire.TaskFunction}, append([]any{spec}, args...), variables); err != nil {
		return nil, unsendable(err)
	}
	r.metadata, err = json.Marshal(metadata)
	return r, err
}

// isCall tells whether the task is nothing but the call of a function, which is
// sent as one.
func (t *Task) isCall() bool {
	return t.Func != nil && t.Code == "" && len(t.Push)+len(t.Pull)+len(t.Require) == 0 &&
		!t.ClearBefore && !t.ClearAfter && t.Depend == "" && t.DependFunc == nil
}

// arguments are those of the function as they travel, of which the spec tells
// more.
func (t *Task) arguments(spec *wire.TaskSpec) []any {
	args := slices.Clone(t.Args)
	if n := len(args); n > 0 {
		if kwargs, ok := args[n-1].(Kwargs); ok {
			spec.Keywords = slices.Sorted(maps.Keys(kwargs))
			args = args[:n-1]
			for _, name := range spec.Keywords {
				args = append(args, kwargs[name])
			}
		}
	}
	spec.Refs = make([]string, len(args))
	for i, a := range args {
		if ref, ok := a.(Ref); ok {
			spec.Refs[i], args[i] = string(ref), nil
		} else {
			args[i] = reference(a)
		}
	}
	return args
}

// what is the task in a few words.
func (t *Task) what() string {
	switch {
	case t.Func != nil:
		return "task " + title(t.Func)
	case t.Label != "":
		return "task " + t.Label
	}
	return "task"
}

// A step is a task as it is sent, and what follows if it fails.
type step struct {
	*Task
	request  *request
	settings settings
	recovery *step
}

// steps makes those of tasks, which may share what recovers them.
type steps struct {
	view    *LoadBalancedView
	targets []wire.EngineUUID
	known   map[*Task]*step
	sound   map[string]bool // expressions that were compiled
}

func (s *steps) of(t *Task) (*step, error) {
	seen := map[*Task]bool{t: true}
	for r := t.Recovery; r != nil; r = r.Recovery {
		if seen[r] {
			return nil, fmt.Errorf("%s: recovery: the chain comes back to %s, which is in it", t.what(), cmp.Or(r.Label, r.Code, "a task"))
		}
		seen[r] = true
	}
	return s.make(t)
}

// demands checks what a task says of engines. Tasks often say the same.
func (s *steps) demands(t *Task) error {
	if t.Depend != "" && !s.sound[t.Depend] {
		if _, err := depend.Compile(t.Depend); err != nil {
			return err
		}
		s.sound[t.Depend] = true
	}
	if t.DependFunc == nil {
		return nil
	}
	of := signatureOf(t.DependFunc)
	return cmp.Or(of.takes(nil), of.gives(reflect.TypeFor[bool]()))
}

func (s *steps) make(t *Task) (*step, error) {
	if made := s.known[t]; made != nil {
		return made, nil
	}
	own := *t
	own.Pull = slices.Clone(t.Pull)
	made := &step{Task: &own, settings: t.settings(s.view.settings)}
	var r *request
	err := s.demands(t)
	if err == nil {
		r, err = t.request()
	}
	if err == nil {
		var o taskOptions
		if o, err = made.settings.tasks(s.targets); err == nil {
			made.request = o.on([]*request{r})[0]
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.what(), err)
	}
	if t.Recovery != nil {
		if made.recovery, err = s.make(t.Recovery); err != nil {
			return nil, fmt.Errorf("recovery of %s: %w", t.what(), err)
		}
		if s.known[t.Recovery] == nil { // it is sent later: the caller may change its values by then
			for i, b := range made.recovery.request.buffers {
				made.recovery.request.buffers[i] = bytes.Clone(b)
			}
			s.known[t.Recovery] = made.recovery
		}
	}
	return made, nil
}
