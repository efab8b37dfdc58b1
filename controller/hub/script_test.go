package hub

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/controller/scripttest"
	"muster/wire"
)

// A script's events:
//
//	register UUID [ID]        registration_request
//	unregister ID             unregistration_request
//	pong UUID [BEAT]          of the last ping, unless given
//	departed UUID             its connection has ended
//	tick N
//	mux UUID TASK [BYTES]     a direct request, with a buffer of so many bytes
//	broadcast TASK UUID...    one to several, with the id TASK_UUID
//	task TASK                 a request for the task queue
//	placed TASK [UUID]        on an engine, or back in the queue
//	reply TASK [BYTES]
//	stdout TASK TEXT          likewise stderr
//	goodbye UUID              shutdown_reply on iopub
//	ask TYPE JSON             a client's query
//	use elsewhere             a fresh machine, whose records are elsewhere
//	left engine UUID [keeps] [gone]
//	left QUEUE TASK [UUID]    without an answer, sent there last
//	left stray QUEUE TASK UUID
//	restored                  tells the machine what an earlier one left
//	rejoin UUID TASK...       registration_request of one that has those tasks
//	again QUEUE TASK [BYTES] [INSTANCE]  a request that was sent before, and to whom
//	unwanted UUID TASK
//	committed UUID TASK...    requests of the client, and replies of the engine
//	due                       prints when the next tick is wanted
func TestScripts(t *testing.T) {
	scripttest.Run(t, func(t *testing.T) func([]string) []string {
		p := newPlayer(t)
		return p.apply
	})
}

// testConfig has short periods, so that scripts are short.
func testConfig() Config {
	n := 0
	return Config{
		Period: 60, Misses: 2, Grace: 10, Stall: 600, Young: 200, HeartPeriod: 3000, Instance: "i",
		Records: 10, Bytes: 10000,
		NewID: func() wire.MsgID { n++; return wire.MsgID(fmt.Sprint("new", n)) },
	}
}

// player turns words into events and actions into lines.
type player struct {
	t    *testing.T
	m    *Machine
	beat string
	sent int // messages, for their dates
	left Left
}

func newPlayer(t *testing.T) *player { return &player{t: t, m: New(testConfig())} }

func (p *player) message(kind string, id, parent wire.MsgID, content any, bytes string) *wire.Message {
	p.sent++
	date := wire.Time{Time: time.Date(2026, 11, 20, 16, 0, p.sent, 0, time.UTC)}
	m := &wire.Message{
		Header:   wire.Header{MsgID: id, MsgType: kind, Session: "client", Date: date},
		Parent:   wire.Header{MsgID: parent},
		Metadata: wire.Empty,
	}
	var err error
	if m.RawHeader, err = json.Marshal(m.Header); err != nil {
		p.t.Fatal(err)
	}
	if m.Content, err = json.Marshal(content); err != nil {
		p.t.Fatal(err)
	}
	if n, _ := strconv.Atoi(bytes); n > 0 {
		m.Buffers = [][]byte{make([]byte, n)}
	}
	return m
}

func (p *player) apply(w []string) []string {
	arg := func(i int) string {
		if i < len(w) {
			return w[i]
		}
		return ""
	}
	number := func(i int) int {
		n, err := strconv.Atoi(w[i])
		if err != nil {
			p.t.Fatalf("%q: %v", w, err)
		}
		return n
	}
	var ev Event
	switch w[0] {
	case "use":
		cfg := testConfig()
		cfg.Database, cfg.Adoption = Elsewhere, 200
		p.m = New(cfg)
		return nil
	case "left":
		p.leave(w[1:])
		return nil
	case "restored":
		ev = Restored{&p.left}
	case "rejoin":
		ev = Request{"peer-" + w[1], p.message(wire.RegistrationRequest, "r", "", map[string]any{"uuid": w[1], "keeps": true, "tasks": append([]string{}, w[2:]...)}, "")}
	case "again":
		m := p.message(wire.ApplyRequest, wire.MsgID(w[2]), "", nil, arg(3))
		m.Content, m.Route = wire.Empty, [][]byte{[]byte("client")}
		if len(w) > 4 {
			m.Metadata = fmt.Appendf(nil, `{"again":true,"sent_to":%q}`, w[4])
		}
		ev = Again{Queue(w[1]), m}
	case "unwanted":
		ev = Unwanted{wire.MsgID(w[2]), wire.EngineUUID(w[1])}
	case "committed":
		ids := make([]wire.MsgID, 0)
		for _, id := range w[2:] {
			ids = append(ids, wire.MsgID(id))
		}
		ev = Committed{Replies: map[string][]wire.MsgID{w[1]: ids}, Requests: map[string][]wire.MsgID{"client": ids}}
	case "broadcast":
		var out []string
		for _, uuid := range w[2:] {
			m := p.message(wire.ApplyRequest, wire.MsgID(w[1]+"_"+uuid), "", nil, "")
			out = append(out, p.step(Submitted{Broadcast, wire.EngineUUID(uuid), len(w) - 2, m})...)
		}
		return out
	case "register":
		content := map[string]any{"uuid": w[1]}
		if len(w) > 2 {
			content["id"] = number(2)
		}
		ev = Request{"peer-" + w[1], p.message(wire.RegistrationRequest, "r", "", content, "")}
	case "unregister":
		ev = Request{"nanny", p.message(wire.UnregistrationRequest, "u", "", map[string]any{"id": number(1)}, "")}
	case "pong":
		beat := p.beat
		if len(w) > 2 {
			beat = w[2]
		}
		ev = Pong{wire.EngineUUID(w[1]), beat}
	case "departed":
		ev = Departed{wire.EngineUUID(w[1])}
	case "tick":
		ev = Tick{number(1)}
	case "mux":
		ev = Submitted{Mux, wire.EngineUUID(w[1]), 1, p.message(wire.ApplyRequest, wire.MsgID(w[2]), "", nil, arg(3))}
	case "task":
		ev = Submitted{Task, "", 1, p.message(wire.ApplyRequest, wire.MsgID(w[1]), "", nil, "")}
	case "placed":
		ev = Placed{wire.MsgID(w[1]), wire.EngineUUID(arg(2))}
	case "reply":
		m := p.message(wire.ApplyReply, wire.MsgID("re-"+w[1]), wire.MsgID(w[1]), wire.Reply{Status: wire.StatusOK}, arg(2))
		ev = Replied{m, m.Header.Date}
	case "stdout", "stderr":
		content := map[string]string{"name": w[0], "text": strings.Join(w[2:], " ")}
		ev = Output{p.message("stream", "o", wire.MsgID(w[1]), content, "")}
	case "goodbye":
		m := p.message(wire.ShutdownReply, "g", "", nil, "")
		m.Header.Session = w[1]
		ev = Output{m}
	case "ask":
		ev = Request{"client", p.message(w[1], "q", "", json.RawMessage(strings.Join(w[2:], " ")), "")}
	case "due":
		return []string{fmt.Sprint("in ", p.m.Due())}
	default:
		p.t.Fatalf("no such event: %q", w)
	}
	return p.step(ev)
}

