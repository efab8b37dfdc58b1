package engine

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/wire"
)

// turnedAway checks a request that an engine does not run any more: it is an
// error, or a task that goes elsewhere.
func (r *engineRun) turnedAway(id wire.MsgID, task bool, why string) {
	r.c.tb.Helper()
	ev, reply := r.reply(id)
	ename, marks := wire.EngineDrains, []string{`"dependencies_met":true`, `"outputs":0`}
	if task {
		ename, marks = wire.UnmetDependency, []string{`"dependencies_met":false`, `"draining":true`}
	}
	if reply.Ename != ename || !strings.Contains(reply.Evalue, why) || string(reply.EngineInfo.EngineUUID) != r.uuid {
		r.c.tb.Errorf("turned away by %+v, want %s: .. %s", reply, ename, why)
	}
	for _, mark := range marks {
		if !strings.Contains(string(ev.Metadata), mark) {
			r.c.tb.Errorf("turned away with metadata %s, want %s", ev.Metadata, mark)
		}
	}
}

// queued sends a task of the queue.
func (r *engineRun) queued(code string) wire.MsgID {
	return r.c.send("task", []byte(r.uuid), wire.ExecuteRequest, nil, map[string]any{"code": code})
}

// An engine that drains gives its tasks back, refuses what comes, ends what it was
// asked before, runs the checkpoint, and says why it goes.
func TestDrain(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "checkpoint.go")
	if err := os.WriteFile(file, []byte("fmt.Println(`saving`, a)\nos.WriteFile(`"+dir+"/saved`, []byte(fmt.Sprint(a)), 0o600)"), 0o600); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(time.Hour)
	c := newController(t, realNetwork(t))
	c.instance = "a0000001"
	var log lockedBuffer
	r := c.start(Config{Checkpoint: file, JobEnd: end, Log: textLog(&log)})
	r.reply(r.execute("a := 6"))
	running := r.waiting()
	before := r.apply("func() { a = 7 }")
	given := []wire.MsgID{r.queued("1"), r.queued("2")}
	r.settle()
	r.Drain(NearlyOver)
	r.Drain("of no account: it drains already")
	ev := c.next("registration")
	if ev.Header.MsgType != wire.EngineDraining || string(ev.Content) != `{"uuid":"`+r.uuid+`"}` {
		t.Errorf("told the hub %s %s", ev.Header.MsgType, ev.Content)
	}
	for _, id := range given {
		r.turnedAway(id, true, "draining: its job ends at "+end.Local().Format("15:04"))
	}
	r.turnedAway(r.execute("a = 8"), false, "engine 7 is draining: its job ends at ")
	r.turnedAway(r.queued("3"), true, "engine 7 is draining")
	r.turnedAway(r.broadcast("b"), false, "engine 7 is draining")

	r.interrupt()
	r.interrupted(running)
	if _, reply := r.reply(before); reply.Status != wire.StatusOK {
		t.Errorf("what was queued before: %+v", reply)
	}
	if err := r.wait(); err != nil {
		t.Error(err)
	}
	ev = c.next("registration")
	if ev.Header.MsgType != wire.UnregistrationRequest || string(ev.Content) != `{"id":7,"cause":"its job's time was nearly over"}` {
		t.Errorf("left by %s %s", ev.Header.MsgType, ev.Content)
	}
	if saved, err := os.ReadFile(dir + "/saved"); string(saved) != "7" {
		t.Errorf("saved %q, %v", saved, err)
	}
	if !strings.Contains(log.String(), `msg="saving 7" stream=stdout`) {
		t.Errorf("what the checkpoint prints is not in the log:\n%s", log.String())
	}
}

// A client may ask for it, and says why. A checkpoint that fails is told.
func TestDrainRequest(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "checkpoint.go")
	if err := os.WriteFile(file, []byte("panic(`the disk is full`)"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ content, want string }{
		{`{"cause":"it was idle"}`, "it was idle; its checkpoint failed"},
		{`{}`, "a client has asked it to drain; its checkpoint failed"},
	} {
		c := newController(t, realNetwork(t))
		var log lockedBuffer
		r := c.start(Config{Checkpoint: file, Log: textLog(&log)})
		r.failsWith(r.request(wire.DrainRequest, json.RawMessage(`{"cause":1}`)), ValueError, "drain_request: ")
		if ev, reply := r.reply(r.request(wire.DrainRequest, json.RawMessage(x.content))); reply.Status != wire.StatusOK {
			t.Errorf("drain: %s", ev.Content)
		}
		ev := c.next("registration") // this controller is ipyparallel's, and is not told the rest
		var left wire.Unregistration
		if err := json.Unmarshal(ev.Content, &left); err != nil || ev.Header.MsgType != wire.UnregistrationRequest || left.Cause != x.want {
			t.Errorf("left by %s %s, want the cause %q", ev.Header.MsgType, ev.Content, x.want)
		}
		if err := r.wait(); err != nil {
			t.Error(err)
		}
		if text := log.String(); !strings.Contains(text, "the disk is full") || !strings.Contains(text, "level=ERROR") {
			t.Errorf("the log says\n%s", text)
		}
	}
}

