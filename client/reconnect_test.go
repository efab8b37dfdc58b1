package client

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"muster/numeric"
	"muster/transport"
	"muster/wire"
)

// restorable is a fake cluster whose controller is killed and restored. What it
// has recorded when it is killed it knows afterwards; its engines know what they
// have, and keep their replies.
type restorable struct {
	*fakeCluster
	records  map[wire.MsgID]*fakeRecord // what the controller knows
	work     map[wire.MsgID]*fakeWork   // what engines know
	arrived  []string                   // requests since then, in order, and how they came
	numbers  []any                      // and their arguments
	lossy    bool                       // requests get lost on their way
	silent   bool                       // so do replies
	detached bool                       // and requests on their way to engines
	mum      bool                       // and what engines print
	signed   map[string]bool            // all that was ever received
}

type fakeRecord struct {
	socket    transport.Socket
	route     [][]byte
	m         *wire.Message
	committed bool
}

type fakeWork struct {
	id     wire.MsgID
	engine *fakeEngine
	m      *wire.Message
	value  any
	runs   int
	answer bool
	told   int // replies sent to the client
}

// restore is a story about such a cluster.
func restore(t *testing.T, n int, tell func(t *testing.T, f *restorable, c *Client)) {
	lasting(t, n, func(f *restorable) { f.restores = true }, tell)
}

// far is a story about one that is far, and is never restored.
func far(t *testing.T, n int, tell func(t *testing.T, f *restorable, c *Client)) {
	lasting(t, n, func(f *restorable) {
		f.remembers = true
		f.conn.Via = "login"
		check(t, wire.WriteConnection(f.file, &f.conn))
	}, tell)
}

func lasting(t *testing.T, n int, prepare func(*restorable), tell func(t *testing.T, f *restorable, c *Client)) {
	synctest.Test(t, func(t *testing.T) {
		f := &restorable{
			fakeCluster: newFakeCluster(t, n), records: make(map[wire.MsgID]*fakeRecord), work: make(map[wire.MsgID]*fakeWork), signed: make(map[string]bool),
		}
		defer f.close()
		f.instance = wire.NewInstance()
		f.post = f.admit
		prepare(f)
		c := f.connect()
		tell(t, f, c)
		f.sanity(t, c)
		check(t, c.Close())
	})
}

// kill ends the controller as a signal 9 does.
func (f *restorable) kill() {
	f.close()
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.records, func(_ wire.MsgID, r *fakeRecord) bool { return !r.committed })
	f.lossy, f.silent, f.detached, f.mum = false, false, false, false
	f.arrived, f.numbers = nil, nil
}

// start starts it again.
func (f *restorable) start() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instance = wire.NewInstance()
	f.open()
}

// cut ends the connections, and the controller goes on. mend makes new ones possible.
func (f *restorable) cut() {
	f.close()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lossy, f.silent, f.mum = false, false, false
}

func (f *restorable) mend() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open()
}

