package scheduler

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"muster/wire"
)

// world is what surrounds a machine in a simulation: clients that ask, and
// engines that work, fail, die and answer late.
type world struct {
	t   *testing.T
	rng *rand.Rand
	p   player
	log strings.Builder

	next    int
	engines []string              // that are up
	work    map[string][]string   // by engine: "client id" of what it was sent
	open    map[string]int        // "client id": how many answers are wanted
	parts   map[wire.MsgID]string // of broadcasts: "sent" or "recorded"
	asked   []string              // ids of load-balanced tasks
	back    []Abort               // that engines have not answered
	paced   bool                  // engines tell how long tasks take
	dumb    *dumb                 // does the same as a Balanced

	now       int                // in ticks
	ends      map[string]int     // by engine: when its job does, if that is known
	walltimes map[wire.MsgID]int // of tasks that have one, in ticks
	draining  map[string]bool    // engines of which the machine knows it
}

// event applies one to the machine and follows its actions.
func (w *world) event(words ...string) {
	fmt.Fprintln(&w.log, strings.Join(words, " "))
	ev := w.parse(words)
	var did, want []string
	if w.dumb != nil {
		want = w.dumb.step(ev)
	}
	for _, a := range w.p.m.Step(ev) {
		fmt.Fprintln(&w.log, " ", w.p.print(a))
		w.follow(a)
		did = append(did, brief(w, a)...)
	}
	check(w.t, w.p.m)
	w.explained()
	if w.dumb == nil {
		return
	}
	slices.Sort(did)
	slices.Sort(want)
	if !slices.Equal(did, want) {
		w.t.Fatalf("it did  %q\nand not %q, as the dumb one would", did, want)
	}
	for id, task := range w.dumb.tasks {
		if task.ended != "" {
			continue
		}
		if said := w.p.m.(*Balanced).Explain(id); !strings.HasSuffix(said, ".") {
			w.t.Fatalf("%s is explained as %q", id, said)
		}
	}
}

// explained counts the tasks that wait, each of which has one reason.
func (w *world) explained() {
	b, ok := w.p.m.(*Balanced)
	if !ok {
		return
	}
	waiting := 0
	for _, j := range b.jobs {
		if j.on == nil || j.on.gone || j != j.on.first {
			waiting++
		}
	}
	groups, told := b.waiting()
	for _, g := range groups {
		if told += g.Count; g.Reason == "" || len(g.Tasks) != min(g.Count, maxNamed) {
			w.t.Fatalf("%d tasks, of which %q, wait: %s", g.Count, g.Tasks, g.Reason)
		}
	}
	if told != waiting {
		w.t.Fatalf("of %d tasks it is told what they wait for, and %d do", told, waiting)
	}
}

func (w *world) parse(words []string) Event {
	switch words[0] {
	case "up":
		var id wire.EngineID
		fmt.Sscan(words[1], &id)
		var lasts int
		if len(words) > 3 {
			fmt.Sscan(words[3], &lasts)
		}
		return EngineUp{id, wire.EngineUUID(words[2]), lasts}
	case "drain":
		return EngineDraining{wire.EngineUUID(words[1])}
	case "down":
		return EngineDown{wire.EngineUUID(words[1]), "killed"}
	case "abort":
		frames, m := message(w.t, wire.AbortRequest, wire.MsgID(words[2]), "", "", words[1])
		m.Content = []byte(words[3])
		return Request{frames, m}
	case "lost":
		return ClientLost{[]byte(words[1])}
	case "unsent":
		return Unsent{[]byte(words[1]), []byte(words[2]), wire.MsgID(words[3])}
	case "ask":
		frames, m := message(w.t, wire.ApplyRequest, wire.MsgID(words[2]), "", words[3], strings.Split(words[1], "/")...)
		return Request{frames, m}
	case "reply":
		frames, m := message(w.t, wire.ApplyReply, "r", wire.MsgID(words[3]), words[4], words[1], words[2])
		return Reply{frames, m}
	}
	return Tick{1}
}

