package scheduler

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"slices"

	"muster/wire"
)

// Balanced picks an engine for each task (the task channel). An engine takes
// tasks while it has fewer than hwm; the rest wait, in order of submission.
// Nothing waits that could run: a task waits only while no engine that it may
// go to has room.
type Balanced struct {
	choose chooser
	hwm    int // no bound if < 1
	tick   float64
	rng    *rand.Rand

	now     int // in ticks
	count   uint64
	workers []*worker // least recently used first
	byUUID  map[wire.EngineUUID]*worker

	free  []*worker // as place found them last; kept for their memory
	loads []int

	// Waiting jobs that any engine may take, and those that not every one may.
	open, picky line
	timed       int // how many of them have a deadline
}

// worker is an engine and the jobs it has.
type worker struct {
	id   wire.EngineID
	uuid wire.EngineUUID
	jobs map[task]*job
}

// NewBalanced returns a Balanced without engines. An engine holds at most hwm
// tasks, with no bound if that is less than 1. A tick lasts as many seconds.
func NewBalanced(scheme Scheme, hwm int, tick float64, rng *rand.Rand) *Balanced {
	if scheme == Pure {
		hwm = 0
	}
	return &Balanced{choose: choosers[scheme], hwm: hwm, tick: tick, rng: rng, byUUID: make(map[wire.EngineUUID]*worker)}
}

// Due implements Machine: ticks are wanted while a waiting task has a timeout.
func (b *Balanced) Due() int {
	if b.timed == 0 {
		return 0
	}
	due := 0
	for _, l := range [...]*line{&b.open, &b.picky} {
		for _, j := range l.jobs[l.head:] {
			if j.deadline > 0 && (due == 0 || j.deadline < due) {
				due = j.deadline
			}
		}
	}
	return max(1, due-b.now)
}

// Step implements Machine.
func (b *Balanced) Step(ev Event) []Action {
	switch ev := ev.(type) {
	case Request:
		return b.onRequest(ev)
	case Reply:
		return b.onReply(ev)
	case Unsent:
		return b.onUnsent(ev)
	case EngineUp:
		return b.onEngineUp(ev)
	case EngineDown:
		return b.onEngineDown(ev)
	case Tick:
		return b.onTick(ev)
	}
	return nil
}

func (b *Balanced) onRequest(ev Request) []Action {
	if len(ev.Message.Route) != 1 {
		return nil
	}
	if _, ok := replyType(ev.Message.Header.MsgType); !ok {
		return nil // what wants no reply is no task
	}
	b.count++
	j, refusal := newJob(ev, b.count, b.tick)
	if refusal != nil {
		return []Action{*refusal}
	}
	return b.place(j)
}

// place sends a job to an engine with room, lets it wait, or gives it up when
// there is none that it will ever go to.
func (b *Balanced) place(j *job) []Action {
	if len(j.targets) > 0 && !slices.ContainsFunc(b.workers, func(w *worker) bool { return j.takes(w.uuid) }) {
		return []Action{fail(j.asked, "", impossibleDependency, "task %q: none of its %d targets is there to take it", j.id, len(j.targets))}
	}
	b.free, b.loads = b.free[:0], b.loads[:0]
	for _, w := range b.workers {
		if b.room(w) && j.takes(w.uuid) {
			b.free = append(b.free, w)
			b.loads = append(b.loads, len(w.jobs))
		}
	}
	if len(b.free) > 0 {
		return b.assign(j, b.free[b.choose(b.loads, b.rng)])
	}
	if j.timeout > 0 {
		j.deadline = b.now + j.timeout
		b.timed++
	}
	if j.picky() {
		b.picky.push(j)
	} else {
		b.open.push(j)
	}
	return nil
}

func (b *Balanced) room(w *worker) bool { return b.hwm < 1 || len(w.jobs) < b.hwm }

// assign sends a job to an engine, which becomes the most recently used.
func (b *Balanced) assign(j *job, w *worker) []Action {
	j.on = w
	w.jobs[j.task] = j
	i := slices.Index(b.workers, w)
	copy(b.workers[i:], b.workers[i+1:])
	b.workers[len(b.workers)-1] = w
	frames := make([][]byte, 0, len(j.frames)+1)
	frames = append(frames, []byte(w.uuid))
	return []Action{Placed{j.id, w.uuid}, Relay{ToEngine, append(frames, j.frames...)}}
}

// left notes that a job waits no more.
func (b *Balanced) left(j *job) {
	if j.deadline > 0 {
		j.deadline = 0
		b.timed--
	}
}

