package scheduler

import "muster/wire"

// Resume gives a machine requests that clients made of an earlier controller, in
// the order in which they came, as far as they go by its channel, and to
// Balanced the outcomes of earlier tasks, on which others may depend.
type Resume struct {
	Tasks    []Resumed
	Outcomes []Outcome
}

// Resumed is a request of an earlier controller that has no answer. Frames are
// [client, <IDS|MSG>, ...] in every machine, and Message is the same, taken apart.
type Resumed struct {
	Frames  [][]byte
	Message *wire.Message
	// Engine is the one that was sent it last, or that it names, with the id
	// that it has, or had. For Balanced it is "" where none was sent it.
	Engine wire.EngineUUID
	ID     wire.EngineID
	State  State
	// Why says of a Lost one why the engine cannot tell, as what follows its name.
	Why   string
	Tried *Tried // nil if there is nothing to tell
	// Run names the present run of the controller: what is sent again to an
	// engine that has had it is marked by it, lest it be taken for a replay.
	Run string
}

// A State is what is known of a request of an earlier controller.
type State int

// The states.
const (
	Due   State = iota // no engine has had it, or has it any more: it is sent
	There              // the engine has it, or keeps its reply
	Lost               // the engine had it, and cannot tell what became of it
)

// Outcome is what became of a task. The engine is "" if it ran on none.
type Outcome struct {
	Task   wire.MsgID
	Engine wire.EngineUUID
	OK     bool
}

// Tried reports what trying a task has come to, where it may be tried again.
// Engine is the one whose reply says so, which goes no further; "" if none does.
type Tried struct {
	Task    wire.MsgID
	Engine  wire.EngineUUID
	Retries int
	Refused []wire.EngineUUID
	Deaths  []string
	Aborted bool
}

func (Resume) event() {}
func (Tried) action() {}

// asked is the request as the machines remember it.
func (r *Resumed) asked(order uint64) asked {
	return asked{order, r.Frames[0], r.Message.Header.MsgID, r.Message.Header.MsgType, r.Message.RawHeader}
}

// toEngine are the frames that take it to its engine.
func (r *Resumed) toEngine() [][]byte {
	return append([][]byte{[]byte(r.Engine)}, r.Frames...)
}

// lost answers a request of which nobody can tell whether it ran.
func lost(a asked, r *Resumed) Answer {
	why := r.Why
	if why == "" {
		why = "is gone"
	}
	return fail(a, r.Engine, engineError, "the fate of task %q is unknown: the controller was restarted, and engine %d, which had it, %s; it may have run", a.id, r.ID, why)
}

func (d *Direct) onResume(ev Resume) (out []Action) {
	for i := range ev.Tasks {
		r := &ev.Tasks[i]
		d.count++
		a := r.asked(d.count)
		p := d.engines[r.Engine]
		if p == nil || r.State == Lost {
			out = append(out, lost(a, r))
			continue
		}
		p.asked[task{string(a.client), a.id}] = a
		if r.State == Due {
			out = append(out, Relay{To: ToEngine, Frames: r.toEngine()})
		}
	}
	return out
}

// onResume takes the parts of broadcasts up, each as one of its own: the client
// asks for them one by one.
func (b *Broadcast) onResume(ev Resume) (out []Action) {
	for i := range ev.Tasks {
		r := &ev.Tasks[i]
		b.count++
		a := r.asked(b.count)
		p, key := b.engines[r.Engine], task{string(a.client), a.id}
		if p == nil || r.State == Lost {
			out = append(out, lost(a, r))
			continue
		}
		p.asked[key] = a
		b.parts[key] = new(part)
		if r.State == Due {
			out = append(out, Relay{To: ToEngine, Frames: r.toEngine()})
		}
	}
	return out
}

// onResume puts jobs where they are before it gives engines those that wait, so
// that none gets more than it may have.
func (b *Balanced) onResume(ev Resume) {
	for _, o := range ev.Outcomes {
		b.finished.record(o.Task, o.Engine, o.OK)
	}
	for i := range ev.Tasks {
		r := &ev.Tasks[i]
		if b.jobs[r.Message.Header.MsgID] != nil {
			continue
		}
		b.count++
		j, demands, refusal := newJob(Request{r.Frames, r.Message}, b.count, b.cfg.Tick)
		j.run = r.Run
		if t := r.Tried; t != nil {
			j.retries, j.deaths, j.aborted = t.Retries, t.Deaths, t.Aborted
			for _, e := range t.Refused {
				j.refuse(e)
			}
		}
		if r.Engine != "" {
			j.metBefore(r.Engine)
		}
		if refusal == nil {
			refusal = b.enlist(j)
		}
		b.jobs[j.id] = j
		if demands != "" {
			b.enter(j, demands)
		}
		b.resume(j, r, refusal)
		b.spread() // before the next one is taken up, which may depend on it
	}
	b.moved = true
}

func (b *Balanced) resume(j *job, r *Resumed, refusal *Answer) {
	if r.Engine != "" {
		j.recall(r.Engine)
	}
	w := b.worker(r.Engine)
	switch {
	case b.choose == nil:
		b.giveUp(j, refuse(j, valueError, "this controller schedules no tasks (its scheme is %q): address engines", b.cfg.Scheme))
	case r.State == There && w != nil:
		// Whether it was asked back is not known: should the engine give it
		// back, it goes elsewhere.
		j.recalled = true
		w.add(j)
		b.update(w)
		b.do(Placed{j.id, w.uuid})
	case r.State != Due:
		if j.retries > 0 && !j.aborted && b.elsewhere(j, r.Engine) {
			j.retries--
			b.tried(j, "")
			b.requeue(j)
			return
		}
		// Its client may have been told, and so may those that depend on it.
		_, ok, _ := b.finished.outcome(j.id)
		b.end(j, lost(j.asked, r), ending{j.id, r.Engine, ok})
	case j.aborted:
		b.giveUp(j, abortion(j))
	case refusal != nil:
		b.giveUp(j, refusal)
	case r.Engine != "":
		b.requeue(j)
	default:
		b.settle(j)
	}
}

// metBefore is for a job that was sent to an engine: what it depends on was met.
func (j *job) metBefore(engine wire.EngineUUID) {
	j.after = nil
	if j.follow != nil {
		j.follow = &dependency{success: true, failure: true, met: 1, places: []wire.EngineUUID{engine}}
	}
}

// worker returns a living engine, or nil.
func (b *Balanced) worker(uuid wire.EngineUUID) *worker {
	for _, w := range b.workers {
		if w.uuid == uuid {
			return w
		}
	}
	return nil
}

// tried reports what trying a job has come to.
func (b *Balanced) tried(j *job, engine wire.EngineUUID) {
	if b.cfg.Recorded {
		b.do(Tried{j.id, engine, j.retries, j.refused, j.deaths, j.aborted})
	}
}
