package client

import (
	"context"
	"fmt"
	"iter"
)

// A TaskSet is what will become of tasks that were handed to the scheduler
// together. It is the AsyncResult of the call, with which Client.Barrier waits
// for it, WaitFor, Progress, Abort, Cancel and Explain work, and others depend on
// it (After); its Get and Results are those of tasks. A task that is recovered
// counts once, and is done when the last of its chain is.
type TaskSet struct {
	*AsyncResult
	pulled []map[string]any // guarded by the result's decoding
}

// Submit hands tasks to the scheduler and returns at once. What it is given has
// been taken then, and may be changed, unless the view has NoCopy. If one of the
// tasks cannot be sent (an expression that is none, a value that cannot travel, a
// recovery that comes back to itself) none is, and the set is ready with the error.
func (v *LoadBalancedView) Submit(tasks ...Task) *TaskSet {
	return v.submit(context.Background(), tasks)
}

// Run is Submit of one task, and waits for it. The result is beside the error if
// the task was sent. When the context ends first, the task is cancelled.
func (v *LoadBalancedView) Run(ctx context.Context, t Task) (*TaskResult, error) {
	rs, err := v.submit(ctx, []Task{t}).Get(ctx)
	if len(rs) == 0 {
		return nil, err
	}
	return rs[0], err
}

func (v *LoadBalancedView) submit(ctx context.Context, tasks []Task) *TaskSet {
	what := fmt.Sprintf("%d tasks", len(tasks))
	if len(tasks) == 1 {
		what = tasks[0].what()
	}
	if len(tasks) == 0 {
		return &TaskSet{AsyncResult: ready(what, nil)}
	}
	refused := func(err error) *TaskSet { return &TaskSet{AsyncResult: failed(what, err)} }
	if ctx.Err() != nil {
		return refused(context.Cause(ctx))
	}
	targets, err := v.candidates()
	if err != nil {
		return refused(err)
	}
	s := steps{view: v, targets: targets, known: make(map[*Task]*step), sound: make(map[string]bool)}
	set := &TaskSet{pulled: make([]map[string]any, len(tasks))}
	ar := &AsyncResult{
		what: what, decode: set.decode, steps: make([]*step, len(tasks)),
		sent: v.settings.notice(), scheduled: &v.settings,
	}
	set.AsyncResult = ar
	requests := make([]*request, len(tasks))
	for i := range tasks {
		t := tasks[i]
		if ar.steps[i], err = s.of(&t); err != nil {
			if len(tasks) > 1 {
				err = fmt.Errorf("number %d: %w", i, err)
			}
			return refused(err)
		}
		requests[i] = ar.steps[i].request
	}
	ar.bound = ctx.Done() != nil
	v.client.start(ar, v.client.task, nil, requests...)
	return set
}

// decode takes a reply apart: the list of the function's value and of what was
// pulled.
func (s *TaskSet) decode(t *task) (any, error) {
	spec := t.result.steps[t.place]
	if spec.isCall() {
		return applied(t)
	}
	values, err := pulled(t, 1+len(spec.Pull))
	if err != nil {
		return nil, err
	}
	if len(spec.Pull) > 0 {
		s.pulled[t.place] = make(map[string]any, len(spec.Pull))
		for i, name := range spec.Pull {
			s.pulled[t.place][name] = values[1+i]
		}
	}
	if spec.Code != "" {
		return executed(t)
	}
	return values[0], nil
}

// Get waits for all tasks and returns what became of them, in their order. When
// some failed the results are there all the same, and the error is the one task's
// *RemoteError or a *CompositeError of several.
func (s *TaskSet) Get(ctx context.Context) ([]*TaskResult, error) {
	_, err := s.AsyncResult.Get(ctx)
	if s.client == nil || !s.Ready() {
		return nil, err
	}
	rs := make([]*TaskResult, len(s.tasks))
	for i := range s.tasks {
		rs[i] = s.result(&s.tasks[i])
	}
	return rs, err
}

// Results yields what became of the tasks as they are done, each with its Err. A
// TaskResult's Index is its place in the set. When the context ends first, the
// last pair is nil and the cause.
func (s *TaskSet) Results(ctx context.Context) iter.Seq2[*TaskResult, error] {
	return func(yield func(*TaskResult, error) bool) {
		for r, err := range s.AsyncResult.Results(ctx) {
			if r == nil {
				yield(nil, err)
				return
			}
			if !yield(s.result(&s.tasks[r.Index]), err) {
				return
			}
		}
	}
}

// result describes a task that is done.
func (s *TaskSet) result(t *task) *TaskResult {
	r := s.AsyncResult.result(t)
	s.steps[t.place].tell(r)
	return &TaskResult{Result: r, Values: s.pulled[t.place], Failed: t.failed}
}

// tell adds to a result what the task was.
func (s *step) tell(r *Result) {
	r.Code, r.After, r.Follow = s.Code, s.settings.after.ids, s.settings.follow.ids
}
