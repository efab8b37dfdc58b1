package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"muster/transport"
	"muster/wire"
)

// ran counts the runs of the requests of TestRejoinStress, by engine and name.
var ran struct {
	sync.Mutex
	times map[string]int
}

var _ = Func("test.Ran", func(name string, wait time.Duration) {
	time.Sleep(wait)
	ran.Lock()
	defer ran.Unlock()
	ran.times[name]++
})

// A controller comes and goes at random. Whatever it has sent and not heard of
// it either finds with the engine or sends again; in the end every request was
// run once, and each reply could be had until it was acknowledged.
func TestRejoinStress(t *testing.T) {
	ran.times = make(map[string]int)
	networks := map[string]transport.Network{"memory": new(transport.Memory), "zmq": realNetwork(t)}
	for name, network := range networks {
		seeds := map[string]int{"memory": 12, "zmq": 2}[name]
		for seed := range seeds {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) { stress(t, network, uint64(seed)) })
		}
	}
}

func stress(t *testing.T, network transport.Network, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	c := newController(t, network)
	c.instance, c.acknowledges = "b0000000", true
	r := c.start(Config{Timeout: time.Second})
	type work struct {
		repeatable
		name            string
		answered, acked bool
	}
	var all []*work
	byID := make(map[wire.MsgID]*work)
	take := func(ev event) {
		if ev.Message == nil {
			return // a beat
		}
		if w := byID[ev.Parent.MsgID]; w != nil && ev.channel != "iopub" {
			w.answered = true
		}
	}
	send := func() {
		name := fmt.Sprintf("%s %d", t.Name(), len(all))
		code := fmt.Sprintf("ran(%q, %d)", name, rnd.IntN(2000)*1000)
		w := &work{name: name, repeatable: r.sent([]string{"mux", "task", "broadcast1"}[rnd.IntN(3)], code)}
		all, byID[w.id] = append(all, w), w
	}
	r.reply(r.execute("func ran(name string, wait time.Duration) { test.Ran(name, wait) }"))
	for life := 1; life <= 6; life++ {
		for range rnd.IntN(40) {
			switch rnd.IntN(4) {
			case 0, 1:
				send()
			case 2:
				select {
				case ev := <-c.events:
					take(ev)
				case <-time.After(time.Duration(rnd.IntN(3000)) * time.Microsecond):
				}
			case 3:
				for _, w := range all {
					if w.answered && !w.acked && rnd.IntN(2) == 0 {
						w.acked = true
						r.about(wire.Acknowledge, w.id)
					}
				}
			}
		}
		if rnd.IntN(3) == 0 {
			c.die()
			c.stand(fmt.Sprintf("c%07d", life))
			stop := c.beat()
			time.Sleep(time.Duration(rnd.IntN(20)) * time.Millisecond) // it is killed once more, at any moment
			stop()
		}
		c.die()
		for range rnd.IntN(3) {
			time.Sleep(time.Duration(rnd.IntN(5000)) * time.Microsecond)
		}
		c.stand(fmt.Sprintf("b%07d", life))
		reg := c.accept(r)
		for _, w := range all {
			has := slices.Contains(reg.Tasks, w.id)
			switch {
			case w.answered && !w.acked && !has:
				t.Errorf("life %d: the reply to %s was not acknowledged, and is not kept", life, w.name)
			case w.answered: // an acknowledgement may have been lost
			case has:
				r.about(wire.Resend, w.id)
			default:
				c.repeat(w.repeatable)
			}
		}
	}
	for _, w := range all {
		if !w.answered {
			ev, reply := r.reply(w.id)
			if take(ev); reply.Status != wire.StatusOK {
				t.Errorf("%s: %+v", w.name, reply)
			}
		}
		r.about(wire.Acknowledge, w.id)
	}
	r.settleControl()
	ran.Lock()
	defer ran.Unlock()
	t.Logf("%d requests", len(all))
	for _, w := range all {
		if ran.times[w.name] != 1 {
			t.Errorf("%s was run %d times", w.name, ran.times[w.name])
		}
	}
	if ids := r.kept.ids(); len(ids) > 1 { // the first cell was not acknowledged
		t.Errorf("kept in the end: %v", ids)
	}
}
