package scheduler

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"

	"muster/wire"
)

// job is a task of the queue, from its submission to its answer.
type job struct {
	asked
	task    task
	frames  [][]byte // [client, <IDS|MSG>, ...], to be sent again if need be
	targets []wire.EngineUUID
	refused []wire.EngineUUID // engines that it is not to go to again
	retries int
	timeout int // ticks that it may wait, 0 for ever

	on       *worker // nil while it waits
	deadline int     // in ticks, while it waits and has a timeout
}

// options are what a client may say about a task, in the metadata.
type options struct {
	Targets []wire.EngineUUID `json:"targets"`
	After   json.RawMessage   `json:"after"`
	Follow  json.RawMessage   `json:"follow"`
	Timeout float64           `json:"timeout"` // seconds
	Retries int               `json:"retries"`
}

// dependent tells whether a dependency is one: it is null, a list of message
// ids, or an object with such a list.
func dependent(raw json.RawMessage) bool {
	var set struct {
		Dependencies []json.RawMessage `json:"dependencies"`
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		return len(list) > 0
	}
	json.Unmarshal(raw, &set) // what is neither names no message
	return len(set.Dependencies) > 0
}

// newJob reads a request. tick is in seconds.
func newJob(ev Request, order uint64, tick float64) (*job, *Answer) {
	m := ev.Message
	j := &job{
		asked:  asked{order, m.Route[0], m.Header.MsgID, m.Header.MsgType, m.RawHeader},
		task:   task{string(m.Route[0]), m.Header.MsgID},
		frames: ev.Frames,
	}
	refuse := func(ename, format string, args ...any) (*job, *Answer) {
		a := fail(j.asked, "", ename, format, args...)
		return nil, &a
	}
	var o options
	if err := json.Unmarshal(m.Metadata, &o); err != nil {
		return refuse(valueError, "task options: %s", badJSON(err))
	}
	switch {
	case dependent(o.After) || dependent(o.Follow):
		return refuse(invalidDependency, "this controller does not order tasks: after and follow have to be empty")
	case o.Retries < 0:
		return refuse(valueError, "retries is %d: it must not be negative", o.Retries)
	case !(o.Timeout >= 0) || o.Timeout > maxTimeout:
		return refuse(valueError, "timeout is %v: want 0 to %v seconds", o.Timeout, float64(maxTimeout))
	}
	j.targets, j.retries = o.Targets, o.Retries
	if o.Timeout > 0 {
		j.timeout = max(1, int(math.Ceil(o.Timeout/tick)))
	}
	return j, nil
}

// maxTimeout is a year.
const maxTimeout = 366 * 24 * 3600

// takes tells whether the job may go to that engine.
func (j *job) takes(engine wire.EngineUUID) bool {
	return (len(j.targets) == 0 || slices.Contains(j.targets, engine)) && !slices.Contains(j.refused, engine)
}

// picky tells whether there is an engine that the job may not go to.
func (j *job) picky() bool { return len(j.targets) > 0 || len(j.refused) > 0 }

// line holds waiting jobs, in the order in which they were submitted.
type line struct {
	jobs []*job // those before head are gone
	head int
}

// push adds a job in its place, which is the end unless it waited before.
func (l *line) push(j *job) {
	i, _ := slices.BinarySearchFunc(l.jobs[l.head:], j.order, func(x *job, order uint64) int { return cmp.Compare(x.order, order) })
	l.jobs = slices.Insert(l.jobs, l.head+i, j)
}

// find returns the index of the first job that the engine may take, or -1.
func (l *line) find(engine wire.EngineUUID) int {
	for i := l.head; i < len(l.jobs); i++ {
		if l.jobs[i].takes(engine) {
			return i
		}
	}
	return -1
}

// take removes the job at an index. Taking the first is cheap.
func (l *line) take(i int) *job {
	j := l.jobs[i]
	if i > l.head {
		l.jobs = slices.Delete(l.jobs, i, i+1)
		return j
	}
	l.jobs[i] = nil
	l.head++
	if l.head > len(l.jobs)/2 {
		l.jobs = slices.Delete(l.jobs, 0, l.head)
		l.head = 0
	}
	return j
}

// takeIf removes and returns the jobs that it is true for.
func (l *line) takeIf(is func(*job) bool) (out []*job) {
	l.jobs = slices.DeleteFunc(slices.Delete(l.jobs, 0, l.head), func(j *job) bool {
		if is(j) {
			out = append(out, j)
			return true
		}
		return false
	})
	l.head = 0
	return out
}
