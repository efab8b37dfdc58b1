package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"muster/wire"
)

// A Setting changes how a view calls; With makes a view that has it:
//
//	quiet := v.With(client.Silent())
//
// A call that is to differ from its view's defaults is made on such a view.
type Setting func(*settings)

// settings are those of a view. The zero value is what views begin with.
type settings struct {
	silent      bool
	noHistory   bool
	cyclic      bool
	flatten     bool
	allowEmpty  bool
	chunk       int // 0: as it is without
	outstanding int // 0: as it is without
	unordered   bool
	route       route
	noCopy      bool
	label       string
	deadline    time.Duration

	// Of the tasks of a LoadBalancedView:
	after, follow     Dependency
	timeout, walltime time.Duration
	retries, priority int

	err error // why the view cannot be called
}

// with returns the settings after some more.
func (s settings) with(more []Setting) settings {
	for _, set := range more {
		set(&s)
	}
	return s
}

// refuse has every call of the view fail.
func (s *settings) refuse(err error) { s.err = cmp.Or(s.err, err) }

// stored tells whether engines are to keep code in their histories.
func (s *settings) stored() bool { return !s.silent && !s.noHistory }

// Silent makes Execute publish neither the code nor the value of its last
// expression, and count it in no history.
func Silent() Setting { return func(s *settings) { s.silent = true } }

// NoCopy makes calls send the arrays among their arguments from where they lie.
// They must not be changed until the AsyncResult's Sent is closed: use it with
// the methods that end in Async. It is for arrays so large that the memory for a
// copy of them counts.
func NoCopy() Setting { return func(s *settings) { s.noCopy = true } }

// notice is what to close when a call's arguments are free, nil if they are at
// its return.
func (s *settings) notice() chan struct{} {
	if !s.noCopy {
		return nil
	}
	return make(chan struct{})
}

// Coalescing makes the controller answer a call of a BroadcastView by one
// message when all engines have answered it. Other views take no notice of it.
func Coalescing() Setting {
	return func(s *settings) {
		if s.route != quickest {
			s.route = coalesce
		}
	}
}

// NoHistory makes Execute leave the engine's history as it is.
func NoHistory() Setting { return func(s *settings) { s.noHistory = true } }

// Cyclic makes Scatter and Map deal the items like cards, the first to the first
// engine, the second to the second and so on, and Gather collect them so.
func Cyclic() Setting { return func(s *settings) { s.cyclic = true } }

// Flatten makes Scatter send a block of exactly one item as the item itself, as
// ipyparallel's flatten does, and Gather take such items back.
func Flatten() Setting { return func(s *settings) { s.flatten = true } }

// AllowEmpty makes Scatter give the last engines an empty block when there are
// fewer items than engines.
func AllowEmpty() Setting { return func(s *settings) { s.allowEmpty = true } }

// Chunk makes maps travel in chunks of n items, one message and one task for
// each chunk. Without it a Map of a DirectView makes one block of items for
// each engine, and a task of a LoadBalancedView, or of MapSeq, is one item. Many
// small items travel best in chunks of some hundred or thousand; the more chunks
// there are for each engine, the more evenly the engines finish. Chunk panics
// unless n is positive.
func Chunk(n int) Setting {
	if n < 1 {
		panic("client: Chunk of less than one item")
	}
	return func(s *settings) { s.chunk = n }
}

// Outstanding makes MapSeq have at most n chunks under way. Without it they are
// four for each engine. Outstanding panics unless n is positive.
func Outstanding(n int) Setting {
	if n < 1 {
		panic("client: Outstanding of less than one chunk")
	}
	return func(s *settings) { s.outstanding = n }
}

// Unordered makes MapSeq yield values as they come, and not in the order of the
// items.
func Unordered() Setting { return func(s *settings) { s.unordered = true } }

// Label gives the calls of a view a label. It is in their results and in the
// hub's records, where DBQuery finds it:
//
//	v = v.With(client.Label("heat"))
//	// ...
//	records, err := c.DBQuery(ctx, map[string]any{"label": "heat"})
func Label(label string) Setting { return func(s *settings) { s.label = label } }

// Retries makes the scheduler try the tasks of a LoadBalancedView up to n times
// more when they fail or their engine dies: on other engines first and, once they
// have failed on all of them, where they failed before. A task
// must bear that: what it has done before it failed is not undone. Of a
// DirectView, whose calls are meant for their engines, only MapSeq may have it: it
// sends the chunks of engines that died to others. Calls of a view with a
// negative n fail.
func Retries(n int) Setting {
	return func(s *settings) {
		if s.retries = n; n < 0 {
			s.refuse(fmt.Errorf("retries: %d: it must not be negative", n))
		}
	}
}