// admit takes in work.
func (f *restorable) admit(s transport.Socket, e *fakeEngine, route [][]byte, m *wire.Message) {
	if f.lossy {
		return
	}
	id := m.Header.MsgID
	dicts := fmt.Sprintf("%s %s %s", m.RawHeader, m.Metadata, m.Content)
	if f.signed[dicts] {
		f.t.Errorf("a replay of %s", id)
	}
	f.signed[dicts] = true
	var metadata struct {
		Again    bool `json:"again"`
		Sendings int  `json:"sendings"`
	}
	if err := json.Unmarshal(m.Metadata, &metadata); err != nil {
		f.t.Error(err)
	}
	stub := len(m.Buffers) == 0
	r, w := f.records[id], f.work[id]
	what := "new"
	switch {
	case stub && r == nil && w != nil && w.told > 0 && metadata.Again:
		what, m = "answered", w.m // which the controller has forgotten
	case stub && r == nil:
		f.t.Errorf("a stub of %s, which was not acknowledged", id)
		return
	case stub && (string(m.Content) != "{}" || !metadata.Again):
		f.t.Errorf("a stub of metadata %s and content %s", m.Metadata, m.Content)
	case stub:
		what = "stub"
	case metadata.Again:
		what = "again"
	case w != nil:
		f.t.Errorf("%s arrived twice, and was not marked", id)
	}
	if c, ok := s.(caster); ok {
		what += " broadcast"
		s = c
	}
	f.arrived = append(f.arrived, what)
	if r == nil {
		r = &fakeRecord{m: m}
		f.records[id] = r
	}
	r.socket, r.route = s, route
	if w == nil && !f.detached {
		m = r.m
		call, err := codec.DeserializeCall(m.Buffers)
		if err != nil {
			f.t.Error(err)
			return
		}
		w = &fakeWork{id: id, engine: e, m: m}
		if w.value, err = numeric.To[int](call.Args[0]); err != nil {
			f.t.Error(err)
		}
		f.work[id] = w
		if !f.hold {
			f.perform(w)
		}
	}
	if w != nil {
		f.numbers = append(f.numbers, w.value)
	}
	if w != nil && w.answer {
		f.tell(w)
	}
}

// perform has an engine do what it has, and answer.
func (f *restorable) perform(w *fakeWork) {
	w.runs++
	if !f.mum {
		f.publish(w.engine, w.m, "stream", map[string]any{"name": "stdout", "text": "out\n"})
	}
	w.answer = true
}

// tell sends a reply, if somebody is to have it.
func (f *restorable) tell(w *fakeWork) {
	if r := f.records[w.id]; r != nil && !f.silent {
		frames, _ := codec.Serialize(w.value)
		metadata := map[string]any{"status": "ok", "engine": w.engine.uuid, "started": wire.Now(), wire.Outputs: 1}
		f.reply(r.socket, r.route, w.m, metadata, map[string]string{"status": "ok"}, frames...)
		w.told++
	}
}

// finish has the engines do some of what they have, all if rng is nil.
func (f *restorable) finish(rng *rand.Rand) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(f.work)) {
		if w := f.work[id]; !w.answer && (rng == nil || rng.IntN(2) == 0) {
			f.perform(w)
			f.tell(w)
		}
	}
}

// came is what has arrived since the controller was started.
func (f *restorable) came() (how []string, numbers []any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.arrived), slices.Clone(f.numbers)
}

// commit records what has come, and says so.
func (f *restorable) commit() {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []wire.MsgID
	var client []byte // there is one
	for _, id := range slices.Sorted(maps.Keys(f.records)) {
		if r := f.records[id]; !r.committed {
			r.committed = true
			ids, client = append(ids, id), []byte(r.m.Header.Session)
		}
	}
	if len(ids) > 0 {
		_, frames, err := f.session.Frames(wire.Acknowledge, nil, nil, wire.MsgIDs{MsgIDs: ids})
		check(f.t, err)
		f.query.Send(append([][]byte{client}, frames...))
	}
}

// once checks that everything was run exactly once.
func (f *restorable) once() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, w := range f.work {
		if w.runs != 1 {
			f.t.Errorf("%s was run %d times", id, w.runs)
		}
	}
}

var viewKinds = map[string]func(c *Client, args ...any) *AsyncResult{
	"direct":    func(c *Client, args ...any) *AsyncResult { return c.Direct(All).ApplyAsync(Ref("f"), args...) },
	"balanced":  func(c *Client, args ...any) *AsyncResult { return c.LoadBalanced().ApplyAsync(Ref("f"), args...) },
	"broadcast": func(c *Client, args ...any) *AsyncResult { return c.Broadcast(All).ApplyAsync(Ref("f"), args...) },
	"coalescing": func(c *Client, args ...any) *AsyncResult {
		return c.Broadcast(All).With(Coalescing()).ApplyAsync(Ref("f"), args...)
	},
}

// A controller that was killed before it had recorded an answer is told of the
// request, before those that may depend on it, until it has.
func TestAnsweredBeforeRecorded(t *testing.T) {
	restore(t, 1, func(t *testing.T, f *restorable, c *Client) {
		again := func(want ...string) {
			t.Helper()
			f.kill()
			time.Sleep(time.Second)
			f.start()
			time.Sleep(2 * seekPeriod)
			arrived, _ := f.came()
			equal(t, arrived, want)
		}
		for i := range 2 {
			_, err := c.LoadBalanced().ApplyAsync(Ref("f"), i).Get(t.Context())
			check(t, err)
		}
		f.mu.Lock()
		f.hold = true
		f.mu.Unlock()
		ar := c.LoadBalanced().ApplyAsync(Ref("f"), 2)
		synctest.Wait()
		again("answered", "answered", "again")
		again("answered", "answered", "again")
		f.commit()
		synctest.Wait()
		again("stub")
		f.finish(nil)
		_, err := ar.Get(t.Context())
		check(t, err)
		again()
		f.once()
	})
}

// The controller is killed at every point of a call. Nobody notices.
func TestKilled(t *testing.T) {
	for name, point := range map[string]struct {
		before, meanwhile, after func(f *restorable)
		want                     string // how the request arrives again
		lost                     bool   // what was printed while no controller stood
	}{
		"before it has the request": {
			before: func(f *restorable) { f.lossy = true }, want: "again",
		},
		"before the engine has it": {
			before: func(f *restorable) { f.detached = true }, want: "again",
		},
		"before it has recorded the request": {
			before: func(f *restorable) { f.hold = true }, want: "again",
			after: func(f *restorable) { f.finish(nil) },
		},
		"while the engine works": {
			before: func(f *restorable) { f.hold = true }, want: "stub",
			after: func(f *restorable) { f.finish(nil) },
		},
		"and the engine ends meanwhile": {
			before: func(f *restorable) { f.hold = true }, want: "stub", lost: true,
			meanwhile: func(f *restorable) { f.finish(nil) },
		},
		"before it has passed the reply on": {
			before: func(f *restorable) { f.silent = true }, want: "stub",
		},
		"before it has passed the reply on or recorded the request": {
			before: func(f *restorable) { f.silent = true }, want: "again",
		},
		"before it has passed the output on": {
			before: func(f *restorable) { f.mum = true }, want: "answered", lost: true,
		},
	} {
		for kind, call := range viewKinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				restore(t, 3, func(t *testing.T, f *restorable, c *Client) {
					f.mu.Lock()
					point.before(f)
					f.mu.Unlock()
					x := make([]float64, 2000)
					ar := call(c, 5, x)
					x[7] = 1
					synctest.Wait()
					if point.want == "stub" {
						f.commit()
						synctest.Wait()
					}
					f.kill()
					synctest.Wait()
					if point.meanwhile != nil {
						point.meanwhile(f)
					}
					time.Sleep(3 * time.Second)
					f.start()
					time.Sleep(2 * seekPeriod)
					begun := time.Now()
					if point.after != nil {
						point.after(f)
					}
					values, err := ar.Get(t.Context())
					check(t, err)
					for _, v := range values {
						equal(t, v, 5)
					}
					var want []string
					if point.want != "" {
						want = slices.Repeat([]string{point.want}, len(values))
					}
					arrived, _ := f.came()
					equal(t, arrived, want)
					for _, r := range ar.Metadata() {
						equal(t, r.OutputLost, point.lost)
					}
					if took := time.Since(begun); took > 2*time.Second {
						t.Errorf("the answer took %v", took)
					}
					f.once()
					for _, w := range f.work {
						got, err := codec.DeserializeCall(w.m.Buffers)
						check(t, err)
						equal(t, got.Args[1], any(make([]float64, len(x))))
					}
				})
			})
		}
	}
}