// fill gives an engine waiting jobs while it has room.
func (b *Balanced) fill(w *worker) []Action {
	var out []Action
	for b.room(w) {
		j := b.next(w)
		if j == nil {
			break
		}
		b.left(j)
		out = append(out, b.assign(j, w)...)
	}
	return out
}

// next takes the job that has waited longest among those for an engine.
func (b *Balanced) next(w *worker) *job {
	i := b.picky.find(w.uuid)
	hasOpen := b.open.head < len(b.open.jobs)
	switch {
	case i < 0 && !hasOpen:
		return nil
	case i < 0 || hasOpen && b.open.jobs[b.open.head].order < b.picky.jobs[i].order:
		return b.open.take(b.open.head)
	}
	return b.picky.take(i)
}

// outcome is what a reply's metadata says about a task.
type outcome struct {
	Status string `json:"status"`
	Met    *bool  `json:"dependencies_met"`
}

func (b *Balanced) onReply(ev Reply) []Action {
	if len(ev.Message.Route) != 2 {
		return nil
	}
	engine, client := ev.Frames[0], ev.Frames[1]
	w := b.byUUID[wire.EngineUUID(engine)]
	if w == nil {
		return nil // taken for dead: its tasks are elsewhere, or answered
	}
	t := task{string(client), ev.Message.Parent.MsgID}
	j := w.jobs[t]
	if j == nil {
		return nil
	}
	delete(w.jobs, t)
	j.on = nil
	var o outcome
	json.Unmarshal(ev.Message.Metadata, &o) // a bad one says nothing
	var out []Action
	switch {
	case o.Met != nil && !*o.Met:
		j.refused = append(j.refused, w.uuid)
		out = b.place(j)
	case o.Status == wire.StatusError && j.retries > 0:
		j.retries--
		j.refused = append(j.refused, w.uuid)
		out = b.place(j)
	default:
		ev.Frames[0], ev.Frames[1] = client, engine
		out = []Action{Relay{ToClient, ev.Frames}}
	}
	return append(out, b.fill(w)...)
}

// onUnsent answers a task that did not reach its engine. Tried elsewhere, it
// might be done twice in the end.
func (b *Balanced) onUnsent(ev Unsent) []Action {
	w := b.byUUID[wire.EngineUUID(ev.Engine)]
	if w == nil {
		return nil
	}
	j := w.jobs[task{string(ev.Client), ev.ID}]
	if j == nil {
		return nil
	}
	delete(w.jobs, j.task)
	return append([]Action{unsent(j.asked, &peer{id: w.id, uuid: w.uuid})}, b.fill(w)...)
}

// onEngineUp puts a new engine first in line.
func (b *Balanced) onEngineUp(ev EngineUp) []Action {
	w := &worker{ev.ID, ev.UUID, make(map[task]*job)}
	b.workers = slices.Insert(b.workers, 0, w)
	b.byUUID[w.uuid] = w
	return b.fill(w)
}

// onEngineDown places the jobs of a dead engine anew, or answers for it, and
// gives up those that waited for it alone.
func (b *Balanced) onEngineDown(ev EngineDown) []Action {
	w := b.byUUID[ev.UUID]
	if w == nil {
		return nil
	}
	delete(b.byUUID, w.uuid)
	b.workers = slices.DeleteFunc(b.workers, func(x *worker) bool { return x == w })
	var lost []*job
	for _, j := range w.jobs {
		lost = append(lost, j)
	}
	slices.SortFunc(lost, func(a, b *job) int { return cmp.Compare(a.order, b.order) })
	var out []Action
	for _, j := range lost {
		j.on = nil
		if j.retries == 0 {
			out = append(out, died(j.asked, &peer{id: w.id, uuid: w.uuid}, ev.Cause))
			continue
		}
		j.retries--
		out = append(out, b.place(j)...)
	}
	stranded := b.picky.takeIf(func(j *job) bool {
		return slices.Contains(j.targets, w.uuid) && !slices.ContainsFunc(b.workers, func(w *worker) bool { return j.takes(w.uuid) })
	})
	for _, j := range stranded {
		b.left(j)
		out = append(out, b.place(j)...)
	}
	return out
}

// onTick gives up tasks that have waited too long.
func (b *Balanced) onTick(ev Tick) []Action {
	b.now += ev.N
	if b.timed == 0 {
		return nil
	}
	late := func(j *job) bool { return j.deadline > 0 && j.deadline <= b.now }
	var out []Action
	for _, j := range append(b.open.takeIf(late), b.picky.takeIf(late)...) {
		b.left(j)
		out = append(out, fail(j.asked, "", taskTimeout, "task %q: no engine could take it for %g s", j.id, float64(j.timeout)*b.tick))
	}
	return out
}
