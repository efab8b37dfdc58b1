package client

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"muster/numeric"
	"muster/transport"
	"muster/wire"
)

// Calls of all sizes, to all engines and to some, by every kind of view, go
// through a network that is as slow as it can be on each path by itself: every
// engine gets what this client has sent it in the order of sending, all of it
// and once.
func TestOrder(t *testing.T) {
	used := make(map[string]int)
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			story(t, 0, func(t *testing.T, f *fakeCluster, c *Client) {
				f.python = seed%4 == 3
				check(t, c.queryEngines(t.Context()))
				for range 5 {
					f.join()
				}
				synctest.Wait()
				p := newPost(t, f, c, rand.New(rand.NewPCG(seed, 1)))
				p.play()
				for what, n := range p.used {
					used[what] += n
				}
			})
		})
	}
	for _, what := range []string{"mux", "broadcast", "a change"} {
		if used[what] < 1000 {
			t.Errorf("too little to tell: of all messages were %v", used)
		}
	}
}

// post is a network between controller and engines, and back to the client.
// Each path keeps its order; none waits for another.
type post struct {
	t    *testing.T
	f    *fakeCluster
	c    *Client
	rng  *rand.Rand
	path map[string][]func() // what is under way
	sent map[EngineID][]int  // numbers of calls, in order
	got  map[EngineID][]int
	used map[string]int // messages by lane, and changes of lanes
	last map[EngineID]string
}

func newPost(t *testing.T, f *fakeCluster, c *Client, rng *rand.Rand) *post {
	p := &post{t: t, f: f, c: c, rng: rng, path: make(map[string][]func()), sent: make(map[EngineID][]int), got: make(map[EngineID][]int), used: make(map[string]int), last: make(map[EngineID]string)}
	f.post = func(s transport.Socket, e *fakeEngine, route [][]byte, m *wire.Message) {
		call, err := codec.DeserializeCall(m.Buffers)
		if err != nil {
			t.Error(err)
			return
		}
		number, err := numeric.To[int](call.Args[0])
		if err != nil {
			t.Error(err)
		}
		name := "mux"
		if _, ok := s.(caster); ok {
			name = "broadcast"
		}
		p.used[name]++
		if p.last[e.id] != name {
			p.used["a change"]++
		}
		p.last[e.id] = name
		there, back := fmt.Sprintf("%s to %d", name, e.id), fmt.Sprintf("%s from %d", name, e.id)
		p.path[there] = append(p.path[there], func() {
			p.got[e.id] = append(p.got[e.id], number)
			p.path[back] = append(p.path[back], func() {
				frames, _ := codec.Serialize(number)
				f.reply(s, route, m, map[string]any{"status": "ok", "engine": e.uuid}, map[string]string{"status": "ok"}, frames...)
			})
		})
	}
	return p
}

// deliver lets the first message of some path arrive.
func (p *post) deliver() bool {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	var names []string
	for name, messages := range p.path {
		if len(messages) > 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return false
	}
	slices.Sort(names)
	name := names[p.rng.IntN(len(names))]
	first := p.path[name][0]
	p.path[name] = p.path[name][1:]
	first()
	return true
}

// call makes a call of some kind on some engines.
func (p *post) call(number int) *AsyncResult {
	ids := p.c.IDs()
	p.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	ids = ids[:1+p.rng.IntN(len(ids))]
	for _, id := range ids {
		p.sent[id] = append(p.sent[id], number)
	}
	v, args := p.c.Direct(Engines(ids...)), []any{number}
	if p.rng.IntN(3) == 0 {
		args = append(args, make([]byte, broadcastBytes))
	}
	switch p.rng.IntN(8) {
	case 0:
		return p.c.Broadcast(Engines(ids...)).ApplyAsync(Ref("f"), args...)
	case 1:
		return p.c.Broadcast(Engines(ids...)).With(Coalescing()).ApplyAsync(Ref("f"), args...)
	case 2: // to each its own, as Scatter does
		engines, err := v.resolve(p.t.Context())
		check(p.t, err)
		requests := make([]*request, len(engines))
		for i := range requests {
			requests[i], err = applyRequest("f", append([]any{number, i}, args...)...)
			check(p.t, err)
		}
		return p.c.direct(&AsyncResult{what: "apply f", decode: applied}, v.settings, engines, requests...)
	}
	return v.ApplyAsync(Ref("f"), args...)
}

func (p *post) play() {
	var calls []*AsyncResult
	for number := range 150 {
		calls = append(calls, p.call(number))
		synctest.Wait()
		for pause := p.rng.IntN(12); pause == 0 || p.rng.IntN(10) < pause; { // now and then until all is idle
			if !p.deliver() {
				break
			}
			synctest.Wait()
		}
		if p.rng.IntN(30) == 0 {
			p.c.Flush()
		}
	}
	for p.deliver() {
		synctest.Wait()
	}
	for id, sent := range p.sent {
		if !slices.Equal(p.got[id], sent) {
			p.t.Errorf("engine %d got %v\nof %v", id, p.got[id], sent)
		}
	}
	for number, ar := range calls {
		values, err := ar.Get(p.t.Context())
		if err != nil && !errors.Is(err, ErrFlushed) {
			p.t.Errorf("call %d: %v", number, err)
		}
		for _, v := range values {
			if err == nil && v != number {
				p.t.Errorf("call %d returned %v", number, values)
			}
		}
	}
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	if len(p.c.pending)+len(p.c.wholes)+len(p.c.dropped) > 0 {
		p.t.Errorf("left: %d tasks, %d broadcasts, %d dropped", len(p.c.pending), len(p.c.wholes), len(p.c.dropped))
	}
	for _, e := range p.c.engines {
		if e.outstanding != [2]int{} {
			p.t.Errorf("engine %d has %v outstanding", e.id, e.outstanding)
		}
	}
}
