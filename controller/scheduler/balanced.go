package scheduler

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"

	"muster/wire"
)

// BalancedConfig is what a Balanced is told about its cluster.
type BalancedConfig struct {
	// Scheme is how it picks an engine among those with room for a task.
	Scheme Scheme
	// HWM is how many tasks an engine has at most; with no bound if negative.
	// 0 is one, and a few more while the engine's tasks are so short that it
	// would wait for the next one longer than it works.
	HWM int
	// CrashLimit is how many engines may die that run a task before it is given
	// up whatever its retries; with no bound if negative.
	CrashLimit int
	// Tick is how long a tick is, in seconds.
	Tick float64
	// Grace is how many ticks the replies of a dead engine still count, which
	// may be on their way.
	Grace int
	// Recorded says that tasks may be resumed after the controller's end: what
	// trying them has come to is reported by Tried, and what became of them with
	// their answers.
	Recorded bool
}

// Balanced picks an engine for each task (the task channel, protocol section
// 10). An engine takes tasks while it has room; the rest wait, by priority and
// in order of submission. Nothing waits that could run: a task waits only while
// no engine that it may go to has room, or for tasks that it depends on.
type Balanced struct {
	cfg    BalancedConfig
	choose chooser
	hwm    int
	rng    *rand.Rand

	now      int // in ticks
	count    uint64
	jobs     map[wire.MsgID]*job // all that are not answered
	most     int                 // that there were
	finished finished

	workers []*worker // least recently used first
	lost    []*worker // that died with jobs, in that order
	away    []*worker // that are not connected, likewise
	vacant  int       // workers with room

	// Waiting jobs: those that any engine may take, the others by the engines
	// that may, and how many there are in both. Jobs that wait for others to
	// finish are in neither.
	open    class
	classes map[string]*class
	ready   int
	alarms  heap[alarm]

	conditions map[string]*condition // but for those that are a job's own

	free  []*worker // as assign found them last; kept for their memory
	loads []int

	// Of the present step:
	out   []Action
	ended []end // jobs that have finished, and whose children do not know yet
	moved bool  // some job has begun to wait
}

// end is a job that has finished.
type end struct {
	job *job
	ending
}

// NewBalanced returns a Balanced without engines.
func NewBalanced(cfg BalancedConfig, rng *rand.Rand) *Balanced {
	b := &Balanced{
		cfg: cfg, choose: choosers[cfg.Scheme], hwm: cfg.HWM, rng: rng,
		jobs: make(map[wire.MsgID]*job), open: class{except: true}, classes: make(map[string]*class),
		conditions: make(map[string]*condition),
	}
	if cfg.Scheme == Pure {
		b.hwm = -1
	}
	return b
}

// Step implements Machine.
func (b *Balanced) Step(ev Event) []Action {
	b.out = nil
	switch ev := ev.(type) {
	case Request:
		b.onRequest(ev)
	case Reply:
		b.onReply(ev)
	case Unsent:
		b.onUnsent(ev)
	case Resume:
		b.onResume(ev)
	case EngineUp:
		b.onEngineUp(ev)
	case EngineDraining:
		b.onEngineDraining(ev)
	case EngineDown:
		b.onEngineDown(ev)
	case ClientLost:
		b.onClientLost(ev)
	case Tick:
		b.onTick(ev)
	}
	b.spread()
	if b.moved {
		b.moved = false
		b.dispatch()
	}
	return b.out
}

// spread tells of the jobs that have finished, and of those that finish by it.
func (b *Balanced) spread() {
	for i := 0; i < len(b.ended); i++ {
		b.release(b.ended[i])
		b.ended[i] = end{}
	}
	b.ended = b.ended[:0]
}

func (b *Balanced) do(a ...Action) { b.out = append(b.out, a...) }

