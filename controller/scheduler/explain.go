package scheduler

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"muster/wire"
)

// onAbort aborts tasks, named or all of the client's, that wait here, and has
// the engines abort those that are there (protocol section 17).
func (b *Balanced) onAbort(m *wire.Message) {
	a := asked{client: m.Route[0], id: m.Header.MsgID, kind: m.Header.MsgType, header: m.RawHeader}
	var content wire.Abort
	if err := json.Unmarshal(m.Content, &content); err != nil {
		b.do(fail(a, "", valueError, "abort_request: %s", badJSON(err)))
		return
	}
	if content.MsgIDs == nil {
		content.MsgIDs = b.of(a.client)
	}
	b.do(Tell{a.client, wire.AbortReply, a.header, b.abort(content.MsgIDs, content.Running)})
}

// onClientLost aborts what a client has left, wherever it is.
func (b *Balanced) onClientLost(ev ClientLost) { b.abort(b.of(ev.Client), true) }

// of lists the tasks of a client, as they were submitted.
func (b *Balanced) of(client []byte) (ids []wire.MsgID) {
	for _, j := range b.inOrder() {
		if string(j.client) == string(client) {
			ids = append(ids, j.id)
		}
	}
	return ids
}

// abort aborts tasks that wait, and has the engines abort the others; running
// ones are interrupted if that is asked for.
func (b *Balanced) abort(ids []wire.MsgID, running bool) wire.Aborted {
	reply := wire.Aborted{Status: wire.StatusOK, Aborted: []wire.MsgID{}, Engines: make(map[wire.EngineUUID][]wire.MsgID), Unknown: []wire.MsgID{}}
	aborted := make(map[wire.MsgID]bool)
	var engines []wire.EngineUUID
	for _, id := range ids {
		j := b.jobs[id]
		switch {
		case j == nil && !aborted[id]:
			reply.Unknown = append(reply.Unknown, id)
		case j == nil: // named twice
		case j.on == nil:
			aborted[id] = true
			reply.Aborted = append(reply.Aborted, id)
			b.giveUp(j, abortion(j))
		default:
			j.aborted = true
			b.tried(j, "")
			uuid := j.on.uuid
			if reply.Engines[uuid] == nil {
				engines = append(engines, uuid)
			}
			reply.Engines[uuid] = append(reply.Engines[uuid], id)
		}
	}
	for _, uuid := range engines {
		b.do(Abort{uuid, reply.Engines[uuid], running})
	}
	return reply
}

// abortion is the answer to a task that was aborted before it ran.
func abortion(j *job) *Answer {
	kind, _ := replyType(j.kind)
	return &Answer{
		Client: j.client, Type: kind, Parent: j.header,
		Metadata: Metadata{Status: wire.StatusAborted}, Content: wire.Reply{Status: wire.StatusAborted},
	}
}

// inOrder returns the jobs as they were submitted.
func (b *Balanced) inOrder() []*job {
	out := make([]*job, 0, len(b.jobs))
	for _, j := range b.jobs {
		out = append(out, j)
	}
	slices.SortFunc(out, func(x, y *job) int { return cmp.Compare(x.order, y.order) })
	return out
}

// onExplain says what tasks wait for, those that are named or all.
func (b *Balanced) onExplain(m *wire.Message) {
	a := asked{client: m.Route[0], id: m.Header.MsgID, kind: m.Header.MsgType, header: m.RawHeader}
	var content wire.Explain
	if err := json.Unmarshal(m.Content, &content); err != nil {
		b.do(fail(a, "", valueError, "explain_request: %s", badJSON(err)))
		return
	}
	reply := wire.Explained{Status: wire.StatusOK, Tasks: make(map[wire.MsgID]string, len(content.MsgIDs))}
	reply.Ready, reply.Late = b.demand()
	if content.MsgIDs == nil {
		reply.Waiting, reply.More = b.waiting()
	}
	for _, id := range content.MsgIDs {
		reply.Tasks[id] = b.Explain(id)
	}
	b.do(Tell{a.client, wire.ExplainReply, a.header, reply})
}

// Explain says in one sentence where a task is and what it waits for.
func (b *Balanced) Explain(id wire.MsgID) string {
	if j := b.jobs[id]; j != nil {
		return fmt.Sprintf("Task %q %s.", id, b.reason(j))
	}
	engine, ok, known := b.finished.outcome(id)
	switch {
	case !known:
		return fmt.Sprintf("Task %q is not known to the scheduler: it never came, or finished long ago.", id)
	case ok:
		return fmt.Sprintf("Task %q has finished: it succeeded on engine %s.", id, b.name(engine))
	case engine == "":
		return fmt.Sprintf("Task %q has finished: it failed before it ran anywhere.", id)
	}
	return fmt.Sprintf("Task %q has finished: it failed on engine %s.", id, b.name(engine))
}