// SIGUSR1 has a process drain, once; so has SIGTERM where the job may be preempted.
func TestDrainBySignal(t *testing.T) {
	t.Run("SIGUSR1", func(t *testing.T) {
		p := newProcess(t)
		running := p.waiting()
		for range 2 {
			p.cmd.Process.Signal(syscall.SIGUSR1)
		}
		for late := time.Now().Add(limit); !strings.Contains(p.log.String(), "msg=draining"); time.Sleep(time.Millisecond) {
			if time.Now().After(late) {
				t.Fatal("it does not drain")
			}
		}
		p.turnedAway(p.execute("1"), false, "engine 7 is draining: "+NearlyOver)
		p.interrupt()
		p.interrupted(running)
		p.leaves(NearlyOver)
	})
	t.Run("SIGTERM", func(t *testing.T) {
		p := newProcess(t, jobGraceVar+"=30")
		p.cmd.Process.Signal(syscall.SIGTERM)
		p.leaves("its job is preempted")
	})
	t.Run("before it is registered", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(dir+"/startup.go", []byte("os.WriteFile(`"+dir+"/began`, nil, 0o600); select {}"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd, _ := command(t, nil, "--file="+dir+"/none.json", "--startup="+dir+"/startup.go")
		for late := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(dir + "/began"); err == nil {
				break
			}
			if time.Now().After(late) {
				t.Fatal("the startup file is not run")
			}
		}
		cmd.Process.Signal(syscall.SIGUSR1)
		if err := ends(cmd); err != nil {
			t.Error(err)
		}
	})
}

// leaves checks that a process says why it goes, and ends well.
func (p *process) leaves(cause string) {
	p.c.tb.Helper()
	var left wire.Unregistration
	ev := p.c.next("registration")
	if err := json.Unmarshal(ev.Content, &left); err != nil || ev.Header.MsgType != wire.UnregistrationRequest || left.Cause != cause {
		p.c.tb.Errorf("left by %s %s", ev.Header.MsgType, ev.Content)
	}
	if status := p.ended(); status != 0 {
		p.c.tb.Errorf("exit status %d", status)
	}
}

// One that drains while its controller is away keeps the state, and leaves with
// its replies acknowledged.
func TestDrainWithoutController(t *testing.T) {
	c := newController(t, realNetwork(t))
	c.instance, c.acknowledges = "a0000001", true
	r := c.start(Config{})
	running := r.waiting()
	task := r.queued("1")
	r.settle()
	c.die()
	r.Drain("a test")
	reg := r.again("a0000002")
	if !reg.Draining || len(reg.Tasks) != 1 || reg.Tasks[0] != running {
		t.Errorf("registers again with %+v, and not without %s", reg, task)
	}
	r.interrupt()
	r.interrupted(running)
	select {
	case err := <-r.ended:
		t.Fatalf("it left, %v, and its reply was not acknowledged", err)
	case <-time.After(3 * inFlight):
	}
	c.send("control", []byte(r.uuid), wire.Acknowledge, nil, wire.MsgIDs{MsgIDs: []wire.MsgID{running}})
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

// What a checkpoint prints is logged up to the limit.
func TestDrainOutput(t *testing.T) {
	var log lockedBuffer
	o := newOutputs(20)
	o.divert(textLog(&log))
	for range 3 {
		o.writer("stderr").Write([]byte("ten bytes\n"))
	}
	o.divert(nil)
	if n := strings.Count(log.String(), `msg="ten bytes" stream=stderr`); n != 2 {
		t.Errorf("%d lines were logged:\n%s", n, log.String())
	}
}

// A file that is wanted at the end is looked for at the beginning.
func TestCheckpointMissing(t *testing.T) {
	cmd, log := command(t, nil, "--file=f", "--checkpoint=/no/such/checkpoint.go")
	ends(cmd)
	if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(log.String(), "ipengine: engine: checkpoint: open /no/such/checkpoint.go: no such file") {
		t.Errorf("status %d: %s", status, log)
	}
}

func textLog(b *lockedBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }
