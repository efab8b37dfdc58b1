package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"muster/transport"
	"muster/wire"
)

// again plays a controller that was killed and stands again as another instance.
// It returns what the engine asks of that one.
func (r *engineRun) again(instance string) wire.Registration {
	r.c.tb.Helper()
	r.c.die()
	r.c.stand(instance)
	return r.c.accept(r)
}

// has checks the requests that an engine says to have.
func (r *engineRun) has(reg wire.Registration, want ...wire.MsgID) {
	r.c.tb.Helper()
	slices.Sort(reg.Tasks)
	slices.Sort(want)
	if reg.Tasks == nil || !slices.Equal(reg.Tasks, want) {
		r.c.tb.Errorf("the engine says that it has %v, want %v", reg.Tasks, want)
	}
	if !reg.Keeps || reg.ID == nil || *reg.ID != 7 {
		r.c.tb.Errorf("registers again as %+v", reg)
	}
}

func (r *engineRun) about(msgType string, ids ...wire.MsgID) {
	r.c.tb.Helper()
	r.c.send("control", []byte(r.uuid), msgType, nil, wire.MsgIDs{MsgIDs: ids})
}

// restored starts an engine of a controller that acknowledges.
func restored(t *testing.T, cfg Config) *engineRun {
	c := newController(t, new(transport.Memory))
	c.instance, c.acknowledges = "a0000001", true
	return c.start(cfg)
}

// What runs goes on when the controller is killed, and what waits is run, once.
func TestRejoin(t *testing.T) {
	for name, network := range map[string]transport.Network{"memory": new(transport.Memory), "zmq": realNetwork(t)} {
		t.Run(name, func(t *testing.T) {
			c := newController(t, network)
			c.instance, c.acknowledges = "a0000001", true
			r := c.start(Config{})
			first := r.execute("x := 1")
			r.reply(first)
			running := r.waiting()
			queued := r.apply("func() int { x++; return x }")
			r.settle()
			uuid := r.uuid
			reg := r.again("a0000002")
			r.has(reg, first, running, queued)
			if r.uuid != uuid {
				t.Errorf("%s has become %s", uuid, r.uuid)
			}
			r.interrupt()
			r.interrupted(running)
			r.shows(queued, "2")
			r.shows(r.apply("func() int { x++; return x }"), "3")
		})
	}
}

// Replies are kept until they are acknowledged, and sent when asked for.
func TestKeptReplies(t *testing.T) {
	r := restored(t, Config{})
	var ids []wire.MsgID
	for range 3 {
		ids = append(ids, r.apply("test.Nop"))
		r.value(ids[len(ids)-1])
	}
	r.about(wire.Acknowledge, ids[1], "unknown")
	r.settleControl()
	r.has(r.again("a0000002"), ids[0], ids[2])
	r.about(wire.Resend, ids[2], "unknown", ids[1])
	r.value(ids[2])
	r.has(r.again("a0000003"), ids[0], ids[2]) // sent is not acknowledged
	r.about(wire.Resend, ids...)
	r.value(ids[0])
	r.value(ids[2])
	r.about(wire.Acknowledge, ids...)
	r.settleControl()
	r.has(r.again("a0000004"))

	// A request that comes again is not run again.
	first := r.sent("mux", "n := 0\nn++")
	r.c.repeat(first)
	r.reply(first.id)
	r.c.repeat(first)
	r.reply(first.id)
	r.shows(r.apply("func() int { return n }"), "1")

	// But one that failed may be: a scheduler that sends it again does not want
	// the reply.
	failing := r.sent("task", "n++; if n == 2 { panic(n) }")
	if _, c := r.reply(failing.id); c.Status != wire.StatusError {
		t.Errorf("%+v", c)
	}
	r.c.repeat(failing)
	if _, c := r.reply(failing.id); c.Status != wire.StatusOK {
		t.Errorf("tried again: %+v", c)
	}
	r.shows(r.apply("func() int { return n }"), "3")
}

// settleControl returns when the engine has taken in what was sent on control.
func (r *engineRun) settleControl() {
	r.c.tb.Helper()
	r.reply(r.request("kernel_info_request", nil))
}

