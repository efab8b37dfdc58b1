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

// mapChunk is how many items a task of the chunked map has.
const mapChunk = 100

func (m measurement) throughput() error {
	m.config.Progress("requests a second")
	request, err := frames()
	if err != nil {
		return err
	}
	views := m.each()
	balanced := m.client.LoadBalanced()
	n, window := m.config.Requests, m.config.Outstanding
	items := make([]int, 10*n)
	mapped := func(v client.Mapper, items []int) error {
		_, err := client.Map[int](m.ctx, v, same, items)
		return err
	}
	t := Throughput{Engines: len(views), Requests: n, Outstanding: window, MapChunk: mapChunk, MapItems: len(items)}
	err = m.inTurn(
		load{&t.Bare, &t.BareCPU, n, m.spent, func() error { return m.bare.client.Pipeline(m.bare.workers, request, n, window) }},
		load{&t.Direct, &t.DirectCPU, n, m.spent, func() error {
			return m.pipeline(n, func(i int) *client.AsyncResult { return views[i%len(views)].ApplyAsync(nothing) })
		}},
		load{&t.Task, &t.TaskCPU, n, m.spent, func() error { return m.tasks(balanced, n) }},
		load{&t.Map, &t.MapCPU, n, m.spent, func() error { return mapped(balanced, items[:n]) }},
		load{&t.Chunked, &t.ChunkedCPU, len(items), m.spent, func() error { return mapped(balanced.With(client.Chunk(mapChunk)), items) }},
	)
	t.DirectRatio, t.TaskRatio, t.MapRatio = t.Direct/t.Bare, t.Task/t.Bare, t.Map/t.Bare
	m.report.Throughput = &t
	return err
}

// A load is calls whose rate is measured, and what each costs.
type load struct {
	rate  *float64 // calls a second
	cost  *Cost
	n     int // calls
	spent func() (Cost, error)
	run   func() error
}

// inTurn measures loads, round by round.
func (m measurement) inTurn(loads ...load) error {
	rates := make([][]float64, len(loads))
	costs := make([][]Cost, len(loads))
	for counted := range m.rounds(1) {
		for i, l := range loads {
			before, err := l.spent()
			if err != nil {
				return err
			}
			start := time.Now()
			if err := l.run(); err != nil {
				return err
			}
			took := time.Since(start).Seconds()
			after, err := l.spent()
			if err != nil {
				return err
			}
			if counted {
				rates[i] = append(rates[i], float64(l.n)/took)
				costs[i] = append(costs[i], after.since(before, l.n))
			}
		}
	}
	for i, l := range loads {
		*l.rate, *l.cost = median(rates[i]), medianCost(costs[i])
	}
	return nil
}

// tasks pipelines n empty tasks through the scheduler.
func (m measurement) tasks(v *client.LoadBalancedView, n int) error {
	return m.pipeline(n, func(int) *client.AsyncResult { return v.ApplyAsync(nothing) })
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
