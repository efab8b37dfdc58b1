package client

import (
	"fmt"
	"time"

	"muster/numeric"
)

// A TaskResult is what became of a task: its id, where it ran and when, what it
// printed, and its value, or why it failed. The value is the function's; of Code,
// it is the text of its last expression.
type TaskResult struct {
	*Result
	// Values are those of the names in Pull.
	Values map[string]any
	// Failed is what became of the tasks before this one, when it is the
	// Recovery of one that failed: the first that was submitted, what was to
	// recover it, and so on. Without it, the task itself ran.
	Failed []*Result
}

// Duration is how long the task ran on its engine, by the engine's clock; 0 if
// it did not.
func (r *TaskResult) Duration() time.Duration {
	if r.Started.IsZero() || r.Completed.IsZero() {
		return 0
	}
	return r.Completed.Sub(r.Started)
}

// ValueOf is a variable that a task has pulled as a T. It is converted as
// numeric.Convert does, which is without loss or not at all.
func ValueOf[T any](r *TaskResult, name string) (value T, err error) {
	v, ok := r.Values[name]
	switch {
	case ok:
		err = numeric.Convert(v, &value)
	case r.Err != nil:
		err = r.Err
	default:
		err = fmt.Errorf("the task does not pull it")
	}
	if err != nil {
		return *new(T), &ValueError{Op: "value of", Name: name, Engine: r.Engine, Err: err}
	}
	return value, nil
}
