package scheduler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/controller/scripttest"
	"muster/wire"
)

// A script's events:
//
//	use direct|broadcast                         a fresh machine
//	use balanced [SCHEME HWM [CRASHLIMIT GRACE]] a tick is half a second
//	record                                       its tasks may be resumed
//	up ID UUID [TICKS]                           an engine comes, whose job lasts for so long
//	drain UUID                                   and is about to end
//	down UUID CAUSE
//	ask CLIENT[/ENGINE] ID [METADATA] [TYPE]     a request
//	ask CLIENT ID METADATA TYPE HEADER           one with that header
//	reply ENGINE CLIENT ID [METADATA]
//	refuse ENGINE CLIENT ID WHY                  a reply of an engine that is not to run it
//	giveback ENGINE CLIENT ID                    one of an engine that drains
//	unsent ENGINE CLIENT ID                      a request did not reach its engine
//	lost CLIENT                                  a client is gone
//	resume CLIENT ID due|there|lost [ENGINE|- [METADATA [RETRIES]]]
//	resume CLIENT ID finished ENGINE             what an earlier controller left, of
//	resumed                                      which the machine is told by this
//	tick N
//	due                                          prints when the next tick is wanted
//	abort CLIENT CONTENT                         an abort_request
//	question CLIENT CONTENT                      an explain_request
//	explain ID                                   prints what a task waits for
func TestScripts(t *testing.T) {
	scripttest.Run(t, func(t *testing.T) func([]string) []string {
		p := &player{t: t}
		return p.apply
	})
}

// player turns words into events and actions into lines.
type player struct {
	t      *testing.T
	m      Machine
	resume Resume

	recorded bool
}

// resumed adds a request of an earlier controller to those that are resumed.
func (p *player) resumed(w []string) {
	id, state, engine := wire.MsgID(w[1]), w[2], ""
	if len(w) > 3 && w[3] != "-" {
		engine = w[3]
	}
	if state == "finished" {
		p.resume.Outcomes = append(p.resume.Outcomes, Outcome{id, wire.EngineUUID(engine), true})
		return
	}
	metadata := ""
	if len(w) > 4 {
		metadata = w[4]
	}
	frames, m := message(p.t, wire.ApplyRequest, id, "", metadata, w[0])
	r := Resumed{Frames: frames, Message: m, Engine: wire.EngineUUID(engine), ID: 7, State: map[string]State{"due": Due, "there": There, "lost": Lost}[state], Run: "run2"}
	if len(w) > 5 {
		n, err := strconv.Atoi(w[5])
		if err != nil {
			p.t.Fatal(err)
		}
		r.Tried = &Tried{Retries: n}
	}
	p.resume.Tasks = append(p.resume.Tasks, r)
}

func (p *player) use(kind string, cfg BalancedConfig) {
	switch kind {
	case "direct":
		p.m = NewDirect()
	case "broadcast":
		p.m = NewBroadcast(p.answer)
	case "balanced":
		cfg.Tick, cfg.Recorded = 0.5, p.recorded
		p.m = NewBalanced(cfg, rand.New(rand.NewPCG(1, 2)))
	default:
		p.t.Fatalf("no such machine: %s", kind)
	}
}

// answer makes the message of an answer.
func (p *player) answer(a Answer) *wire.Message {
	content, err := json.Marshal(a.Content)
	if err != nil {
		p.t.Fatal(err)
	}
	m := &wire.Message{RawHeader: fmt.Appendf(nil, `{"msg_id":"answer","msg_type":%q}`, a.Type), RawParent: a.Parent, Metadata: []byte(`{"status":"error"}`), Content: content}
	if err := json.Unmarshal(a.Parent, &m.Parent); err != nil {
		p.t.Fatal(err)
	}
	return m
}

// message makes the frames of a message as a router receives them. Its one
// buffer names it. All are of 12:00:10.
func message(t *testing.T, kind string, id, parent wire.MsgID, metadata string, route ...string) ([][]byte, *wire.Message) {
	header := func(kind string, id wire.MsgID) []byte {
		return fmt.Appendf(nil, `{"msg_id":%q,"msg_type":%q}`, id, kind)
	}
	if metadata == "" {
		metadata = "{}"
	}
	m := &wire.Message{RawHeader: header(kind, id), Metadata: []byte(metadata), Content: wire.Empty, Buffers: [][]byte{[]byte("<" + id + ">")}}
	if parent != "" {
		m.RawParent = header("", parent)
	}
	for _, r := range route {
		m.Route = append(m.Route, []byte(r))
	}
	session := wire.NewSession("", "")
	frames := session.Encode(m)
	m, err := session.Inspect(frames)
	if err != nil {
		t.Fatal(err)
	}
	m.Header.Date.Time = time.Date(2026, 11, 20, 12, 0, 10, 0, time.UTC)
	return frames, m
}

