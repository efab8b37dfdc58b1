package scheduler

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"muster/wire"
)

// dumb is a Balanced without cleverness: after each event it looks at all tasks
// in turn, and again when something has come of it. It has no index, no counts
// and no frames. Engines in the simulation do not tell how long tasks take, so
// an HWM of 0 is 1.
type dumb struct {
	cfg     BalancedConfig
	rng     *rand.Rand
	now     int
	count   int
	engines []*dumbEngine // that live, least recently used first
	tasks   map[wire.MsgID]*dumbTask
	done    []string

	// By what tasks demand, or by the task if that is its own, and by engine.
	refusals map[string]map[wire.EngineUUID]*dumbRefusal
}

type dumbRefusal struct {
	order, pause, until int
	lifted              bool
}

type dumbEngine struct {
	uuid  wire.EngineUUID
	until int // when its death counts, if it is dead
	dead  bool
	away  int // when it may have tasks again

	end      int // of its job, if that is known
	draining bool
}

type dumbTask struct {
	id      wire.MsgID
	client  string
	order   int
	options options
	after   *dependency
	follow  *dependency
	refused []wire.EngineUUID
	deaths  int
	aborted bool

	on    *dumbEngine
	since int // when it was given to it
	from  int // when it began to wait
	// ended is "" while it is not answered, else "ok" or "failed".
	ended string
	where wire.EngineUUID
}

func newDumb(cfg BalancedConfig) *dumb {
	if cfg.HWM == 0 {
		cfg.HWM = 1
	}
	if cfg.Scheme == Pure {
		cfg.HWM = -1
	}
	return &dumb{cfg: cfg, rng: rand.New(rand.NewPCG(1, 2)), tasks: make(map[wire.MsgID]*dumbTask), refusals: make(map[string]map[wire.EngineUUID]*dumbRefusal)}
}

// brief is what the two have to agree in.
func brief(w *world, a Action) []string {
	switch a := a.(type) {
	case Placed:
		if a.Engine == "" {
			return nil
		}
		return []string{fmt.Sprintf("%s to %s", a.Task, a.Engine)}
	case Relay:
		if a.To == ToClient {
			return []string{fmt.Sprintf("%s relayed", w.inspect(a.Frames).Parent.MsgID)}
		}
	case Answer:
		var parent wire.Header
		json.Unmarshal(a.Parent, &parent)
		return []string{fmt.Sprintf("%s %s%s", parent.MsgID, a.Content.Status, a.Content.Ename)}
	case Abort:
		return []string{fmt.Sprintf("abort %s on %s", a.IDs, a.Engine)}
	}
	return nil
}

func (d *dumb) step(ev Event) []string {
	d.done = nil
	switch ev := ev.(type) {
	case EngineUp:
		e := &dumbEngine{uuid: ev.UUID}
		if ev.Lasts > 0 {
			e.end = d.now + ev.Lasts
		}
		d.engines = slices.Insert(d.engines, 0, e)
	case EngineDraining:
		d.drain(ev.UUID)
	case EngineDown:
		i := slices.IndexFunc(d.engines, func(e *dumbEngine) bool { return e.uuid == ev.UUID })
		e := d.engines[i]
		d.engines = slices.Delete(d.engines, i, i+1)
		e.dead, e.until = true, d.now+d.cfg.Grace
		d.forget(e.uuid)
	case Tick:
		d.now += ev.N
		d.askAgain()
	case Request:
		if ev.Message.Header.MsgType == wire.AbortRequest {
			var content wire.Abort
			json.Unmarshal(ev.Message.Content, &content)
			d.abort(content.MsgIDs)
		} else {
			d.submit(ev)
		}
	case ClientLost:
		var left []wire.MsgID
		for _, t := range slices.SortedFunc(maps.Values(d.tasks), func(x, y *dumbTask) int { return x.order - y.order }) {
			if t.ended == "" && t.client == string(ev.Client) {
				left = append(left, t.id)
			}
		}
		d.abort(left)
	case Reply:
		d.reply(ev)
	case Unsent:
		t := d.tasks[ev.ID]
		if t == nil || t.on == nil || string(t.on.uuid) != string(ev.Engine) {
			break
		}
		if t.on.away <= d.now {
			t.on.away = d.now + 2 // a second
		}
		t.on, t.from = nil, d.now
		if t.aborted {
			d.end(t, "failed", "", "aborted")
		}
	}
	d.bury()
	d.rescan()
	for key := range d.refusals {
		if !slices.ContainsFunc(d.inTurn(), func(t *dumbTask) bool { return t.demands() == key }) {
			delete(d.refusals, key)
		}
	}
	return d.done
}

