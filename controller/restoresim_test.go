package controller

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"muster/controller/hub"
	"muster/controller/scheduler"
	"muster/transport"
	"muster/wire"
)

// The simulation of a controller that is killed and restored. The machines, and
// what carries out their actions, are the real ones; the database, the engines
// and the clients are models, with what the protocol (section 17) demands of
// them and no more. Every message is a step of its own, and which one is next
// is the seed's choice: so is when the hub hears of what passes, when the
// database commits, when the controller is killed and when an engine dies.

// A simulation is one run.
type simulation struct {
	rng  *rand.Rand
	now  int
	log  strings.Builder
	disk *disk
	fail func(format string, args ...any)

	up      *incarnation                   // nil while there is no controller
	known   map[wire.EngineUUID]hub.Engine // that were to come back to it
	kills   int                            // that are still to come
	count   int                            // of controllers so far
	engines []*simEngine
	clients []*simClient
	ran     map[wire.MsgID][]wire.EngineUUID // where tasks ran
	had     map[wire.MsgID][]wire.EngineUUID // which engines were sent them
	order   map[string][]int                 // of direct requests, by client and engine
}

// An incarnation is a controller from its start to its end, and what is on its
// way to it. All of that is gone with it.
type incarnation struct {
	*Controller
	sim  *simulation
	in   links
	open bool
}

// A link is one direction of a connection: messages arrive in order, if they do.
type link struct {
	peer, channel string
	messages      [][][]byte
}

func (l *link) put(frames [][]byte) { l.messages = append(l.messages, frames) }

func (l *link) take() [][]byte {
	m := l.messages[0]
	l.messages = l.messages[1:]
	return m
}

type links []*link

// to finds the link of a peer and a channel.
func (ls *links) to(peer, channel string) *link {
	for _, l := range *ls {
		if l.peer == peer && l.channel == channel {
			return l
		}
	}
	l := &link{peer: peer, channel: channel}
	*ls = append(*ls, l)
	return l
}

// simSocket is one of the controller's sockets.
type simSocket struct {
	of   *incarnation
	send func(frames [][]byte)
}

func (s simSocket) Send(frames [][]byte) error {
	if s.send != nil && s.of.sim.up == s.of {
		s.send(cloned(frames))
	}
	return nil
}

func (s simSocket) Give(frames [][]byte, sent func()) error { return s.Send(frames) }
func (simSocket) Recv() ([][]byte, error)                   { return nil, transport.ErrClosed }
func (simSocket) Addr() string                              { return "" }
func (simSocket) Close() error                              { return nil }
func (simSocket) Discard() error                            { return nil }

func cloned(frames [][]byte) [][]byte {
	out := make([][]byte, len(frames))
	for i, f := range frames {
		out[i] = bytes.Clone(f)
	}
	return out
}

const simKey = "key"

// start begins a controller, restored from the disk unless it is the first.
func (s *simulation) start() {
	s.count++
	c := &Controller{
		cfg:      Config{DB: SQLite, HWM: s.hwm(), Log: slog.New(slog.DiscardHandler)}.withDefaults(),
		session:  wire.NewSession(simKey, fmt.Sprint("controller", s.count)),
		instance: fmt.Sprintf("a%07d", s.count),
		mail:     newMailbox(),
	}
	up := &incarnation{Controller: c, sim: s}
	began := s.now
	c.loop = &loop{clock: func() int { return s.now - began }, records: s.disk}
	l := c.loop
	toClient := func(channel string) transport.Socket {
		return simSocket{up, func(frames [][]byte) {
			for _, p := range s.clients {
				if p.session.ID == string(frames[0]) && p.to == up {
					p.in = append(p.in, frames[1:])
				}
			}
		}}
	}
	toEngine := func(channel string) transport.Socket {
		return simSocket{up, func(frames [][]byte) {
			if e := s.engine(wire.EngineUUID(frames[0])); e != nil && e.to == up {
				e.in.to("", channel).put(frames[1:])
			}
		}}
	}
	l.query = simSocket{up, func(frames [][]byte) {
		for _, p := range s.clients {
			if p.session.ID == string(frames[0]) && p.to == up {
				p.in = append(p.in, frames[1:])
			}
		}
		if e := s.engine(wire.EngineUUID(frames[0])); e != nil && e.to == up {
			e.in.to("", "registration").put(frames[1:])
		}
	}}
	l.notify = simSocket{up, nil}
	l.ping = simSocket{up, func(frames [][]byte) {
		for _, e := range s.engines {
			if !e.dead {
				e.in.to("", "ping").put(frames) // heard on whatever connection
			}
		}
	}}
	var mux, task, control, broadcast channel
	for name, ch := range map[string]*channel{"mux": &mux, "task": &task, "control": &control, "broadcast": &broadcast} {
		ch.client, ch.engine = toClient(name), toEngine(name)
	}
	c.assemble(&mux, &task, &control, &broadcast, rand.New(rand.NewPCG(s.rng.Uint64(), 1)))
	l.open = func() { up.open = true }
	s.up = up
	s.disk.committed = c.mail.observe
	if s.count == 1 {
		up.open = true
	} else {
		c.mail.post(hub.Restored{Left: s.disk.restore()})
		s.known = maps.Clone(s.disk.engines)
	}
	s.say("controller %d starts", s.count)
}

