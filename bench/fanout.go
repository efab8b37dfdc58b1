package bench

import (
	"fmt"
	"time"

	"muster/client"
)

// fanOuts is how often a round calls all engines.
const fanOuts = 20

// fanOut calls many engines at once, which have nothing to do but to answer.
func (m measurement) fanOut() error {
	n := len(m.bare.workers)
	m.config.Progress(fmt.Sprintf("calls of %d simulated engines", n))
	request, err := frames()
	if err != nil {
		return err
	}
	views := m.each()
	calls := make([]*client.AsyncResult, n)
	broadcast := m.client.Broadcast(client.All)
	coalescing := broadcast.With(client.Coalescing())
	var times5 [5][]time.Duration
	for counted := range m.rounds(1) {
		for i, call := range []func() error{
			func() error { return m.bare.client.Pipeline(m.bare.workers, request, n, n) },
			func() error { return m.bare.client.Broadcast(request, n) },
			func() error {
				for i, v := range views {
					calls[i] = v.ApplyAsync(nothing)
				}
				for _, c := range calls {
					if _, err := c.Get(m.ctx); err != nil {
						return err
					}
				}
				return nil
			},
			func() error { _, err := broadcast.Apply(m.ctx, nothing); return err },
			func() error { _, err := coalescing.Apply(m.ctx, nothing); return err },
		} {
			d, err := times(fanOuts, call)
			if err != nil {
				return err
			}
			if counted {
				times5[i] = append(times5[i], d...)
			}
		}
	}
	f := FanOut{
		Engines: n,
		Bare:    latency(times5[0]), BareBroadcast: latency(times5[1]),
		Direct: latency(times5[2]), Broadcast: latency(times5[3]), Coalescing: latency(times5[4]),
	}
	f.DirectP50 = f.Direct.P50 / f.Bare.P50
	f.BroadcastP50, f.CoalescingP50 = f.Broadcast.P50/f.BareBroadcast.P50, f.Coalescing.P50/f.BareBroadcast.P50
	m.report.FanOut = &f
	return nil
}