// follow notes what reaches engines and clients.
func (w *world) follow(a Action) {
	switch a := a.(type) {
	case Relay:
		m := w.inspect(a.Frames)
		if a.To == ToEngine {
			w.sent(string(a.Frames[0]), string(a.Frames[1]), m.Header.MsgID)
		} else {
			w.answered(string(a.Frames[0]), m.Parent.MsgID)
			w.recorded(m.Parent.MsgID)
		}
	case Record:
		w.recorded(a.Message.Parent.MsgID)
	case Sign:
		m := w.inspect(wire.NewSession("", "").Encode(a.Message))
		if a.To == ToEngine {
			w.sent(string(a.Message.Route[0]), string(a.Message.Route[1]), m.Header.MsgID)
			w.parts[m.Header.MsgID] = "sent"
		} else {
			var metadata struct {
				Original wire.MsgID            `json:"original_msg_id"`
				Targets  []wire.Target         `json:"broadcast_targets"`
				Replies  []wire.BroadcastReply `json:"broadcast_replies"`
			}
			if err := json.Unmarshal(m.Metadata, &metadata); err != nil {
				w.t.Fatal(err)
			}
			w.takeApart(m, metadata.Original, metadata.Targets, metadata.Replies)
			w.answered(string(a.Message.Route[0]), metadata.Original)
		}
	case Answer:
		var parent wire.Header
		if err := json.Unmarshal(a.Parent, &parent); err != nil {
			w.t.Fatal(err)
		}
		w.answered(string(a.Client), parent.MsgID)
		w.recorded(parent.MsgID)
	case Abort:
		w.back = append(w.back, a)
	}
}

// takeApart finds each target's own reply in a coalesced one.
func (w *world) takeApart(m *wire.Message, original wire.MsgID, targets []wire.Target, replies []wire.BroadcastReply) {
	if replies == nil {
		return
	}
	buffers := 0
	for i, r := range replies {
		var metadata outcome
		if json.Unmarshal(r.Metadata, &metadata); r.Buffers == 0 && metadata.Status != wire.StatusError {
			w.t.Fatalf("%s: the part of %s is %s and has no buffer", original, targets[i].UUID, r.Metadata)
		}
		buffers += r.Buffers
	}
	if len(replies) != len(targets) || buffers != len(m.Buffers) {
		w.t.Fatalf("%s: %d replies of %d targets, %d buffers of %d", original, len(replies), len(targets), buffers, len(m.Buffers))
	}
}

// recorded notes the end of a part of a broadcast: of one that was sent, there
// is one.
func (w *world) recorded(id wire.MsgID) {
	switch w.parts[id] {
	case "sent":
		w.parts[id] = "recorded"
	case "recorded":
		w.t.Fatalf("the end of %s is recorded twice", id)
	}
}

// giveBack has engines answer what they were asked to abort, unless it is done
// or what runs.
func (w *world) giveBack() {
	for _, a := range w.back {
		engine := string(a.Engine)
		for i := 1; i < len(w.work[engine]); {
			client, id, _ := strings.Cut(w.work[engine][i], " ")
			if !slices.Contains(a.IDs, wire.MsgID(id)) {
				i++
				continue
			}
			w.work[engine] = slices.Delete(w.work[engine], i, i+1)
			w.event("reply", engine, client, id, `{"status":"aborted"}`)
		}
	}
	w.back = nil
}

func (w *world) inspect(frames [][]byte) *wire.Message {
	m, err := wire.NewSession("", "").Inspect(frames)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) sent(engine, client string, id wire.MsgID) {
	if !slices.Contains(w.engines, engine) || w.draining[engine] {
		w.t.Fatalf("task %s was sent to %s, which is not there or drains", id, engine)
	}
	if end, need := w.ends[engine], w.walltimes[id]; end > 0 && need > max(0, end-w.now) {
		w.t.Fatalf("task %s needs %d ticks and was sent to %s, which ends in %d", id, need, engine, end-w.now)
	}
	w.work[engine] = append(w.work[engine], client+" "+string(id))
}

func (w *world) answered(client string, id wire.MsgID) {
	key := client + " " + string(id)
	if w.open[key] != 1 {
		w.t.Fatalf("task %s was answered once too often", key)
	}
	delete(w.open, key)
}

// up brings a new engine, for some ticks, or for ever if that is 0.
func (w *world) up(lasts int) {
	w.next++
	uuid := fmt.Sprint("e", w.next)
	w.engines = append(w.engines, uuid)
	if lasts > 0 {
		w.ends[uuid] = w.now + lasts
	}
	w.event("up", fmt.Sprint(w.next), uuid, fmt.Sprint(lasts))
}

// down has an engine end.
func (w *world) down(uuid string) {
	w.engines = slices.DeleteFunc(w.engines, func(e string) bool { return e == uuid })
	w.event("down", uuid)
}

// drain has an engine give back what it has not begun. The machine hears that it
// drains before, after, or by this alone.
func (w *world) drain(engine string) {
	told := w.rng.IntN(3)
	w.draining[engine] = told == 0 || len(w.work[engine]) > 1
	if told == 0 {
		w.event("drain", engine)
	}
	for len(w.work[engine]) > 1 {
		client, id, _ := strings.Cut(w.work[engine][1], " ")
		w.work[engine] = slices.Delete(w.work[engine], 1, 2)
		w.event("reply", engine, client, id, `{"status":"error","dependencies_met":false,"draining":true}`)
	}
	if told == 1 {
		w.draining[engine] = true
		w.event("drain", engine)
	}
}