// A repeatable is a request that can be sent again.
type repeatable struct {
	channel string
	id      wire.MsgID
	message *wire.Message
}

// sent sends a cell.
func (r *engineRun) sent(channel, code string) repeatable {
	r.c.tb.Helper()
	id, header := r.c.session.Header(wire.ExecuteRequest)
	content, err := json.Marshal(map[string]any{"code": code, "silent": true})
	if err != nil {
		r.c.tb.Fatal(err)
	}
	p := repeatable{channel, id, &wire.Message{Route: [][]byte{[]byte(r.uuid), []byte("a client")}, RawHeader: header, Content: content}}
	r.c.repeat(p)
	return p
}

// repeat sends a request, perhaps once more, and then as another message.
func (c *controller) repeat(p repeatable) {
	c.tb.Helper()
	c.repeats++
	p.message.Metadata = fmt.Appendf(nil, `{"sent":%d}`, c.repeats)
	if err := c.sockets[p.channel].Send(c.session.Encode(p.message)); err != nil {
		c.tb.Fatal(err)
	}
}

// Of a task that the scheduler gets back nothing is kept: it may come again.
func TestGivenBack(t *testing.T) {
	r := restored(t, Config{})
	running := r.waiting()
	task, direct := r.sent("task", "n := 1"), r.sent("mux", "m := 1")
	r.settle()
	r.reply(r.request("abort_request", map[string]any{"msg_ids": []wire.MsgID{task.id, direct.id}}))
	for _, id := range []wire.MsgID{task.id, direct.id} {
		if _, c := r.reply(id); c.Status != wire.StatusAborted {
			t.Errorf("aborted: %+v", c)
		}
	}
	r.has(r.again("a0000002"), running, direct.id)
	r.interrupt()
	r.interrupted(running)
	// The same message as before: the controller that comes does not know that it is.
	r.c.sockets["task"].Send(r.c.session.Encode(task.message))
	if _, c := r.reply(task.id); c.Status != wire.StatusOK {
		t.Errorf("sent again: %+v", c)
	}
}

// missed returns when the engine has noticed that its controller is gone. What it
// has published until then may be lost with the connection.
func (r *engineRun) missed() {
	r.c.tb.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		r.pub.mu.Lock()
		away := r.pub.away
		r.pub.mu.Unlock()
		if away {
			return
		}
		if time.Now().After(deadline) {
			r.c.tb.Fatal("the engine does not miss its controller")
		}
	}
}

// What is printed while the controller is away waits for it, in order.
func TestOutputWaits(t *testing.T) {
	r := restored(t, Config{})
	r.c.attentive = true
	restore, err := r.capture()
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	id := r.apply("test.Wait")
	for r.c.next("iopub").Header.MsgType != "stream" { // it has begun
	}
	r.c.die()
	r.missed()
	for i := range 5 {
		r.out.write("stdout", fmt.Appendf(nil, "%d", i))
		r.out.sync()
	}
	r.c.stand("a0000002")
	r.has(r.c.accept(r), id)
	r.interrupt()
	if stdout, _, _ := r.output(id); stdout != "01234" {
		t.Errorf("output %q", stdout)
	}
}

// A controller that is killed while the engine registers with it again is
// nothing but one more that is gone.
func TestKilledDuringRejoin(t *testing.T) {
	r := restored(t, Config{Timeout: 100 * time.Millisecond})
	done := r.apply("test.Nop")
	r.value(done)
	for i := 2; i < 4; i++ {
		r.c.die()
		r.c.stand(fmt.Sprintf("a000000%d", i))
		stop := r.c.beat()
		r.has(r.c.asked(r), done) // and is not answered
		stop()
	}
	r.has(r.again("a0000004"), done)
	r.about(wire.Resend, done)
	r.value(done)
}