// hwm is the bound of tasks on an engine: the default, by which tasks queue on
// engines and are asked back, in half of the runs.
func (s *simulation) hwm() int { return s.disk.hwm }

func (s *simulation) say(format string, args ...any) {
	fmt.Fprintf(&s.log, "%d ", s.now)
	fmt.Fprintf(&s.log, format, args...)
	s.log.WriteByte('\n')
}

// kill ends the controller. Of what it has sent, some may have left.
func (s *simulation) kill() {
	s.say("controller %d is killed", s.count)
	up := s.up
	s.up = nil
	s.kills--
	s.disk.kill()
	for _, e := range s.engines {
		for _, l := range e.in {
			l.messages = l.messages[:s.rng.IntN(len(l.messages)+1)]
			for len(l.messages) > 0 {
				e.receive(l)
			}
		}
		e.lost(up)
	}
	for _, p := range s.clients {
		p.in = p.in[:s.rng.IntN(len(p.in)+1)]
		for len(p.in) > 0 {
			p.receive()
		}
		p.to = nil
	}
}

func (s *simulation) engine(uuid wire.EngineUUID) *simEngine {
	for _, e := range s.engines {
		if e.uuid == uuid && !e.dead {
			return e
		}
	}
	return nil
}

// toController puts a message on its way, if there is a controller to take it.
func (s *simulation) toController(to *incarnation, from, channel string, frames [][]byte) {
	if to == nil || to != s.up {
		return
	}
	to.in.to(from, channel).put(append([][]byte{[]byte(from)}, cloned(frames)...))
}

// receives tells whether the controller can take something in.
func (up *incarnation) receives(l *link) bool {
	return len(l.messages) > 0 && (up.open || l.channel == "registration" || l.channel == "pong" || l.channel == "departed")
}

// receive takes the next message of a connection in, as the receivers of the
// controller do.
func (up *incarnation) receive(from *link) {
	frames := from.take()
	l := up.loop
	switch name := from.channel; name {
	case "registration":
		m, err := l.session.Decode(frames)
		if err != nil {
			up.sim.fail("registration: %v", err)
		}
		l.mail.post(hub.Request{From: string(frames[0]), Message: m})
	case "pong":
		l.mail.post(hub.Pong{Engine: wire.EngineUUID(frames[0]), Beat: string(frames[1])})
	case "departed":
		l.mail.post(hub.Departed{Engine: wire.EngineUUID(frames[0])})
	default:
		side, name, _ := strings.Cut(name, "/")
		i := slices.IndexFunc(l.channels, func(c *channel) bool { return c.name == name })
		c := l.channels[i]
		if side == "engine" {
			m, err := c.session.Inspect(frames)
			if err != nil {
				up.sim.fail("reply: %v", err)
			}
			if !c.step(scheduler.Reply{Frames: frames, Message: m}, m) && c.records != nil {
				c.observe(hub.Unwanted{Task: m.Parent.MsgID, Engine: wire.EngineUUID(frames[0])})
			}
			return
		}
		m, err := c.session.Decode(frames)
		if err != nil {
			up.sim.fail("request: %v", err)
		}
		if c.verdicts == nil || !sentAgain(m) {
			c.request(frames, m)
			return
		}
		// The receiver waits for the hub, and the hub for the database.
		c.ask(hub.Again{Queue: c.queue, Message: m})
		up.hub()
		v := <-c.verdicts
		if err := c.carryOut(v, frames, m); err != nil {
			up.sim.fail("%v", err)
		}
	}
}

// hub has the hub hear of what has passed.
func (up *incarnation) hub() {
	up.loop.advance()
	up.loop.turn(nil)
}

// A disk is a database, as far as a restart depends on it.
type disk struct {
	sim *simulation
	hwm int

	rows    map[wire.MsgID]*hub.Record
	order   []wire.MsgID
	tried   map[wire.MsgID]*hub.Tried
	strays  map[wire.MsgID]hub.Sent
	ended   map[wire.MsgID]hub.Outcome
	engines map[wire.EngineUUID]hub.Engine

	// What is lost when the controller is killed, but for the journal.
	waiting   []hub.Event
	noted     uint64
	reached   uint64
	journal   []journaled
	committed func(hub.Event)
}

type journaled struct {
	line   uint64
	engine *hub.Engine
	placed hub.Sent
	ended  *hub.Outcome
}

type enlisted struct {
	hub.Change
	engine hub.Engine
}

func newDisk(s *simulation) *disk {
	return &disk{
		sim: s, rows: make(map[wire.MsgID]*hub.Record), tried: make(map[wire.MsgID]*hub.Tried),
		strays: make(map[wire.MsgID]hub.Sent), ended: make(map[wire.MsgID]hub.Outcome), engines: make(map[wire.EngineUUID]hub.Engine),
	}
}

func (d *disk) Admit()            {}
func (d *disk) Keep(c hub.Change) { d.waiting = append(d.waiting, c) }
func (d *disk) Noted() uint64     { return d.noted }
func (d *disk) Reached(n uint64)  { d.reached = n }
func (d *disk) Enlist(e hub.Engine) {
	d.noted++
	d.journal = append(d.journal, journaled{line: d.noted, engine: &e})
	d.waiting = append(d.waiting, enlisted{engine: e})
}

func (d *disk) Sent(r hub.Sent) {
	d.noted++
	d.journal = append(d.journal, journaled{line: d.noted, placed: r})
	if r.Engine != "" {
		d.sim.had[r.Task] = append(d.sim.had[r.Task], r.Engine)
	}
}

func (d *disk) Ended(o hub.Outcome) {
	d.noted++
	d.journal = append(d.journal, journaled{line: d.noted, ended: &o})
}

func (d *disk) Find(q *hub.Query, answer func(hub.Found)) {
	d.commit()
	var f hub.Found
	for _, id := range q.IDs {
		if r := d.rows[id]; r != nil {
			row := hub.Row{Query: q}
			for _, field := range q.Fields {
				row.Values = append(row.Values, field.Of(r))
			}
			if r.Reply != nil {
				row.ResultBuffers = r.Reply.Buffers
			}
			f.Rows = append(f.Rows, row)
		}
	}
	answer(f)
}

// commit writes what waits, and tells what is durable.
func (d *disk) commit() {
	done := hub.Committed{Requests: make(map[string][]wire.MsgID), Replies: make(map[string][]wire.MsgID)}
	for _, ev := range d.waiting {
		c, isChange := ev.(hub.Change)
		if e, ok := ev.(enlisted); ok {
			d.engines[e.engine.UUID] = e.engine
			continue
		}
		if !isChange {
			continue
		}
		id := c.TaskID()
		reply := func(engine string) { done.Replies[engine] = append(done.Replies[engine], id) }
		switch c := c.(type) {
		case hub.Submitted:
			if d.rows[id] == nil {
				d.rows[id] = new(hub.Record)
				d.rows[id].Apply(c)
				d.order = append(d.order, id)
			}
			client := c.Message.Header.Session
			done.Requests[client] = append(done.Requests[client], id)
		case hub.Unwanted:
			reply(string(c.Engine))
		case hub.Tried:
			d.tried[id] = &c
			if c.Engine != "" {
				reply(string(c.Engine))
			}
		case hub.Replied:
			d.rows[id].Apply(c)
			reply(c.Message.Header.Session)
		default:
			d.rows[id].Apply(c)
		}
	}
	d.waiting = nil
	d.journal = slices.DeleteFunc(d.journal, func(j journaled) bool { return j.line <= d.reached })
	if len(done.Requests)+len(done.Replies) > 0 {
		d.committed(done)
	}
}

// kill loses what was not committed, but for the journal.
func (d *disk) kill() {
	d.waiting, d.reached = nil, d.noted
}

