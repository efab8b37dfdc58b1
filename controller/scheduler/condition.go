package scheduler

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"muster/wire"
)

// A condition is what tasks demand of an engine and only the engine can tell: an
// expression, a function, what is required (protocol section 17). Tasks that
// demand the same share it, so that an engine is not asked by each of them. What
// a Python task demands is in its payload: that is a condition of its own, made
// when an engine first refuses.
//
// An engine that refuses is asked again, as its properties may have changed: by
// one task, after a second, then after two, four and eight. Of one engine that is
// once a tick at most.
type condition struct {
	key      string // "" if it is a task's own
	number   uint64
	jobs     int // that have it; it lasts while there are any
	refusals map[wire.EngineUUID]*refusal
	classes  []*class // of its jobs that wait
}

// A refusal is that an engine does not run tasks of a condition.
type refusal struct {
	condition *condition
	worker    *worker
	why       string
	order     uint64
	pause     int  // how many ticks it counts
	until     int  // when that is over
	lifted    bool // it is: the engine may be asked
	slot      int  // among those of the engine, until then
}

func (r *refusal) before(s *refusal) bool {
	if r.until != s.until {
		return r.until < s.until
	}
	return r.order < s.order
}

func (r *refusal) place() *int { return &r.slot }

// How long an engine is not asked again that has refused, in seconds, and how
// much of a reason is kept, in bytes.
const (
	firstPause = 1
	lastPause  = 8
	maxReason  = 300
)

// demands is what identifies a condition, "" if there is none.
func (o *options) demands() string {
	if o.Depend == "" && o.DependFunction == "" && len(o.Require) == 0 {
		return ""
	}
	key := strconv.Quote(o.Depend) + strconv.Quote(o.DependFunction)
	for _, name := range o.Require {
		key += strconv.Quote(name)
	}
	return key
}

// own tells whether a condition is a single task's.
func (c *condition) own() bool { return c != nil && c.key == "" }

// refuses tells whether an engine is known to refuse.
func (c *condition) refuses(engine wire.EngineUUID) bool {
	if c == nil {
		return false
	}
	r := c.refusals[engine]
	return r != nil && !r.lifted
}

// enter gives a job the condition of a key, "" for one of its own.
func (b *Balanced) enter(j *job, key string) {
	c := b.conditions[key]
	if c == nil {
		b.count++
		c = &condition{key: key, number: b.count, refusals: make(map[wire.EngineUUID]*refusal)}
		if key != "" {
			b.conditions[key] = c
		}
	}
	c.jobs++
	j.condition = c
}

// leave is for a job that has finished.
func (b *Balanced) leave(j *job) {
	c := j.condition
	if c == nil {
		return
	}
	j.condition = nil
	if c.jobs--; c.jobs > 0 {
		return
	}
	for _, r := range c.refusals { // in any order: a heap has one
		if !r.lifted {
			r.worker.refusals.remove(r)
		}
	}
	delete(b.conditions, c.key)
}

// refused notes that an engine does not run a job that it was sent.
func (b *Balanced) refused(j *job, w *worker, content json.RawMessage) {
	if w.gone {
		return
	}
	if j.condition == nil {
		b.enter(j, "")
	}
	c := j.condition
	r := c.refusals[w.uuid]
	if r == nil {
		r = &refusal{condition: c, worker: w, lifted: true}
		c.refusals[w.uuid] = r
	}
	var e wire.Reply
	json.Unmarshal(content, &e) // a bad one says nothing
	r.why = cmp.Or(strings.ToValidUTF8(e.Evalue[:min(len(e.Evalue), maxReason)], ""), "it does not meet what the task depends on")
	if !r.lifted {
		return // it has refused another meanwhile
	}
	b.count++
	r.lifted, r.order = false, b.count
	r.pause = max(1, min(2*r.pause, int(lastPause/b.cfg.Tick)), int(firstPause/b.cfg.Tick))
	r.until = b.now + r.pause
	w.refusals.push(r)
	var stranded []*job
	for _, k := range c.classes {
		if k.stand(w); len(k.seats) == 0 {
			stranded = slices.AppendSeq(stranded, k.all)
		}
	}
	b.resettle(slices.DeleteFunc(stranded, func(j *job) bool { return len(j.refused) == 0 }))
}

// accepted notes that an engine has run a job.
func (b *Balanced) accepted(j *job, w *worker) {
	if j.condition == nil {
		return
	}
	if r := j.condition.refusals[w.uuid]; r != nil {
		b.lift(r)
		delete(j.condition.refusals, w.uuid)
	}
}

// lift has an engine be asked again.
func (b *Balanced) lift(r *refusal) {
	if r.lifted {
		return
	}
	r.lifted = true
	r.worker.refusals.remove(r)
	if r.worker.gone {
		return
	}
	for _, k := range r.condition.classes {
		if b.takes(r.worker, k) {
			k.sit(r.worker)
			b.moved = true
		}
	}
}

// forsake forgets what an engine refused that takes nothing more, and returns the
// jobs that waited for it to think better of it, and for no other.
func (b *Balanced) forsake(w *worker) (stranded []*job) {
	for _, r := range w.refusals {
		delete(r.condition.refusals, w.uuid)
		for _, k := range r.condition.classes {
			if len(k.engines) > 0 && !b.hopes(k) {
				stranded = slices.AppendSeq(stranded, k.all)
			}
		}
	}
	w.refusals = nil
	return stranded
}

// hopes tells whether an engine of those that a class may go to is there, though
// it may refuse.
func (b *Balanced) hopes(c *class) bool {
	return slices.ContainsFunc(b.workers, func(w *worker) bool { return !w.draining && slices.Contains(c.engines, w.uuid) != c.except })
}

// refusers says which of the engines that a job might go to refuse it, and why.
func (b *Balanced) refusers(j *job) string {
	if j.condition == nil {
		return ""
	}
	const most = 3
	var reasons []string
	by := make(map[string][]*worker)
	for _, w := range b.reached(j, func(w *worker) bool { return j.condition.refusals[w.uuid] != nil }) {
		why := j.condition.refusals[w.uuid].why
		if by[why] == nil {
			reasons = append(reasons, why)
		}
		by[why] = append(by[why], w)
	}
	var parts []string
	for i, why := range reasons {
		if i == most {
			parts = append(parts, "others for other reasons")
			break
		}
		parts = append(parts, plural(by[why])+": "+why)
	}
	return strings.Join(parts, "; ")
}

// plural names engines: "engine 3", "engines 0-3 and 7".
func plural(workers []*worker) string {
	var names []string
	for i := 0; i < len(workers); {
		last := i
		for last+1 < len(workers) && workers[last+1].id == workers[last].id+1 {
			last++
		}
		if last < i+2 {
			last = i
		}
		name := strconv.Itoa(int(workers[i].id))
		if last > i {
			name += "-" + strconv.Itoa(int(workers[last].id))
		}
		names = append(names, name)
		i = last + 1
	}
	if len(workers) == 1 {
		return "engine " + names[0]
	}
	return "engines " + some(names, "and")
}
