package scheduler

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"muster/wire"
)

// farm is a Balanced with engines, and a client that gives it tasks as they
// come from a socket.
type farm struct {
	b       testing.TB
	m       *Balanced
	session *wire.Session
	busy    []work // of the engines, oldest first
	asked   []wire.MsgID
}

type work struct {
	id     wire.MsgID
	frames [][]byte
}

func newFarm(b testing.TB, cfg BalancedConfig, engines int) *farm {
	cfg.Tick = 0.05
	f := &farm{b: b, m: NewBalanced(cfg, rand.New(rand.NewPCG(1, 2))), session: wire.NewSession("", "")}
	for i := range engines {
		f.m.Step(EngineUp{wire.EngineID(i), f.engine(i), 0})
	}
	return f
}

// engine returns the uuid of an engine, which is as long as in life.
func (f *farm) engine(i int) wire.EngineUUID {
	return wire.EngineUUID(fmt.Sprintf("%08d-0123456789abcdef01234567", i))
}

func (f *farm) request(metadata any) Request {
	id, frames, err := f.session.Frames(wire.ApplyRequest, nil, metadata, nil, []byte("a pickled function"), []byte("its arguments"))
	if err != nil {
		f.b.Fatal(err)
	}
	frames = append([][]byte{[]byte("client")}, frames...)
	for i := range frames {
		frames[i] = slices.Clone(frames[i])
	}
	m, err := f.session.Inspect(frames)
	if err != nil {
		f.b.Fatal(err)
	}
	f.asked = append(f.asked, id)
	return Request{frames, m}
}

func (f *farm) step(ev Event) {
	var id wire.MsgID
	for _, a := range f.m.Step(ev) {
		switch a := a.(type) {
		case Placed:
			id = a.Task
		case Relay:
			if a.To == ToEngine {
				f.busy = append(f.busy, work{id, a.Frames})
			}
		}
	}
}

var replyMetadata = []byte(`{"started":"2026-11-20T12:00:09.999000Z","dependencies_met":true,"engine":"00000000-0123456789abcdef01234567","status":"ok","outputs":0}`)

// finish has the engine that waits longest answer.
func (f *farm) finish() {
	w := f.busy[0]
	f.busy = f.busy[1:]
	f.step(Reply{w.frames, &wire.Message{Route: w.frames[:2], Parent: wire.Header{MsgID: w.id}, Metadata: replyMetadata}})
}

// kinds are options of tasks that wait in different ways.
var kinds = []struct {
	name     string
	metadata func(f *farm, i int) any
}{
	{"plain", func(*farm, int) any { return nil }},
	{"targets", func(f *farm, i int) any {
		return map[string]any{"targets": []wire.EngineUUID{f.engine(i % 64), f.engine(i * 7 % 64)}}
	}},
	{"priority", func(_ *farm, i int) any { return map[string]any{"priority": i * 7919 % 100} }},
	{"timeout", func(_ *farm, i int) any { return map[string]any{"timeout": 1000 + i*7919%100} }},
	{"after", func(f *farm, i int) any {
		if i < 2000 {
			return nil
		}
		return map[string]any{"after": []wire.MsgID{f.asked[len(f.asked)-1000]}}
	}},
}

// BenchmarkBalanced is a task and a reply with 64 engines, while more tasks
// wait. The time is the machine's, without what tests do around it.
func BenchmarkBalanced(b *testing.B) {
	for _, kind := range kinds {
		for _, waiting := range []int{0, 10, 1000, 1_000_000} {
			if waiting < 2000 && kind.name == "after" {
				continue
			}
			b.Run(fmt.Sprintf("%s/%d", kind.name, waiting), func(b *testing.B) {
				f := newFarm(b, BalancedConfig{Scheme: LeastLoad, HWM: 1}, 64)
				n := 0
				for ; n < 64*min(waiting, 1)+waiting; n++ {
					f.step(f.request(kind.metadata(f, n)))
				}
				const batch = 1000
				requests := make([]Request, batch)
				runtime.GC()
				b.ResetTimer()
				for i := 0; i < b.N; i++ {
					if i%batch == 0 {
						b.StopTimer()
						for k := range requests {
							requests[k] = f.request(kind.metadata(f, n))
							n++
						}
						b.StartTimer()
					}
					f.step(requests[i%batch])
					f.finish()
				}
			})
		}
	}
}

// A waiting task costs no more than 2 KB besides the bytes of its message, and
// nothing is left of it afterwards.
func TestMemory(t *testing.T) {
	const n = 20000
	for _, kind := range kinds {
		f := newFarm(t, BalancedConfig{Scheme: LeastLoad, HWM: 1}, 64)
		before := heap0()
		payload := 0
		for i := range n {
			r := f.request(kind.metadata(f, i))
			for _, frame := range r.Frames {
				payload += len(frame)
			}
			f.step(r)
		}
		f.asked = nil
		waiting := heap0() - before
		if per := (waiting - payload) / n; per > 2000 {
			t.Errorf("%s: a waiting task takes %d bytes besides its message of %d", kind.name, per, payload/n)
		} else {
			t.Logf("%s: a waiting task takes %d bytes besides its message of %d", kind.name, per, payload/n)
		}
		for len(f.busy) > 0 {
			f.finish()
		}
		f.busy = nil
		if left := (heap0() - before) / n; left > 20 {
			t.Errorf("%s: a finished task takes %d bytes", kind.name, left)
		}
		runtime.KeepAlive(f)
	}
}

func heap0() int {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int(s.HeapAlloc)
}