// restore tells what is left.
func (d *disk) restore() *hub.Left {
	for _, j := range d.journal {
		switch r := d.rows[j.placed.Task]; {
		case j.engine != nil:
			d.engines[j.engine.UUID] = *j.engine
		case j.ended != nil:
			d.ended[j.ended.Task] = *j.ended
		case r != nil && r.Reply == nil:
			r.Engine = j.placed.Engine
		case r == nil:
			d.strays[j.placed.Task] = j.placed
		}
	}
	d.journal, d.reached = nil, d.noted
	left := new(hub.Left)
	for _, uuid := range slices.Sorted(maps.Keys(d.engines)) {
		left.Engines = append(left.Engines, d.engines[uuid])
	}
	slices.SortStableFunc(left.Engines, func(a, b hub.Engine) int { return int(a.ID - b.ID) })
	for _, id := range slices.Sorted(maps.Keys(d.strays)) {
		if d.rows[id] != nil || d.strays[id].Engine == "" {
			delete(d.strays, id)
			continue
		}
		left.Strays = append(left.Strays, d.strays[id])
	}
	for _, id := range d.order {
		r := d.rows[id]
		if r.Reply == nil {
			m := *r.Request
			m.Route = nil
			left.Tasks = append(left.Tasks, hub.Unanswered{Queue: r.Queue, Engine: r.Engine, Message: &m, Tried: d.tried[id]})
			continue
		}
		if r.Queue == hub.Task {
			var said struct{ Status string }
			json.Unmarshal(r.Reply.Metadata, &said)
			left.Outcomes = append(left.Outcomes, hub.Outcome{Task: id, Engine: r.Engine, OK: said.Status == wire.StatusOK})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.ended)) {
		if r := d.rows[id]; r == nil || r.Reply == nil {
			left.Outcomes = append(left.Outcomes, d.ended[id])
		}
	}
	return left
}

// simulate plays a run and returns its transcript.
func simulate(t *testing.T, seed uint64) string {
	s := &simulation{
		rng: rand.New(rand.NewPCG(seed, 7)), ran: make(map[wire.MsgID][]wire.EngineUUID),
		had: make(map[wire.MsgID][]wire.EngineUUID), order: make(map[string][]int),
	}
	s.disk = newDisk(s)
	s.disk.hwm = max(0, s.rng.IntN(4)-1)
	s.fail = func(format string, args ...any) {
		t.Helper()
		lines := strings.SplitAfter(s.log.String(), "\n")
		t.Fatalf("seed %d: %s\nthe last of %d lines:\n%s", seed, fmt.Sprintf(format, args...), len(lines), strings.Join(lines[max(0, len(lines)-60):], ""))
	}
	s.kills = 1 + s.rng.IntN(3)
	for range 1 + s.rng.IntN(4) {
		s.hire()
	}
	for i := range 1 + s.rng.IntN(2) {
		s.clients = append(s.clients, newSimClient(s, i, 5+s.rng.IntN(25)))
	}
	s.start()
	for step := 0; !s.settled(); step++ {
		if step > 30000 {
			s.fail("it hangs: %s", s.pending())
		}
		if step%3000 == 2999 { // for tasks that have failed on all others
			s.hire()
			s.engines[len(s.engines)-1].mortal = false
		}
		s.step()
	}
	s.calm()
	s.check()
	return s.log.String()
}

// step has one thing happen that can.
func (s *simulation) step() {
	var can []func()
	add := func(weight int, f func()) {
		for range weight {
			can = append(can, f)
		}
	}
	add(2, func() { s.tick() })
	if s.up != nil {
		for _, l := range s.up.in {
			if s.up.receives(l) {
				add(6, func() { s.up.receive(l) })
			}
		}
		add(6, s.up.hub)
		add(1, s.disk.commit)
		if s.kills > 0 && s.up.open && s.rng.IntN(30) == 0 || s.kills > 0 && s.rng.IntN(300) == 0 {
			add(3, s.kill)
		}
	} else {
		add(3, s.start)
	}
	for _, e := range s.engines {
		if e.dead {
			continue
		}
		for _, l := range e.in {
			if len(l.messages) > 0 {
				add(6, func() { e.receive(l) })
			}
		}
		if len(e.queue) > 0 {
			add(e.speed, e.work)
		}
		if e.mortal && s.rng.IntN(40) == 0 || e.mortal && s.up == nil && s.rng.IntN(8) == 0 {
			add(2, e.die)
		}
	}
	for _, p := range s.clients {
		for range min(1, len(p.in)) {
			add(6, p.receive)
		}
		if p.to != s.up && s.up != nil {
			add(2, p.reconnect)
		} else if p.ready && p.left > 0 {
			add(4, p.submit)
		}
	}
	can[s.rng.IntN(len(can))]()
}