// A controller that keeps no records knows nothing of earlier ones, and may give
// the engine another id.
func TestRejoinForgetful(t *testing.T) {
	r := restored(t, Config{})
	done := r.apply("test.Nop")
	r.value(done)
	r.c.die()
	r.c.stand("a0000002")
	r.c.acknowledges = false
	stop := r.c.beat()
	r.has(r.c.asked(r), done)
	r.id = 9
	r.c.send("registration", []byte(r.uuid), wire.RegistrationReply, nil,
		wire.Registered{Status: wire.StatusOK, ID: 9, HeartPeriod: 3000, Instance: r.c.instance})
	r.c.find(func(ev event) bool { return ev.channel == "hb_pong" })
	stop()
	r.about(wire.Resend, done) // of no effect
	id := r.execute("fmt.Print(1)\npanic(2)")
	shown := r.c.find(func(ev event) bool { return ev.channel == "iopub" && ev.Header.MsgType == "stream" })
	if _, c := r.reply(id); shown.topic != "engine.9.stdout" || c.EngineInfo == nil || c.EngineInfo.EngineID != 9 {
		t.Errorf("shown as %s, reply of engine %+v", shown.topic, c.EngineInfo)
	}
	r.id = 7
	r.c.die()
	r.c.stand("a0000003")
	defer r.c.beat()()
	if reg := r.c.asked(r); len(reg.Tasks) != 0 || *reg.ID != 9 {
		t.Errorf("registers again as %+v", reg)
	}
}

// Where the next controller stands elsewhere and has another key, the file says so.
func TestRejoinElsewhere(t *testing.T) {
	r := restored(t, Config{})
	done := r.apply("test.Nop")
	r.value(done)
	next := newController(t, r.c.network)
	next.session, next.conn.Key = wire.NewSession("another key", ""), "another key"
	if err := wire.WriteConnection(r.c.file, next.conn); err != nil {
		t.Fatal(err)
	}
	r.c.die()
	r.c = next
	if reg := next.accept(r); reg.ID != nil || reg.Tasks == nil || len(reg.Tasks) != 0 {
		t.Errorf("joins another cluster as %+v", reg)
	}
	r.value(r.apply("test.Nop"))
}

// Python's controllers beat with the time, which is no instance.
func TestBeatIsTime(t *testing.T) {
	r := restored(t, Config{})
	for _, ping := range []string{"12.25", "12345678.5", "a0000001.7", "a.b", ""} {
		r.c.sockets["hb_ping"].Send([][]byte{[]byte(ping)})
		r.c.find(func(ev event) bool { return ev.channel == "hb_pong" && ev.topic == ping })
	}
	r.value(r.apply("test.Nop"))
	r.c.sockets["hb_ping"].Send([][]byte{[]byte("a0000002.7")})
	r.has(r.c.accept(r), r.kept.ids()...)
}

// An engine whose controller is away ends when it is told to.
func TestEndWhileAway(t *testing.T) {
	r := restored(t, Config{})
	r.c.die()
	r.end()
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	r = restored(t, Config{Timeout: 10 * time.Millisecond})
	r.c.die()
	r.c.stand("a0000002")
	stop := r.c.beat()
	r.c.asked(r)
	stop()
	r.c.die()
	r.end()
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

// The last reply is kept, and of others the latest.
func TestKeptBound(t *testing.T) {
	k := newKept(100)
	k.keep(true)
	lost := 0
	for i := range 10 {
		id := wire.MsgID(fmt.Sprint(i))
		k.begin(id)
		_, _, n := k.answer(id, nil, false, [][]byte{make([]byte, 30)})
		lost += n
	}
	if found := k.find([]wire.MsgID{"6", "7", "8", "9"}); lost != 7 || len(found) != 3 || len(k.ids()) != 3 {
		t.Errorf("%d lost, %d found, kept %v", lost, len(found), k.ids())
	}
	k.begin("large")
	if _, _, n := k.answer("large", nil, false, [][]byte{make([]byte, 300)}); n != 3 || len(k.find([]wire.MsgID{"large"})) != 1 {
		t.Errorf("%d lost, kept %v", n, k.ids())
	}
	k.keep(false)
	if len(k.ids()) != 0 || k.size != 0 {
		t.Errorf("kept %v of %d bytes", k.ids(), k.size)
	}
}