// Timeout bounds how long the tasks of a LoadBalancedView may wait in the
// scheduler's queue; after that they fail with ErrTaskTimeout. How long they run
// is for Deadline to bound. 0 is for ever. Calls of other views, which do not wait
// there, refuse it.
func Timeout(d time.Duration) Setting {
	return func(s *settings) {
		if s.timeout = d; d < 0 {
			s.refuse(fmt.Errorf("timeout: %v: it must not be negative", d))
		}
	}
}

// Walltime says how long a task of a LoadBalancedView takes an engine at most. The
// scheduler gives it to none whose batch job ends before; it waits for another,
// without standing in the way of others, and Explain says so. Engines of which no
// end is known may have it. Walltime does not end a task that takes longer
// (Deadline does). It counts in steps of a thousandth or less, rounded up; 0 is a
// task that does not say. Python's controller takes no notice of it. Calls of
// other views refuse it.
func Walltime(d time.Duration) Setting {
	return func(s *settings) {
		if s.walltime = d; d < 0 {
			s.refuse(fmt.Errorf("walltime: %v: it must not be negative", d))
		}
	}
}

// Priority makes the tasks of a LoadBalancedView go before those of a lower
// priority that wait as they do; without it, it is 0. What runs is not disturbed.
// Python's controller takes no notice of it. Calls of other views refuse it.
func Priority(n int) Setting { return func(s *settings) { s.priority = n } }

// Deadline bounds how long a call may run on an engine. When the time is over,
// interpreted code ends and the context of a compiled function does, and the call
// fails with ErrDeadline, also if it returns a value later; what looks at no
// context, or hangs in C, occupies its engine until it returns. 0 is for ever.
// Python engines take no notice of it.
func Deadline(d time.Duration) Setting {
	return func(s *settings) {
		if s.deadline = d; d < 0 {
			s.refuse(fmt.Errorf("deadline: %v: it must not be negative", d))
		}
	}
}

// taskOptions are what the settings say in the metadata of requests (protocol
// sections 10 and 17). Times are in seconds.
type taskOptions struct {
	Label    string            `json:"label,omitempty"`
	Deadline float64           `json:"deadline,omitempty"`
	Targets  []wire.EngineUUID `json:"targets,omitempty"`
	After    Dependency        `json:"after,omitzero"`
	Follow   Dependency        `json:"follow,omitzero"`
	Timeout  float64           `json:"timeout,omitempty"`
	Walltime float64           `json:"walltime,omitempty"`
	Retries  int               `json:"retries,omitempty"`
	Priority int               `json:"priority,omitempty"`
}

// direct are the options of direct calls.
func (s *settings) direct() (taskOptions, error) {
	var which string
	switch {
	case s.err != nil:
		return taskOptions{}, s.err
	case len(s.after.ids) > 0:
		which = "After"
	case len(s.follow.ids) > 0:
		which = "Follow"
	case s.timeout != 0:
		which = "Timeout"
	case s.walltime != 0:
		which = "Walltime"
	case s.retries != 0:
		which = "Retries"
	case s.priority != 0:
		which = "Priority"
	default:
		return taskOptions{Label: s.label, Deadline: s.deadline.Seconds()}, nil
	}
	return taskOptions{}, errors.New("the view has the setting " + which + ", which is for the scheduler: call a LoadBalancedView")
}

// tasks are the options of tasks that may go to some engines, or to any if there
// are none.
func (s *settings) tasks(targets []wire.EngineUUID) (taskOptions, error) {
	return taskOptions{
		Label: s.label, Deadline: s.deadline.Seconds(), Targets: targets, After: s.after, Follow: s.follow,
		Timeout: s.timeout.Seconds(), Walltime: s.walltime.Seconds(), Retries: s.retries, Priority: s.priority,
	}, s.err
}

// on are requests with the options in their metadata.
func (o taskOptions) on(requests []*request) []*request {
	if reflect.ValueOf(&o).Elem().IsZero() {
		return requests
	}
	more, _ := json.Marshal(o) // strings and numbers cannot fail
	if len(more) == len(`{}`) {
		return requests
	}
	counting := joinObjects(more, countOutputs) // the same for almost all
	out := make([]*request, len(requests))
	for i, r := range requests {
		copy := *r
		if copy.metadata = counting; len(r.metadata) == 0 || &r.metadata[0] != &countOutputs[0] {
			copy.metadata = joinObjects(more, r.metadata)
		}
		out[i] = &copy
	}
	return out
}

// joinObjects is one JSON object of two, of which the first is not empty.
func joinObjects(a, b json.RawMessage) json.RawMessage {
	if len(b) <= len(`{}`) {
		return a
	}
	out := make(json.RawMessage, 0, len(a)+len(b))
	return append(append(append(out, a[:len(a)-1]...), ','), b[1:]...)
}