// tick has time pass. Sometimes much does.
func (s *simulation) tick() {
	n := 1
	if s.rng.IntN(20) == 0 {
		n = 20
	}
	s.now += n
	if s.up != nil {
		s.up.loop.advance()
	}
}

// settled tells whether everything is answered and no kill is to come.
func (s *simulation) settled() bool {
	if s.up == nil || !s.up.open {
		return false
	}
	for _, p := range s.clients {
		if p.left > 0 || len(p.waits) > 0 {
			return false
		}
	}
	return true
}

func (s *simulation) pending() string {
	var out []string
	for _, p := range s.clients {
		for _, k := range p.waits {
			where := "no row"
			if r := s.disk.rows[k.id]; r != nil {
				where = fmt.Sprintf("row on %q, answered %t", r.Engine, r.Reply != nil)
			}
			out = append(out, fmt.Sprintf("%s (%s, %s, sent to %s, ran on %s)", k.id, k.channel, where, s.had[k.id], s.ran[k.id]))
		}
		out = append(out, fmt.Sprintf("client %s ready %t, to submit %d", p.session.ID, p.ready, p.left))
	}
	return strings.Join(out, "; ")
}

// calm has all that is on its way arrive.
func (s *simulation) calm() {
	for busy := true; busy; {
		s.up.hub()
		busy = len(s.disk.waiting) > 0
		s.disk.commit()
		for _, l := range s.up.in {
			for ; len(l.messages) > 0; busy = true {
				s.up.receive(l)
			}
		}
		for _, e := range s.engines {
			for _, l := range e.in {
				for ; !e.dead && len(l.messages) > 0; busy = true {
					e.receive(l)
				}
			}
			for ; !e.dead && len(e.queue) > 0; busy = true {
				e.work()
			}
		}
	}
}

// check looks at the end whether all promises were kept.
func (s *simulation) check() {
	for _, p := range s.clients {
		for _, k := range p.done {
			ran := s.ran[k.id]
			if k.retries == 0 && len(ran) > 1 {
				s.fail("task %s, without retries, ran on %s", k.id, ran)
			}
			switch {
			case k.answer == "ok":
				if len(ran) == 0 {
					s.fail("task %s succeeded, and did not run", k.id)
				}
			case strings.Contains(k.answer, "no engine"), strings.Contains(k.answer, "ImpossibleDependency"), k.answer == "error: it fails":
			case strings.Contains(k.answer, "fate of task"), strings.Contains(k.answer, "died"):
				had := s.had[k.id]
				for id, engines := range s.had { // of a coalesced broadcast one part fails all
					if k.origin != "" && strings.HasPrefix(string(id), string(k.origin)+"_") {
						had = append(had, engines...)
					}
				}
				if !slices.ContainsFunc(had, func(uuid wire.EngineUUID) bool { e := s.engine(uuid); return e == nil || !e.keeps }) {
					s.fail("task %s: %s, but it was sent to %s, all alive", k.id, k.answer, s.had[k.id])
				}
			default:
				s.fail("task %s: %s", k.id, k.answer)
			}
		}
	}
	for key, order := range s.order {
		if !slices.IsSorted(order) {
			s.fail("direct requests of %s ran in the order %v", key, order)
		}
	}
	for _, e := range s.engines {
		for id := range e.kept {
			// A request that was answered, and neither recorded, is one that its
			// client may yet send again, for all that the controller knows.
			if !e.dead && s.disk.rows[id] != nil {
				s.fail("engine %s keeps the reply to %s, which nobody waits for", e.uuid, id)
			}
		}
	}
}

// many is for a soak: half an hour of it.
var many = flag.Bool("restores", false, "simulate a hundred times as many restores")

// A seed gives the same transcript, byte for byte, and no promise is broken.
func TestRestoreSimulation(t *testing.T) {
	seeds := uint64(1000)
	if *many {
		seeds = 100_000
	}
	for seed := range seeds {
		first := simulate(t, seed)
		if seed%50 == 0 && simulate(t, seed) != first {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
}