func (b *Balanced) onRequest(ev Request) {
	m := ev.Message
	if len(m.Route) != 1 {
		return
	}
	if _, ok := replyType(m.Header.MsgType); !ok {
		return // what wants no reply is no task
	}
	switch m.Header.MsgType {
	case wire.AbortRequest:
		b.onAbort(m)
		return
	case wire.ExplainRequest:
		b.onExplain(m)
		return
	}
	b.count++
	j, demands, refusal := newJob(ev, b.count, b.cfg.Tick)
	switch {
	case b.choose == nil:
		b.do(*refuse(j, valueError, "this controller schedules no tasks (its scheme is %q): address engines", b.cfg.Scheme))
		return
	case b.jobs[j.id] != nil:
		b.do(*refuse(j, valueError, "task %q is here already: an id is for one task", j.id))
		return
	}
	if refusal == nil {
		refusal = b.enlist(j)
	}
	b.jobs[j.id] = j
	if demands != "" {
		b.enter(j, demands)
	}
	switch {
	case refusal != nil:
		b.giveUp(j, refusal)
	case b.vacant == 0 || !b.assign(j):
		b.settle(j)
		b.moved = false // no engine has room for it
	}
}

// settle finds out what a job waits for that is not on an engine.
func (b *Balanced) settle(j *job) {
	if j.class != nil {
		b.unwait(j)
	}
	if j.after.ready() && j.follow.ready() {
		b.anew(j)
		engines, except := j.reach()
		there, may := b.among(engines, except, j.condition)
		last := j.follow == nil || j.follow.open == 0 // there will be no more engines
		if there && (may || !last) {
			b.wait(j, engines, except)
			b.moved = true
		} else if last {
			b.giveUp(j, refuse(j, impossibleDependency, "task %q: %s", j.id, b.nowhere(j)))
			return
		}
	}
	if j.timeout > 0 && j.deadline == 0 {
		j.deadline = b.now + j.timeout
		b.alarms.push(alarm{j})
	}
}

// requeue has a job wait that was on an engine.
func (b *Balanced) requeue(j *job) {
	b.do(Placed{Task: j.id})
	b.settle(j)
}

// giveUp answers a job that is on no engine.
func (b *Balanced) giveUp(j *job, a *Answer) {
	if j.class != nil {
		b.unwait(j)
	}
	b.end(j, *a, ending{id: j.id})
}

// end answers a job in an engine's stead.
func (b *Balanced) end(j *job, a Answer, e ending) {
	a.Ends = b.ends(e)
	b.do(a)
	b.finish(j, e)
}

// ends is an ending for the records.
func (b *Balanced) ends(e ending) *Outcome {
	if !b.cfg.Recorded {
		return nil
	}
	return &Outcome{e.id, e.engine, e.ok}
}

// finish forgets a job that was answered.
func (b *Balanced) finish(j *job, e ending) {
	b.calm(j)
	b.unlink(j)
	b.leave(j)
	delete(b.jobs, j.id)
	if b.most = max(b.most, len(b.jobs)); len(b.jobs) == 0 && b.most > 1<<12 {
		b.jobs, b.most = make(map[wire.MsgID]*job), 0 // an emptied map keeps its size
	}
	b.finished.record(e.id, e.engine, e.ok)
	if len(j.children) > 0 {
		b.ended = append(b.ended, end{j, e})
	}
}

// calm takes back the alarm of a job that waits no more.
func (b *Balanced) calm(j *job) {
	if j.deadline > 0 {
		j.deadline = 0
		b.alarms.remove(alarm{j})
	}
}

// outcome is what a reply's metadata says about a task.
type outcome struct {
	Status  string          `json:"status"`
	Met     *bool           `json:"dependencies_met"`
	Started wire.Time       `json:"started"`
	Outputs json.RawMessage `json:"outputs"`
	Drains  bool            `json:"draining"` // wire.Draining
}

// readOutcome reads what is there: metadata that is no outcome says nothing.
func readOutcome(metadata json.RawMessage) (o outcome) {
	flat := wire.EachMember(metadata, func(key, value []byte) {
		switch string(key) {
		case "status":
			o.Status = status(value)
		case "dependencies_met":
			if string(value) == "false" {
				o.Met = new(bool)
			}
		case "started":
			o.Started.UnmarshalJSON(value)
		case "outputs":
			o.Outputs = value
		case wire.Draining:
			o.Drains = string(value) == "true"
		}
	})
	if !flat {
		o = outcome{}
		json.Unmarshal(metadata, &o)
	}
	return o
}

// status spares the allocation for what is not an error.
func status(value []byte) string {
	switch string(value) {
	case `"ok"`:
		return wire.StatusOK
	case `"aborted"`:
		return wire.StatusAborted
	}
	return string(bytes.Trim(value, `"`))
}