func (p *player) step(ev Event) (out []string) {
	for _, a := range p.m.Step(ev) {
		out = append(out, p.print(a))
	}
	check(p.t, p.m)
	return out
}

// leave adds to what an earlier controller has left.
func (p *player) leave(w []string) {
	l := &p.left
	switch w[0] {
	case "engine":
		l.Engines = append(l.Engines, Engine{wire.EngineID(len(l.Engines)), wire.EngineUUID(w[1]), slices.Contains(w, "keeps"), slices.Contains(w, "gone")})
	case "stray":
		l.Strays = append(l.Strays, Sent{wire.MsgID(w[2]), wire.EngineUUID(w[3]), Queue(w[1])})
	default:
		t := Unanswered{Queue: Queue(w[0]), Message: p.message(wire.ApplyRequest, wire.MsgID(w[1]), "", nil, "")}
		if len(w) > 2 {
			t.Engine = wire.EngineUUID(w[2])
		}
		l.Tasks = append(l.Tasks, t)
	}
}

var states = [...]string{Due: "due", There: "there", Lost: "lost"}

func (r *Resumed) String() string {
	return fmt.Sprintf("%s %s %s on %d %q", r.Message.Header.MsgID, states[r.State], r.Why, r.ID, r.Engine)
}

func (p *player) print(a Action) string {
	switch a := a.(type) {
	case Enlist:
		return fmt.Sprintf("enlist %+v", a.Engine)
	case Keep:
		return fmt.Sprintf("keep %s: %T", a.Change.TaskID(), a.Change)
	case Find: // nothing
		var out []string
		for _, b := range a.Then(Found{}) {
			out = append(out, p.print(b))
		}
		return fmt.Sprintf("find %s, and if there is none: %s", a.Query.IDs, strings.Join(out, ", "))
	case Resume:
		var out []string
		for _, r := range a.Tasks {
			out = append(out, r.String())
		}
		return fmt.Sprintf("resume %s: %s", a.Queue, strings.Join(out, ", "))
	case Resend:
		return fmt.Sprintf("resend %s: %s", a.Engine, a.IDs)
	case Acknowledge:
		return fmt.Sprintf("acknowledge %s%s: %s", a.Client, a.Engine, a.IDs)
	case Open:
		return fmt.Sprintf("open %+v", a)
	case Deliver:
		return fmt.Sprintf("deliver to %s by %s the answer to %s", a.Client, a.Queue, a.Answer.Parent.MsgID)
	case Verdict:
		switch {
		case a.Attach != nil:
			return fmt.Sprintf("verdict: attach to %s %s", a.By, a.Attach)
		case a.Failure != nil:
			return "verdict: " + a.Failure.Ename + ": " + a.Failure.Evalue
		case a.Admit:
			return "verdict: admit"
		case a.Answer != nil:
			return "verdict: the answer"
		}
		return "verdict: it will come"
	case Reply:
		s := fmt.Sprintf("reply %s %s %s", a.To, a.Type, p.json(a.Content))
		if n := len(a.Buffers); n > 0 {
			s += fmt.Sprintf(" and %d buffers", n)
		}
		return s
	case Notify:
		return fmt.Sprintf("notify %s %s", a.Type, p.json(a.Content))
	case Ping:
		p.beat = a.Beat
		return "ping " + a.Beat
	case Up:
		return fmt.Sprintf("up %d %s", a.ID, a.UUID)
	case Draining:
		return fmt.Sprintf("draining %d %s", a.ID, a.UUID)
	case Down:
		return fmt.Sprintf("down %d %s: %s", a.ID, a.UUID, a.Cause)
	case Refused:
		return fmt.Sprintf("refused %s: %s", a.UUID, a.Cause)
	case Resubmit:
		return fmt.Sprintf("resubmit %s %s", a.Message.Header.MsgID, a.Message.Header.MsgType)
	case Exit:
		return "exit"
	}
	p.t.Fatalf("no such action: %T", a)
	return ""
}

func (p *player) json(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}