// lasts is how long the job of a new engine is.
func (w *world) lasts() int {
	if w.rng.IntN(2) == 0 {
		return 0
	}
	return 1 + w.rng.IntN(50)
}

// tick has time pass.
func (w *world) tick() {
	w.now++
	w.event("tick")
}

// finish has an engine answer one of its tasks.
func (w *world) finish(engine, metadata string) {
	tasks := w.work[engine]
	i := w.rng.IntN(len(tasks))
	client, id, _ := strings.Cut(tasks[i], " ")
	w.work[engine] = slices.Delete(tasks, i, i+1)
	if w.paced && w.rng.IntN(8) > 0 {
		metadata = strings.Replace(metadata, "}", `,"outputs":0,"started":"2026-11-20T12:00:09.999Z"}`, 1)
		metadata = strings.Replace(metadata, "{,", "{", 1)
	}
	w.event("reply", engine, client, id, metadata)
}

// unsend has the last task of an engine not reach it.
func (w *world) unsend(engine string) {
	tasks := w.work[engine]
	client, id, _ := strings.Cut(tasks[len(tasks)-1], " ")
	w.work[engine] = tasks[:len(tasks)-1]
	w.event("unsent", engine, client, id)
}

// ask has a client ask for something that the machine does.
func (w *world) ask(kind string) {
	w.next++
	client, id := fmt.Sprint("c", w.rng.IntN(3)), fmt.Sprint("t", w.next)
	targets := w.some()
	switch kind {
	case "direct":
		engine := "nobody"
		if len(targets) > 0 {
			engine = targets[0]
		}
		w.open[client+" "+id] = 1
		w.event("ask", client+"/"+engine, id, "{}")
	case "balanced":
		w.open[client+" "+id] = 1
		metadata := map[string]any{"retries": w.rng.IntN(3)}
		if w.rng.IntN(4) == 0 {
			metadata["priority"] = w.rng.IntN(3) - 1
		}
		for _, name := range []string{"after", "follow"} {
			if w.rng.IntN(4) == 0 {
				metadata[name] = w.dependency()
			}
		}
		if w.rng.IntN(4) == 0 {
			metadata["depend"] = []string{"RAM > 4e9", "gpu"}[w.rng.IntN(2)]
		}
		if w.rng.IntN(3) == 0 {
			n := 1 + w.rng.IntN(40)
			w.walltimes[wire.MsgID(id)], metadata[wire.Walltime] = n, float64(n)/2-0.1
		}
		w.asked = append(w.asked, id)
		if w.rng.IntN(3) == 0 {
			metadata["targets"] = targets
		}
		if w.rng.IntN(3) == 0 {
			metadata["timeout"] = 1 + w.rng.IntN(9)
		}
		w.event("ask", client, id, w.json(metadata))
	case "broadcast":
		coalescing := w.rng.IntN(2) == 0
		pairs := [][]any{}
		for i, e := range targets {
			pairs = append(pairs, []any{e, i})
			if !coalescing {
				w.open[client+" "+id+"_"+e] = 1
			}
		}
		if coalescing || len(targets) == 0 {
			w.open[client+" "+id] = 1
		}
		w.event("ask", client, id, w.json(map[string]any{
			"targets": pairs, "is_coalescing": coalescing, wire.BroadcastReplies: w.rng.IntN(2) == 0,
		}))
	}
}

// dependency is on some of the last tasks, perhaps on one that never was.
func (w *world) dependency() any {
	ids := []string{}
	for range w.rng.IntN(4) {
		if n := len(w.asked); n > 0 {
			ids = append(ids, w.asked[n-1-w.rng.IntN(min(n, 12))])
		}
	}
	switch w.rng.IntN(30) {
	case 0:
		ids = append(ids, "never")
	case 1:
		return ids
	}
	success := w.rng.IntN(3) > 0
	return map[string]any{"dependencies": ids, "all": w.rng.IntN(2) == 0, "success": success, "failure": !success || w.rng.IntN(2) == 0}
}

// abort has a client abort some of the last tasks.
func (w *world) abort() {
	ids := []string{"never"}
	for range w.rng.IntN(4) {
		if n := len(w.asked); n > 0 {
			ids = append(ids, w.asked[n-1-w.rng.IntN(min(n, 9))])
		}
	}
	w.next++
	w.event("abort", "c0", fmt.Sprint("a", w.next), w.json(map[string]any{"msg_ids": ids}))
}

// some picks engines, dead ones among them.
func (w *world) some() []string {
	all := append([]string{"e1", "e2"}, w.engines...)
	slices.Sort(all)
	all = slices.Compact(all)
	w.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:w.rng.IntN(len(all)+1)]
}