func (p *player) apply(w []string) []string {
	arg := func(i int, otherwise string) string {
		if i < len(w) {
			return w[i]
		}
		return otherwise
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			p.t.Fatalf("%q: %v", w, err)
		}
		return n
	}
	var ev Event
	switch w[0] {
	case "record":
		p.recorded = true
		return nil
	case "use":
		p.use(w[1], BalancedConfig{
			Scheme: Scheme(arg(2, "leastload")), HWM: number(arg(3, "1")),
			CrashLimit: number(arg(4, "3")), Grace: number(arg(5, "0")),
		})
		return nil
	case "up":
		ev = EngineUp{wire.EngineID(number(w[1])), wire.EngineUUID(w[2]), number(arg(3, "0"))}
	case "drain":
		ev = EngineDraining{wire.EngineUUID(w[1])}
	case "down":
		ev = EngineDown{wire.EngineUUID(w[1]), strings.Join(w[2:], " ")}
	case "ask":
		frames, m := message(p.t, arg(4, wire.ApplyRequest), wire.MsgID(w[2]), "", arg(3, ""), strings.Split(w[1], "/")...)
		if len(w) > 5 {
			m.RawHeader = []byte(w[5])
		}
		ev = Request{frames, m}
	case "reply":
		frames, m := message(p.t, wire.ApplyReply, wire.MsgID("re-"+w[3]), wire.MsgID(w[3]), arg(4, ""), w[1], w[2])
		ev = Reply{frames, m}
	case "refuse":
		frames, m := message(p.t, wire.ApplyReply, wire.MsgID("re-"+w[3]), wire.MsgID(w[3]), `{"status":"error","dependencies_met":false}`, w[1], w[2])
		m.Content, _ = json.Marshal(wire.Failure(wire.UnmetDependency, strings.Join(w[4:], " ")))
		ev = Reply{frames, m}
	case "giveback":
		frames, m := message(p.t, wire.ApplyReply, wire.MsgID("re-"+w[3]), wire.MsgID(w[3]), `{"status":"error","dependencies_met":false,"draining":true}`, w[1], w[2])
		ev = Reply{frames, m}
	case "unsent":
		ev = Unsent{[]byte(w[1]), []byte(w[2]), wire.MsgID(w[3])}
	case "lost":
		ev = ClientLost{[]byte(w[1])}
	case "resume":
		p.resumed(w[1:])
		return nil
	case "resumed":
		ev, p.resume = p.resume, Resume{}
	case "tick":
		ev = Tick{number(w[1])}
	case "due":
		return []string{fmt.Sprint("in ", p.m.Due())}
	case "abort", "question":
		kind := wire.AbortRequest
		if w[0] == "question" {
			kind = wire.ExplainRequest
		}
		frames, m := message(p.t, kind, "q", "", "", w[1])
		m.Content = []byte(w[2])
		ev = Request{frames, m}
	case "explain":
		return []string{p.m.(*Balanced).Explain(wire.MsgID(w[1]))}
	default:
		p.t.Fatalf("no such event: %q", w)
	}
	var out []string
	for _, a := range p.m.Step(ev) {
		out = append(out, p.print(a))
	}
	check(p.t, p.m)
	return out
}

var sides = [...]string{ToClient: "client", ToEngine: "engine"}

func (p *player) print(a Action) string {
	switch a := a.(type) {
	case Relay:
		route, _, err := wire.Split(a.Frames)
		if err != nil {
			p.t.Fatal(err)
		}
		return fmt.Sprintf("relay to %s %s: %s", sides[a.To], route, a.Frames[len(a.Frames)-1])
	case Sign:
		var h wire.Header
		if err := json.Unmarshal(a.Message.RawHeader, &h); err != nil {
			p.t.Fatal(err)
		}
		name := string(h.MsgID)
		if !bytes.Equal(a.Message.RawHeader, fmt.Appendf(nil, `{"msg_id":%q,"msg_type":%q}`, h.MsgID, h.MsgType)) {
			name = string(a.Message.RawHeader)
		}
		return fmt.Sprintf("sign to %s %s: %s %s %s", sides[a.To], a.Message.Route, name, a.Message.Metadata, a.Message.Buffers)
	case Record:
		return fmt.Sprintf("record %s", a.Message.Parent.MsgID)
	case Answer:
		var parent wire.Header
		if err := json.Unmarshal(a.Parent, &parent); err != nil {
			p.t.Fatal(err)
		}
		said := a.Content.Status
		if said == wire.StatusError {
			said = a.Content.Ename + ": " + a.Content.Evalue
		}
		return fmt.Sprintf("answer %s %s to %s: %s", a.Client, a.Type, parent.MsgID, said)
	case Placed:
		if a.Engine == "" {
			return fmt.Sprintf("unplaced %s", a.Task)
		}
		return fmt.Sprintf("placed %s on %s", a.Task, a.Engine)
	case Tried:
		return fmt.Sprintf("tried %s: %d retries left, not on %s", a.Task, a.Retries, a.Refused)
	case Tell:
		content, err := json.Marshal(a.Content)
		if err != nil {
			p.t.Fatal(err)
		}
		return fmt.Sprintf("tell %s %s: %s", a.Client, a.Type, content)
	case Abort:
		return fmt.Sprintf("abort on %s: %s, running %t", a.Engine, a.IDs, a.Running)
	}
	p.t.Fatalf("no such action: %T", a)
	return ""
}