// name is the id of an engine, or its uuid once it is gone.
func (b *Balanced) name(uuid wire.EngineUUID) string {
	for _, w := range b.workers {
		if w.uuid == uuid {
			return fmt.Sprint(int(w.id))
		}
	}
	return string(uuid) + " (gone)"
}

// reason says where a job is and what it waits for, as what follows its name.
func (b *Balanced) reason(j *job) string {
	switch {
	case j.on != nil && j.on.gone:
		return fmt.Sprintf("was on engine %d when that died (%s): a last reply may still come", j.on.id, j.on.cause)
	case j.on != nil && j == j.on.first:
		return fmt.Sprintf("runs on engine %d", j.on.id)
	case j.on != nil:
		return fmt.Sprintf("is in the queue of engine %d, which runs %q", j.on.id, j.on.first.id)
	case !j.after.ready():
		return "waits until " + b.missing(j.after) + " done"
	case j.class == nil:
		return "waits until " + b.missing(j.follow) + " done, to run in the same place"
	case len(b.workers) == 0:
		return "waits for an engine: none is registered"
	}
	var may []string
	busy, there := "busy", 0
	for _, w := range b.byID() {
		if slices.Contains(j.class.engines, w.uuid) {
			there++
		}
		if b.takes(w, j.class) {
			may = append(may, fmt.Sprint(int(w.id)))
			if w.away > 0 {
				busy = "busy or not connected"
			}
		}
	}
	gone := ""
	if n := len(j.class.engines) - there; !j.class.except && n > 0 {
		gone = fmt.Sprintf(" (and %d that are gone)", n)
	}
	obstacles := b.obstacles(j, len(may) == 0)
	switch {
	case len(may) == 0 && obstacles != "":
		return fmt.Sprintf("waits for an engine%s that may run it: %s", gone, obstacles)
	case obstacles != "":
		return fmt.Sprintf("waits for engine %s%s, as it may go to no other now: %s; %s", some(may, "or"), gone, busy, obstacles)
	case len(may) == len(b.workers):
		return fmt.Sprintf("waits for its turn (engines: %d, all %s; tasks that wait: %d)", len(may), busy, b.ready)
	}
	return fmt.Sprintf("waits for engine %s%s, as it may go to no other: %s", some(may, "or"), gone, busy)
}

// obstacles says why a job is not given to engines that are there, perhaps to none.
func (b *Balanced) obstacles(j *job, none bool) string {
	var all []string
	if why := b.refusers(j); why != "" && none {
		all = append(all, why+" (those that refuse are asked again)")
	} else if why != "" {
		all = append(all, why)
	}
	if why := b.tooShort(j); why != "" {
		all = append(all, why)
	}
	if why := b.drained(j); why != "" {
		all = append(all, why)
	}
	return strings.Join(all, "; ")
}

// reached returns those of the engines that a job might go to of which something
// is true, by id.
func (b *Balanced) reached(j *job, is func(*worker) bool) []*worker {
	engines, except := j.reach()
	return slices.DeleteFunc(b.byID(), func(w *worker) bool { return slices.Contains(engines, w.uuid) == except || !is(w) })
}

// byID returns the engines in the order of their ids.
func (b *Balanced) byID() []*worker {
	return slices.SortedFunc(slices.Values(b.workers), func(v, w *worker) int { return cmp.Compare(v.id, w.id) })
}

// missing names what of a dependency is missing.
func (b *Balanced) missing(d *dependency) string {
	var open []string
	for _, id := range d.ids {
		if b.jobs[id] != nil {
			open = append(open, fmt.Sprintf("%q", id))
		}
	}
	switch {
	case len(open) == 1:
		return "task " + open[0] + " is"
	case d.all:
		return "tasks " + some(open, "and") + " are"
	}
	return "task " + some(open, "or") + " is"
}

// some lists names, not too many of them.
func some(names []string, and string) string {
	const most = 5
	if len(names) == 1 {
		return names[0]
	}
	last := names[len(names)-1]
	if n := len(names) - most; n > 1 {
		names, last = names[:most+1], fmt.Sprintf("%d others", n)
	}
	return strings.Join(names[:len(names)-1], ", ") + " " + and + " " + last
}

// nowhere says why no engine will ever take a job.
func (b *Balanced) nowhere(j *job) string {
	if why := b.refusers(j); why != "" {
		return "the engines to which it may go refuse it: " + why
	}
	if why := b.drained(j); why != "" {
		return "of the engines to which it may go, " + why + ", and no other is there"
	}
	if j.follow != nil {
		return "the engines on which the tasks ran that it is to follow are gone, or may not take it"
	}
	return fmt.Sprintf("none of its %d targets is there to take it", len(j.targets))
}
