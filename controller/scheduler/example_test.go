package scheduler_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"muster/controller/scheduler"
	"muster/wire"
)

// A machine takes one event at a time and says what is to be done.
func ExampleBalanced() {
	session := wire.NewSession("key", "")
	m := scheduler.NewBalanced(scheduler.BalancedConfig{Scheme: scheduler.LeastLoad, HWM: 1, Tick: 0.05}, rand.New(rand.NewPCG(1, 2)))
	m.Step(scheduler.EngineUp{ID: 0, UUID: "engine-0"})

	for range 2 {
		id, frames, err := session.Frames(wire.ApplyRequest, nil, nil, nil)
		if err != nil {
			panic(err)
		}
		frames = append([][]byte{[]byte("client")}, frames...)
		message, err := session.Inspect(frames)
		if err != nil {
			panic(err)
		}
		placed := false
		for _, a := range m.Step(scheduler.Request{Frames: frames, Message: message}) {
			if r, ok := a.(scheduler.Relay); ok {
				fmt.Printf("send to %s, for %s\n", r.Frames[0], r.Frames[1])
				placed = true
			}
		}
		if !placed {
			_, why, _ := strings.Cut(m.Explain(id), string(id))
			fmt.Println("the task" + strings.TrimPrefix(why, `"`))
		}
	}
	// Output:
	// send to engine-0, for client
	// the task waits for its turn (engines: 1, all busy; tasks that wait: 1).
}
