package bench

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"muster/client"
	"muster/transport/zmq/bare"
)

func (m measurement) transfer() error {
	m.config.Progress("megabytes a second")
	array := sequence(m.config.Array / 8)
	push, err := frames(make([]byte, m.config.Array))
	if err != nil {
		return err
	}
	pull := [][]byte{[]byte(bare.Give), []byte(strconv.Itoa(m.config.Array))}
	one := m.client.Direct(client.Engines(m.client.IDs()[0]))
	var back [][]float64
	var rates [4][]float64
	for counted := range m.rounds(4) {
		for i, round := range []func() error{
			func() error { _, err := m.bare.client.RoundTrip(m.bare.workers[0], push); return err },
			func() error { _, err := m.bare.client.RoundTrip(m.bare.workers[0], pull); return err },
			func() error { return one.Push(m.ctx, map[string]any{"array": array}) },
			func() (err error) { back, err = client.Get[[]float64](m.ctx, one, "array"); return err },
		} {
			start := time.Now()
			if err := round(); err != nil {
				return err
			}
			if counted {
				rates[i] = append(rates[i], float64(m.config.Array)/1e6/time.Since(start).Seconds())
			}
		}
	}
	if !slices.Equal(back[0], array) {
		return fmt.Errorf("bench: the array came back changed")
	}
	t := Transfer{Bytes: m.config.Array, BarePush: median(rates[0]), BarePull: median(rates[1]), Push: median(rates[2]), Pull: median(rates[3])}
	t.PushRatio, t.PullRatio = t.Push/t.BarePush, t.Pull/t.BarePull
	if t.Controller, err = residentMB(m.controller); err != nil {
		return err
	}
	m.report.Transfer = &t
	return nil
}