func (w *world) json(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// simulate plays a world from its seed and returns the transcript. At the end
// every task has exactly one answer.
func simulate(t *testing.T, kind string, scheme Scheme, seed uint64) string {
	w := &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 7)), work: make(map[string][]string), open: make(map[string]int), parts: make(map[wire.MsgID]string),
		ends: make(map[string]int), walltimes: make(map[wire.MsgID]int), draining: make(map[string]bool),
	}
	defer func() {
		if t.Failed() {
			lines := strings.SplitAfter(w.log.String(), "\n")
			t.Logf("%s %s, seed %d, the last of %d lines:\n%s", kind, scheme, seed, len(lines), strings.Join(lines[max(0, len(lines)-40):], ""))
		}
	}()
	w.p.t = t
	cfg := BalancedConfig{Scheme: scheme, HWM: w.rng.IntN(5) - 1, CrashLimit: w.rng.IntN(4), Grace: w.rng.IntN(3)}
	w.p.use(kind, cfg)
	if w.paced = cfg.HWM == 0 && seed%2 == 0; !w.paced && kind == "balanced" {
		w.dumb = newDumb(cfg)
	}
	outcomes := []string{`{"status":"ok"}`, `{"status":"ok"}`, `{"status":"error"}`, `{"dependencies_met":false}`, `{}`, `{"status":3}`}
	for range 300 {
		busy := slices.DeleteFunc(slices.Sorted(maps.Keys(w.work)), func(e string) bool { return len(w.work[e]) == 0 })
		switch n := w.rng.IntN(20); {
		case n < 9:
			w.ask(kind)
		case n < 16 && len(busy) > 0:
			w.finish(busy[w.rng.IntN(len(busy))], outcomes[w.rng.IntN(len(outcomes))]) // perhaps a dead one, late
		case n == 16:
			w.up(w.lasts())
		case n == 17 && len(w.engines) > 0:
			w.down(w.engines[w.rng.IntN(len(w.engines))])
		case n == 18 && kind == "balanced" && w.rng.IntN(8) == 0:
			w.event("lost", fmt.Sprint("c", w.rng.IntN(3)))
		case n == 18 && kind == "balanced":
			w.abort()
		case n == 19 && kind == "balanced" && len(busy) > 0 && w.rng.IntN(2) == 0:
			w.unsend(busy[w.rng.IntN(len(busy))])
		case n == 19 && kind == "balanced" && len(w.engines) > 0 && w.rng.IntN(2) == 0:
			w.drain(w.engines[w.rng.IntN(len(w.engines))])
		default:
			w.tick()
		}
		if w.rng.IntN(3) == 0 {
			w.giveBack()
		}
	}
	// Jobs end, the living finish, newcomers take what still waits.
	for _, engine := range slices.Sorted(maps.Keys(w.ends)) {
		if slices.Contains(w.engines, engine) {
			w.down(engine)
		}
	}
	for range 3 {
		w.up(0)
	}
	for first := true; first || len(w.open) > 0; first = false {
		before := w.log.Len()
		for _, e := range slices.Clone(w.engines) {
			for len(w.work[e]) > 0 {
				w.finish(e, `{"status":"ok"}`)
			}
		}
		w.tick()
		if w.log.Len() == before+len("tick\n") && w.p.m.Due() == 0 && len(w.open) > 0 {
			t.Fatalf("nobody will ever answer %v", slices.Sorted(maps.Keys(w.open)))
		}
	}
	for id, state := range w.parts {
		if state != "recorded" {
			t.Fatalf("the end of %s is not recorded", id)
		}
	}
	if b, ok := w.p.m.(*Balanced); ok && len(b.jobs)+len(b.classes)+len(b.alarms)+len(b.conditions)+b.open.len() > 0 {
		t.Fatalf("all tasks are answered, and %d are remembered", len(b.jobs))
	}
	return w.log.String()
}

// Each task has exactly one answer, no work goes to the dead, the load-balanced
// go where a dumb scheduler sends them, and a seed gives the same transcript,
// byte for byte.
func TestSimulation(t *testing.T) {
	play := func(kind string, scheme Scheme) {
		t.Run(strings.TrimSpace(kind+" "+string(scheme)), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(40) {
				first := simulate(t, kind, scheme, seed)
				if seed%8 == 0 && simulate(t, kind, scheme, seed) != first {
					t.Fatalf("%s %s, seed %d: two runs differ", kind, scheme, seed)
				}
			}
		})
	}
	play("direct", "")
	play("broadcast", "")
	for _, scheme := range slices.Sorted(maps.Keys(choosers)) {
		if scheme != None {
			play("balanced", scheme)
		}
	}
}
