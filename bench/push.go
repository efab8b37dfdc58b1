package bench

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"muster/client"
)

// push sends one array to many engines.
func (m measurement) push() error {
	n := len(m.bare.workers)
	m.config.Progress(fmt.Sprintf("one array to %d engines", n))
	vars := map[string]any{"array": sequence(m.config.Array / 8)}
	request, err := frames(make([]byte, m.config.Array))
	if err != nil {
		return err
	}
	one := m.client.Direct(client.Engines(m.client.IDs()[0]))
	all := m.client.Direct(client.All)
	p := Push{Engines: n, Bytes: m.config.Array}
	var rates [3][]float64
	for counted := range m.rounds(2) {
		for i, round := range []func() error{
			func() error { return m.bare.client.Pipeline(m.bare.workers, request, n, n) },
			func() error { return m.bare.client.Broadcast(request, n) },
			func() error { return all.Push(m.ctx, vars) },
		} {
			start := time.Now()
			if err := round(); err != nil {
				return err
			}
			if counted {
				rates[i] = append(rates[i], float64(n)*float64(m.config.Array)/1e6/time.Since(start).Seconds())
			}
		}
	}
	for _, g := range []struct {
		growth *Growth
		view   *client.DirectView
	}{{&p.One, one}, {&p.All, all}} {
		if *g.growth, err = m.growth(func() error { return g.view.Push(m.ctx, vars) }); err != nil {
			return err
		}
	}
	p.Bare, p.BareBroadcast, p.Rate = median(rates[0]), median(rates[1]), median(rates[2])
	p.Ratio, p.BroadcastRatio = p.Rate/p.Bare, p.Rate/p.BareBroadcast
	m.report.Push = &p
	return nil
}

// growth is by how much f makes the client, which is this process, and the
// controller grow: the most of as many calls as there are rounds, because
// garbage is collected at any time.
func (m measurement) growth(f func() error) (most Growth, err error) {
	for range m.config.Rounds {
		debug.FreeOSMemory()
		client, err := watchPeak(os.Getpid())
		if err != nil {
			return most, err
		}
		controller, err := watchPeak(m.controller)
		if err != nil {
			return most, err
		}
		if err := f(); err != nil {
			return most, err
		}
		c, err := client()
		if err != nil {
			return most, err
		}
		r, err := controller()
		if err != nil {
			return most, err
		}
		most.Client, most.Controller = max(most.Client, c), max(most.Controller, r)
	}
	return most, nil
}

// sequence is an array to send.
func sequence(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i)
	}
	return x
}