func (b *Balanced) onReply(ev Reply) {
	if len(ev.Message.Route) != 2 {
		return
	}
	engine, client := ev.Frames[0], ev.Frames[1]
	j := b.jobs[ev.Message.Parent.MsgID]
	if j == nil || j.on == nil || string(j.on.uuid) != string(engine) || string(j.client) != string(client) {
		return // it was answered, or is elsewhere
	}
	w := j.on
	w.drop(j)
	o := readOutcome(ev.Message.Metadata)
	if o.Drains && !w.gone {
		b.drain(w) // the news of it may come later
	}
	unmet := o.Met != nil && !*o.Met
	if !unmet && o.Status != wire.StatusAborted {
		w.observe(&o, ev.Message)
		b.accepted(j, w)
	}
	recalled := j.recalled
	j.recalled = false
	switch {
	case j.aborted && unmet:
		b.giveUp(j, abortion(j)) // it has not begun
		j = nil
	case j.aborted:
	case recalled && o.Status == wire.StatusAborted:
		j.recall(w.uuid)
		b.requeue(j)
		j = nil
	case unmet:
		j.recall(w.uuid)
		if !w.draining {
			b.refused(j, w, ev.Message.Content)
		}
		b.requeue(j)
		j = nil
	case o.Status == wire.StatusError && j.retries > 0 && b.elsewhere(j, w.uuid):
		j.recall(w.uuid)
		j.retries--
		b.tried(j, w.uuid)
		b.requeue(j)
		j = nil
	}
	if j != nil {
		ev.Frames[0], ev.Frames[1] = client, engine
		e := ending{j.id, w.uuid, o.Status == wire.StatusOK}
		b.do(Relay{To: ToClient, Frames: ev.Frames, Ends: b.ends(e)})
		b.finish(j, e)
	}
	b.update(w)
	if len(b.ended) == 0 {
		b.fill(w)
	} else {
		b.moved = true
	}
}

// anew lets a job that has failed on every engine that would run it go to all of
// them again. To wait for another, which may never come, would leave retries
// that its client has asked for.
func (b *Balanced) anew(j *job) {
	if len(j.refused) == 0 {
		return
	}
	engines, except := j.reach()
	if !slices.ContainsFunc(b.workers, func(w *worker) bool {
		return slices.Contains(engines, w.uuid) != except && b.serves(w, j.condition, j.walltime)
	}) {
		j.refused = nil
	}
}

// elsewhere has a job that failed on an engine go to others first. It is false if
// there is no engine for it at all.
func (b *Balanced) elsewhere(j *job, engine wire.EngineUUID) bool {
	before := j.refused
	j.refuse(engine)
	b.anew(j)
	engines, except := j.reach()
	_, may := b.among(engines, except, j.condition)
	if !may {
		j.refused = before
	}
	return may
}

// among tells whether any of a job's engines is there, and whether one of these
// may take it. Where engines were named to it, or it follows others, one that
// has refused what is in its payload may not (protocol section 10).
func (b *Balanced) among(engines []wire.EngineUUID, except bool, c *condition) (there, may bool) {
	if except {
		return true, true
	}
	for _, w := range b.workers {
		if slices.Contains(engines, w.uuid) && !w.draining {
			there = true
			may = may || !(c.own() && c.refuses(w.uuid))
		}
	}
	return there, may
}

// onUnsent takes back a task that did not reach its engine. That gets no more
// for a while: its connection has ended, and perhaps it is making another.
func (b *Balanced) onUnsent(ev Unsent) {
	j := b.jobs[ev.ID]
	if j == nil || j.on == nil || string(j.on.uuid) != string(ev.Engine) || string(j.client) != string(ev.Client) {
		return
	}
	w := j.on
	w.drop(j)
	j.recalled = false
	if w.away == 0 && !w.gone {
		w.away = b.now + max(1, int(away/b.cfg.Tick))
		b.away = append(b.away, w)
	}
	b.update(w)
	if j.aborted {
		b.giveUp(j, abortion(j))
	} else {
		b.requeue(j)
	}
}

// away is how long an engine gets nothing that was not connected, in seconds.
const away = 1
