package bench

import (
	"context"
	"fmt"
	"time"

	"muster/client"
)

// busy is what an engine does until it is interrupted.
const busy = "for { time.Sleep(10 * time.Millisecond) }"

// waiting has very many tasks wait while all engines are at work, to see what
// each takes of the controller's memory.
func (m measurement) waiting() error {
	n := m.config.Waiting
	m.config.Progress(fmt.Sprintf("%d waiting tasks", n))
	message, err := frames()
	if err != nil {
		return err
	}
	balanced := m.client.LoadBalanced()
	if err := m.tasks(balanced, m.config.Requests); err != nil { // memory that comes with the first tasks
		return err
	}
	before, err := residentMB(m.controller)
	if err != nil {
		return err
	}
	work := m.client.Direct(client.All).ExecuteAsync(busy)
	defer m.client.Interrupt(context.WithoutCancel(m.ctx), client.All)
	results := make([]*client.AsyncResult, n)
	for i := range results {
		results[i] = balanced.ApplyAsync(nothing)
	}
	for {
		s, err := m.client.QueueStatus(m.ctx, client.All)
		if err != nil {
			return err
		}
		arrived := s.Unassigned
		for _, e := range s.Engines {
			arrived += e.Tasks
		}
		for _, ar := range results { // the first may have come before the engines were busy
			if ar.Ready() {
				arrived++
			}
		}
		if arrived >= n {
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-m.ctx.Done():
			return context.Cause(m.ctx)
		}
	}
	after, err := residentMB(m.controller)
	if err != nil {
		return err
	}
	w := Waiting{Tasks: n, Bytes: (after - before) * 1e6 / float64(n)}
	for _, f := range message {
		w.Message += len(f)
	}
	m.report.Waiting = &w
	if err := m.client.Interrupt(m.ctx, client.All); err != nil {
		return err
	}
	if err := work.Wait(m.ctx); err != nil {
		return err
	}
	for _, ar := range results {
		if _, err := ar.Get(m.ctx); err != nil {
			return err
		}
	}
	return nil
}
