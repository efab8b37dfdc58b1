package hub

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// simulate plays random events to a hub and returns the transcript. check is
// called after every one.
func simulate(t *testing.T, seed uint64, steps int) string {
	rng := rand.New(rand.NewPCG(seed, 0))
	p := newPlayer(t)
	var transcript strings.Builder
	defer func() {
		if t.Failed() {
			lines := strings.SplitAfter(transcript.String(), "\n")
			t.Logf("seed %d, the last of %d lines:\n%s", seed, len(lines), strings.Join(lines[max(0, len(lines)-40):], ""))
		}
	}()
	pick := func(of string, n int) string { return fmt.Sprint(of, rng.IntN(n)) }
	kinds := []func() string{
		func() string { return "register " + pick("e", 8) },
		func() string { return "register " + pick("e", 8) + pick(" ", 12) },
		func() string { return "pong " + pick("e", 8) },
		func() string { return "pong " + pick("e", 8) },
		func() string { return "departed " + pick("e", 8) },
		func() string { return "unregister " + pick("", 12) },
		func() string { return "goodbye " + pick("e", 8) },
		func() string {
			return `ask registration_request {"uuid":"` + pick("e", 8) + `","pid":` + pick("4", 3) + `,"job":"j","rank":` + pick("", 3) + `}`
		},
		func() string { return `ask engine_ended_request {"pid":` + pick("4", 3) + `,"cause":"killed"}` },
		func() string {
			return `ask engine_ended_request {"job":"j","rank":` + pick("", 3) + `,"cause":"killed"}`
		},
		func() string { return "tick " + pick("", 5) + pick("", 10) },
		func() string { return "mux " + pick("e", 8) + pick(" t", 60) + pick(" ", 900) },
		func() string { return "mux " + pick("e", 8) + pick(" t", 60) },
		func() string { return "task " + pick("t", 60) },
		func() string { return "placed " + pick("t", 60) + pick(" e", 8) },
		func() string { return "placed " + pick("t", 60) },
		func() string { return "reply " + pick("t", 60) + pick(" ", 900) },
		func() string { return "reply " + pick("t", 60) },
		func() string { return "stdout " + pick("t", 60) + pick(" text", 9) },
		func() string { return `ask purge_request {"msg_ids":["` + pick("t", 60) + `"]}` },
		func() string { return `ask purge_request {"msg_ids":[],"engine_ids":[` + pick("", 12) + `]}` },
		func() string { return `ask resubmit_request {"msg_ids":["` + pick("t", 60) + `"]}` },
		func() string { return `ask result_request {"msg_ids":["` + pick("t", 60) + `"]}` },
		func() string {
			return `ask db_request {"query":{"queue":"mux"},"keys":["buffers","completed","error"]}`
		},
		func() string { return `ask purge_request {"msg_ids":"all"}` },
		func() string { return `ask queue_request {"targets":null,"verbose":true}` },
	}
	for range steps {
		line := kinds[rng.IntN(len(kinds))]()
		transcript.WriteString(line + "\n")
		for _, a := range p.apply(strings.Fields(line)) {
			transcript.WriteString("  " + a + "\n")
		}
	}
	return transcript.String()
}

// A seed gives the same transcript, byte for byte.
func TestSimulation(t *testing.T) {
	for seed := range uint64(100) {
		if first := simulate(t, seed, 400); first != simulate(t, seed, 400) {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
}

// A hub that is ticked only when it is due, and before each event, does what one
// does that is ticked all the time: it says truly when it wants a tick.
func TestDue(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 1))
		always, due := newPlayer(t), newPlayer(t)
		for range 300 {
			var a, d []string
			ticks := rng.IntN(40)
			for at := 1; at <= ticks; at++ {
				for _, line := range always.apply([]string{"tick", "1"}) {
					a = append(a, fmt.Sprint(at, " ", line))
				}
			}
			for at := 0; at < ticks; {
				n := min(due.m.Due(), ticks-at)
				at += n
				for _, line := range due.apply([]string{"tick", fmt.Sprint(n)}) {
					d = append(d, fmt.Sprint(at, " ", line))
				}
			}
			event := []string{[]string{"register", "pong", "departed", "goodbye"}[rng.IntN(4)], fmt.Sprint("e", rng.IntN(5))}
			a, d = append(a, always.apply(event)...), append(d, due.apply(event)...)
			if !slices.Equal(a, d) {
				t.Fatalf("seed %d, %d ticks and then %v: ticked always\n%s\nwhen due\n%s", seed, ticks, event, strings.Join(a, "\n"), strings.Join(d, "\n"))
			}
		}
	}
}
