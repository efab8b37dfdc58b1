package scheduler

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"muster/wire"
)

// A job is a task of the queue, from its submission to its answer.
type job struct {
	asked
	frames   [][]byte // [client, <IDS|MSG>, ...], to be sent again if need be
	priority int
	retries  int
	timeout  int // ticks that it may wait, 0 for ever

	// Where it may go: targets, sorted, if there are any; not to an engine that
	// refused it or on which it failed; and to where it follows others.
	targets, refused []wire.EngineUUID
	after, follow    *dependency
	children         map[*job]role // that depend on it
	condition        *condition    // what it demands of an engine
	walltime         int           // and for how many ticks, 0 if it does not say

	deaths []string          // how the engines died that ran it
	seen   []wire.EngineUUID // engines that gave it back, or refused it
	again  int               // how many times one of these was sent it
	run    string            // of the controller, if it was resumed
	// Its outcome is final: a client has asked to abort it.
	aborted bool
	// It is asked back from its engine.
	recalled bool

	// It is on an engine, or waits in the line of a class, or neither: then it
	// waits for the tasks that it depends on.
	on         *worker
	prev, next *job // on that engine
	class      *class
	slot       int // in the line; late tells in which part of it
	late       bool

	deadline, alarm int // in ticks, while it waits and has a timeout; its place among the alarms
}

// An alarm is a waiting job that has a timeout.
type alarm struct{ *job }

func (a alarm) before(b alarm) bool {
	if a.deadline != b.deadline {
		return a.deadline < b.deadline
	}
	return a.order < b.order
}

func (a alarm) place() *int { return &a.alarm }

// onlyCounts is the metadata of most tasks of Go clients, which says nothing to
// a scheduler. Not to parse it spares a fifth of the time of a task
// (BenchmarkBalanced).
const onlyCounts = `{"` + wire.CountOutputs + `":true}`

// options are what a client may say about a task, in the metadata.
type options struct {
	Targets  []wire.EngineUUID `json:"targets"`
	After    json.RawMessage   `json:"after"`
	Follow   json.RawMessage   `json:"follow"`
	Timeout  float64           `json:"timeout"` // seconds
	Retries  int               `json:"retries"`
	Priority int               `json:"priority"`
	Walltime float64           `json:"walltime"` // seconds; wire.Walltime
	Deadline float64           `json:"deadline"` // the engine's concern, but for what it cannot be

	Depend         string   `json:"depend"` // wire.Depend and its siblings
	Require        []string `json:"require"`
	DependFunction string   `json:"depend_function"`
}

// newJob reads a request, and what it demands of an engine. tick is in seconds.
func newJob(ev Request, order uint64, tick float64) (j *job, demands string, _ *Answer) {
	m := ev.Message
	j = &job{
		asked:  asked{order, m.Route[0], m.Header.MsgID, m.Header.MsgType, m.RawHeader},
		frames: ev.Frames,
	}
	switch string(m.Metadata) {
	case "{}", onlyCounts:
		return j, "", nil
	}
	var o options
	err := json.Unmarshal(m.Metadata, &o)
	if err != nil {
		return j, "", refuse(j, valueError, "task options: %s", badJSON(err))
	}
	if j.after, err = readDependency("after", o.After); err == nil {
		j.follow, err = readDependency("follow", o.Follow)
	}
	switch {
	case err != nil:
		return j, "", refuse(j, valueError, "%v", err)
	case o.Retries < 0:
		return j, "", refuse(j, valueError, "retries is %d: it must not be negative", o.Retries)
	case !(o.Timeout >= 0) || o.Timeout > maxTimeout:
		return j, "", refuse(j, valueError, "timeout is %v: want 0 to %v seconds", o.Timeout, float64(maxTimeout))
	case !(o.Walltime >= 0) || o.Walltime > maxTimeout:
		return j, "", refuse(j, valueError, "walltime is %v: want 0 to %v seconds", o.Walltime, float64(maxTimeout))
	case !(o.Deadline >= 0):
		return j, "", refuse(j, valueError, "deadline is %v: it must not be negative", o.Deadline)
	}
	slices.Sort(o.Targets)
	j.targets = slices.Clip(slices.Compact(o.Targets))
	j.retries, j.priority = o.Retries, o.Priority
	if o.Timeout > 0 {
		j.timeout = max(1, int(math.Ceil(o.Timeout/tick)))
	}
	j.walltime = walltime(o.Walltime, tick)
	return j, o.demands(), nil
}

// refuse is the answer to a task that no engine is to blame for.
func refuse(j *job, ename, format string, args ...any) *Answer {
	a := fail(j.asked, "", ename, format, args...)
	return &a
}

// maxTimeout is a year.
const maxTimeout = 366 * 24 * 3600

// reach returns the engines that a job may go to or, except for being true,
// those that it may not. What it depends on has finished.
func (j *job) reach() (engines []wire.EngineUUID, except bool) {
	switch {
	case j.follow == nil && len(j.targets) == 0:
		return j.refused, true
	case j.follow == nil && len(j.refused) == 0:
		return j.targets, false
	case j.follow == nil:
		engines = slices.Clone(j.targets)
	default:
		engines = slices.Sorted(slices.Values(j.follow.places))
	}
	return slices.DeleteFunc(engines, func(e wire.EngineUUID) bool {
		return slices.Contains(j.refused, e) || len(j.targets) > 0 && !slices.Contains(j.targets, e)
	}), false
}

// may tells whether a job may go to an engine.
func (b *Balanced) may(j *job, w *worker) bool {
	engines, except := j.reach()
	return slices.Contains(engines, w.uuid) != except && b.serves(w, j.condition, j.walltime)
}

// recall notes that an engine has had the job, and may have it again.
func (j *job) recall(engine wire.EngineUUID) {
	if !slices.Contains(j.seen, engine) {
		j.seen = append(j.seen, engine)
	}
}

// refuse notes that an engine is not to have the job again.
func (j *job) refuse(engine wire.EngineUUID) {
	// A new slice: a class may have the old one.
	i, _ := slices.BinarySearch(j.refused, engine)
	j.refused = slices.Insert(slices.Clone(j.refused), i, engine)
}

// send returns what takes the job to an engine. One that has had the message
// would take it for a replay (protocol section 3) and gets another.
func (j *job) send(w *worker) Action {
	if j.run == "" && !slices.Contains(j.seen, w.uuid) {
		frames := make([][]byte, 0, len(j.frames)+1)
		return Relay{To: ToEngine, Frames: append(append(frames, []byte(w.uuid)), j.frames...)}
	}
	dicts := j.frames[3:] // client, delimiter, signature
	var metadata object
	if err := json.Unmarshal(dicts[2], &metadata); err != nil {
		panic(fmt.Sprintf("metadata that could be read at first: %v", err))
	}
	j.again++
	if metadata.set("sent", 1+j.again); j.run != "" { // an earlier run may have counted as far
		metadata.set("sent", fmt.Sprint(j.run, ".", j.again))
	}
	return Sign{ToEngine, 1, &wire.Message{
		Route:     [][]byte{[]byte(w.uuid), j.client},
		RawHeader: dicts[0],
		RawParent: dicts[1],
		Metadata:  marshal(metadata),
		Content:   dicts[3],
		Buffers:   dicts[4:],
	}}
}