// forget forgets what an engine has refused.
func (d *dumb) forget(engine wire.EngineUUID) {
	for _, by := range d.refusals {
		if r := by[engine]; r != nil && !r.lifted {
			delete(by, engine)
		}
	}
}

func (d *dumb) drain(engine wire.EngineUUID) {
	for _, e := range d.engines {
		if e.uuid == engine {
			e.draining = true
			d.forget(engine)
		}
	}
}

// lasts tells whether an engine takes tasks, and is there for as long as one needs.
func (d *dumb) lasts(t *dumbTask, e *dumbEngine) bool {
	return !e.draining && (e.end == 0 || t.options.Walltime == 0 || float64(e.end-d.now)*0.5 >= t.options.Walltime)
}

// inTurn lists the tasks that have no answer.
func (d *dumb) inTurn() []*dumbTask {
	var out []*dumbTask
	for _, t := range d.tasks {
		if t.ended == "" {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(x, y *dumbTask) int {
		if x.options.Priority != y.options.Priority {
			return y.options.Priority - x.options.Priority
		}
		return x.order - y.order
	})
	return out
}

func (d *dumb) end(t *dumbTask, ended string, where wire.EngineUUID, said string) {
	t.ended, t.where, t.on = ended, where, nil
	d.done = append(d.done, fmt.Sprintf("%s %s", t.id, said))
}

func (d *dumb) fail(t *dumbTask, ename string) { d.end(t, "failed", "", "error"+ename) }

func (d *dumb) submit(ev Request) {
	d.count++
	t := &dumbTask{id: ev.Message.Header.MsgID, client: string(ev.Message.Route[0]), order: d.count, from: d.now}
	json.Unmarshal(ev.Message.Metadata, &t.options)
	t.after, _ = readDependency("after", t.options.After)
	t.follow, _ = readDependency("follow", t.options.Follow)
	for _, dep := range []*dependency{t.after, t.follow} {
		for i := 0; dep != nil && i < len(dep.ids); i++ {
			if d.tasks[dep.ids[i]] == nil && t.ended == "" {
				d.tasks[t.id] = t
				d.fail(t, invalidDependency)
			}
		}
	}
	d.tasks[t.id] = t
}

func (d *dumb) abort(ids []wire.MsgID) {
	on := make(map[wire.EngineUUID][]wire.MsgID)
	for _, id := range ids {
		t := d.tasks[id]
		switch {
		case t == nil || t.ended != "":
		case t.on == nil:
			d.end(t, "failed", "", "aborted")
		default:
			t.aborted = true
			on[t.on.uuid] = append(on[t.on.uuid], id)
		}
	}
	for uuid, ids := range on {
		d.done = append(d.done, fmt.Sprintf("abort %s on %s", ids, uuid))
	}
}

func (d *dumb) reply(ev Reply) {
	t := d.tasks[ev.Message.Parent.MsgID]
	if t == nil || t.on == nil || string(t.on.uuid) != string(ev.Message.Route[0]) {
		return
	}
	engine := t.on
	var o outcome
	json.Unmarshal(ev.Message.Metadata, &o)
	if o.Drains {
		d.drain(engine.uuid)
	}
	unmet := o.Met != nil && !*o.Met
	if by := d.refusals[t.demands()]; !unmet && o.Status != wire.StatusAborted {
		delete(by, engine.uuid)
	}
	if t.aborted && unmet {
		t.on = nil
		d.end(t, "failed", "", "aborted")
		return
	}
	if unmet {
		if !engine.dead && !engine.draining {
			d.refuse(t, engine.uuid)
		}
		t.on, t.from = nil, d.now
		return
	}
	if !t.aborted && o.Status == wire.StatusError && d.retry(t, engine.uuid) {
		return
	}
	ended := "failed"
	if o.Status == wire.StatusOK {
		ended = "ok"
	}
	d.end(t, ended, engine.uuid, "relayed")
}

// demands is what a task shares its refusals by.
func (t *dumbTask) demands() string {
	if t.options.Depend != "" {
		return t.options.Depend
	}
	return "own " + string(t.id)
}

func (d *dumb) refuse(t *dumbTask, engine wire.EngineUUID) {
	by := d.refusals[t.demands()]
	if by == nil {
		by = make(map[wire.EngineUUID]*dumbRefusal)
		d.refusals[t.demands()] = by
	}
	r := by[engine]
	if r == nil {
		r = &dumbRefusal{lifted: true, pause: 1}
		by[engine] = r
	}
	if r.lifted {
		d.count++
		r.pause = min(2*r.pause, 16) // a second, at first
		r.order, r.lifted, r.until = d.count, false, d.now+r.pause
	}
}

// askAgain has one refusal of each engine end that is over.
func (d *dumb) askAgain() {
	for _, e := range d.engines {
		var first *dumbRefusal
		for _, by := range d.refusals {
			r := by[e.uuid]
			if r != nil && !r.lifted && r.until <= d.now && (first == nil || r.until < first.until || r.until == first.until && r.order < first.order) {
				first = r
			}
		}
		if first != nil {
			first.lifted = true
		}
	}
}

// refuses tells whether an engine is not to be asked to run a task.
func (d *dumb) refuses(t *dumbTask, engine wire.EngineUUID) bool {
	r := d.refusals[t.demands()][engine]
	return r != nil && !r.lifted
}

// retry has a task tried again, if it may be and there is an engine left.
func (d *dumb) retry(t *dumbTask, engine wire.EngineUUID) bool {
	if t.options.Retries == 0 {
		return false
	}
	before := t.refused
	t.refused = append(slices.Clone(before), engine)
	d.anew(t)
	if d.stranded(t) {
		t.refused = before
		return false
	}
	t.options.Retries--
	t.on, t.from = nil, d.now
	return true
}

// anew lets a task that has failed wherever it may go go there again.
func (d *dumb) anew(t *dumbTask) {
	if !slices.ContainsFunc(d.engines, func(e *dumbEngine) bool { return d.may(t, e.uuid) && !d.refuses(t, e.uuid) && d.lasts(t, e) }) {
		t.refused = nil
	}
}

// bury ends what was on engines that are dead for good.
func (d *dumb) bury() {
	var lost []*dumbTask
	for _, t := range d.tasks {
		if t.on != nil && t.on.dead && t.on.until <= d.now {
			lost = append(lost, t)
		}
	}
	slices.SortFunc(lost, func(x, y *dumbTask) int { return x.since - y.since })
	first := make(map[*dumbEngine]bool)
	for _, t := range lost {
		if !first[t.on] {
			first[t.on] = true
			t.deaths++
		}
		poison := d.cfg.CrashLimit > 0 && t.deaths >= d.cfg.CrashLimit
		if uuid := t.on.uuid; t.aborted || poison || !d.retry(t, uuid) {
			d.fail(t, engineError)
			t.where = uuid
		}
	}
}

// verdict tells of a dependency whether it is met, and whether it can be. The
// engines are those where tasks that it counts have run.
func (d *dumb) verdict(dep *dependency) (met, possible bool, engines []wire.EngineUUID) {
	if dep == nil {
		return true, true, nil
	}
	good, bad := 0, 0
	for _, id := range dep.ids {
		p := d.tasks[id]
		switch {
		case p.ended == "":
		case p.ended == "ok" && dep.success || p.ended == "failed" && dep.failure:
			good++
			engines = append(engines, p.where)
		default:
			bad++
		}
	}
	if dep.all {
		return good == len(dep.ids), bad == 0, engines
	}
	return good > 0, bad < len(dep.ids), engines
}

// may tells whether a task may go to an engine.
func (d *dumb) may(t *dumbTask, engine wire.EngineUUID) bool {
	_, _, engines := d.verdict(t.follow)
	return (len(t.options.Targets) == 0 || slices.Contains(t.options.Targets, engine)) &&
		!slices.Contains(t.refused, engine) &&
		(t.follow == nil || slices.Contains(engines, engine))
}

// stranded tells whether a task has engines to choose from and all are gone.
func (d *dumb) stranded(t *dumbTask) bool {
	return (len(t.options.Targets) > 0 || t.follow != nil) &&
		!slices.ContainsFunc(d.engines, func(e *dumbEngine) bool {
			return !e.draining && d.may(t, e.uuid) && !(t.options.Depend == "" && d.refuses(t, e.uuid))
		})
}

// possible tells whether a task that waits can ever start.
func (d *dumb) possible(t *dumbTask) bool {
	met, after, _ := d.verdict(t.after)
	there, follow, engines := d.verdict(t.follow)
	if t.follow == nil {
		return after && !(met && d.stranded(t))
	}
	nowhere := slices.Contains(engines, "")
	slices.Sort(engines)
	engines = slices.DeleteFunc(slices.Compact(engines), func(e wire.EngineUUID) bool { return e == "" })
	if t.follow.all && (nowhere || len(engines) > 1) {
		return false
	}
	open := slices.ContainsFunc(t.follow.ids, func(id wire.MsgID) bool { return d.tasks[id].ended == "" })
	return after && follow && (open || len(engines) > 0 && !(met && there && d.stranded(t)))
}

// rescan gives up what is impossible or late, and starts what can be started.
func (d *dumb) rescan() {
	for _, t := range d.inTurn() {
		if t.on == nil {
			d.anew(t)
		}
	}
	for again := true; again; {
		again = false
		var late *dumbTask
		for _, t := range d.inTurn() {
			if t.on != nil {
				continue
			}
			if !d.possible(t) {
				d.fail(t, impossibleDependency)
				again = true
			} else if d.left(t) <= 0 && (late == nil || d.left(t) < d.left(late) || d.left(t) == d.left(late) && t.order < late.order) {
				late = t
			}
		}
		if late != nil && !again {
			d.fail(late, taskTimeout)
			again = true
		}
	}
	for again := true; again; {
		again = false
		for _, t := range d.inTurn() {
			met, _, _ := d.verdict(t.after)
			there, _, _ := d.verdict(t.follow)
			if t.on == nil && met && there && d.place(t) {
				again = true
				break
			}
		}
	}
}

// left is how many seconds a task may still wait.
func (d *dumb) left(t *dumbTask) float64 {
	if t.options.Timeout == 0 {
		return math.Inf(1)
	}
	return t.options.Timeout - float64(d.now-t.from)*0.5
}

func (d *dumb) place(t *dumbTask) bool {
	on := make(map[*dumbEngine]int)
	for _, x := range d.tasks {
		on[x.on]++
	}
	var loads, free []int
	for i, e := range d.engines {
		if e.away <= d.now && (d.cfg.HWM < 0 || on[e] < d.cfg.HWM) && d.may(t, e.uuid) && !d.refuses(t, e.uuid) && d.lasts(t, e) {
			loads, free = append(loads, on[e]), append(free, i)
		}
	}
	if len(free) == 0 {
		return false
	}
	i := free[0]
	if len(free) > 1 {
		i = free[choosers[d.cfg.Scheme](loads, d.rng)]
	}
	e := d.engines[i]
	d.engines = append(slices.Delete(d.engines, i, i+1), e)
	d.count++
	t.on, t.since = e, d.count
	d.done = append(d.done, fmt.Sprintf("%s to %s", t.id, e.uuid))
	return true
}
