package bench

import (
	"time"

	"muster/client"
)

func (m measurement) roundTrips() error {
	m.config.Progress("round trips")
	request, err := frames()
	if err != nil {
		return err
	}
	one := m.client.Direct(client.Engines(m.client.IDs()[0]))
	var all [3][]time.Duration
	for counted := range m.rounds(1) {
		for i, round := range []func(n int) ([]time.Duration, error){
			func(n int) ([]time.Duration, error) { return m.bare.roundTrips(n, request) },
			func(n int) ([]time.Duration, error) {
				return times(n, func() error { _, err := one.Execute(m.ctx, ""); return err })
			},
			func(n int) ([]time.Duration, error) {
				return times(n, func() error { _, err := one.Apply(m.ctx, nothing); return err })
			},
		} {
			d, err := round(m.config.RoundTrips)
			if err != nil {
				return err
			}
			if counted {
				all[i] = append(all[i], d...)
			}
		}
	}
	rt := RoundTrip{Bare: latency(all[0]), Execute: latency(all[1]), Apply: latency(all[2])}
	rt.ExecuteP50, rt.ApplyP50 = rt.Execute.P50/rt.Bare.P50, rt.Apply.P50/rt.Bare.P50
	m.report.RoundTrip = &rt
	return nil
}

func (m measurement) throughput() error {
	m.config.Progress("requests a second")
	request, err := frames()
	if err != nil {
		return err
	}
	views := m.each()
	balanced := m.client.LoadBalanced()
	n, window := m.config.Requests, m.config.Outstanding
	var rates [3][]float64
	for counted := range m.rounds(1) {
		for i, round := range []func() error{
			func() error { return m.bare.client.Pipeline(m.bare.workers, request, n, window) },
			func() error {
				return m.pipeline(n, func(i int) *client.AsyncResult { return views[i%len(views)].ApplyAsync(nothing) })
			},
			func() error {
				return m.pipeline(n, func(int) *client.AsyncResult { return balanced.ApplyAsync(nothing) })
			},
		} {
			start := time.Now()
			if err := round(); err != nil {
				return err
			}
			if counted {
				rates[i] = append(rates[i], float64(n)/time.Since(start).Seconds())
			}
		}
	}
	bare, direct, task := median(rates[0]), median(rates[1]), median(rates[2])
	m.report.Throughput = &Throughput{Engines: len(views), Requests: n, Outstanding: window, Bare: bare, Direct: direct, Task: task,
		DirectRatio: direct / bare, TaskRatio: task / bare}
	return nil
}

// pipeline sends n requests with a window of them outstanding, and gets each
// result.
func (m measurement) pipeline(n int, send func(i int) *client.AsyncResult) error {
	window := make([]*client.AsyncResult, m.config.Outstanding)
	for i := range n + len(window) {
		at := &window[i%len(window)]
		if *at != nil {
			if _, err := (*at).Get(m.ctx); err != nil {
				return err
			}
			*at = nil
		}
		if i < n {
			*at = send(i)
		}
	}
	return nil
}
