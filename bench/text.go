package bench

import (
	"bytes"
	"fmt"
	"text/tabwriter"
)

// String is the report as a table: what was measured, ours, the bare router's,
// and the ratio of the two.
func (r *Report) String() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d CPUs, %s, load %.2f before\n", r.CPUs, r.GoVersion, r.Load)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(what, ours, bare string, ratio float64) {
		text := ""
		if ratio > 0 {
			text = fmt.Sprintf("%.2f", ratio)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", what, ours, bare, text)
	}
	alone := func(what, format string, args ...any) { row(what, fmt.Sprintf(format, args...), "", 0) }
	row("", "Muster", "bare router", 0)
	if s := r.Start; s != nil {
		row(fmt.Sprintf("start of %d engines", s.Engines), fmt.Sprintf("%.2f s", s.Seconds), fmt.Sprintf("%.2f s", s.Bare), s.Ratio)
		alone("these idle, of one core", "%.1f %%", s.IdlePercent)
		alone("an idle engine, resident", "%.0f MB", s.EngineRSS)
		alone("their controller, resident", "%.0f MB", s.ControllerRSS)
	}
	if t := r.RoundTrip; t != nil {
		row("round trip of an empty cell", t.Execute.text(), t.Bare.text(), t.ExecuteP50)
		row("round trip of an empty apply", t.Apply.text(), t.Bare.text(), t.ApplyP50)
	}
	if t := r.Throughput; t != nil {
		bare := fmt.Sprintf("%.0f /s", t.Bare)
		calls := func(what string, rate, ratio float64) { row(what, fmt.Sprintf("%.0f /s", rate), bare, ratio) }
		calls(fmt.Sprintf("empty applies, direct, %d engines", t.Engines), t.Direct, t.DirectRatio)
		calls(fmt.Sprintf("empty applies, load-balanced, %d engines", t.Engines), t.Task, t.TaskRatio)
		calls("items of a map, each a task", t.Map, t.MapRatio)
		alone(fmt.Sprintf("items of a map, %d a task", t.MapChunk), "%.0f /s", t.Chunked)
		costs := func(what string, c Cost) {
			row("processor time of "+what, c.text(), t.BareCPU.text(), c.sum()/t.BareCPU.sum())
		}
		costs("a direct call", t.DirectCPU)
		costs("a load-balanced call", t.TaskCPU)
		costs("an item that is a task", t.MapCPU)
		alone(fmt.Sprintf("processor time of an item of %d a task", t.MapChunk), "%s", t.ChunkedCPU.text())
	}
	for _, q := range r.Queue {
		alone(fmt.Sprintf("the scheduler alone, of a task, %d waiting", q.Waiting), "%.1f µs", q.Task)
	}
	if s := r.SQLite; s != nil {
		alone("load-balanced, recorded in SQLite", "%.0f /s, %.2f of %.0f /s in memory", s.Task, s.Ratio, s.Memory)
		alone("processor time of that", "%s, in memory %.1f", s.CPU.text(), s.MemoryCPU.sum())
	}
	if s := r.Results; s != nil {
		for _, h := range []Held{s.Tenth, s.All} {
			alone(fmt.Sprintf("resident after %d tasks", h.Results), "client %.0f MB, controller %.0f MB", h.Client, h.Controller)
		}
	}
	if s := r.Waiting; s != nil {
		alone(fmt.Sprintf("the controller's memory of each of %d waiting tasks", s.Tasks), "%.0f B, %d of them its message", s.Bytes, s.Message)
	}
	rate := func(what string, ours, bare, ratio float64) {
		row(what, fmt.Sprintf("%.0f MB/s", ours), fmt.Sprintf("%.0f MB/s", bare), ratio)
	}
	if t := r.Transfer; t != nil {
		rate(fmt.Sprintf("push of %d MB", t.Bytes/1e6), t.Push, t.BarePush, t.PushRatio)
		rate(fmt.Sprintf("pull of %d MB", t.Bytes/1e6), t.Pull, t.BarePull, t.PullRatio)
	}
	if f := r.FanOut; f != nil {
		row(fmt.Sprintf("empty apply on %d engines, as many messages", f.Engines), f.Direct.text(), f.Bare.text(), f.DirectP50)
		row("the same by broadcast", f.Broadcast.text(), f.BareBroadcast.text(), f.BroadcastP50)
		row("the same by broadcast, coalescing", f.Coalescing.text(), f.BareBroadcast.text(), f.CoalescingP50)
	}
	if p := r.Push; p != nil {
		what := fmt.Sprintf("push of %d MB to %d engines", p.Bytes/1e6, p.Engines)
		rate(what+"; bare: a message each", p.Rate, p.Bare, p.Ratio)
		rate("the same; bare: one that the router multiplies", p.Rate, p.BareBroadcast, p.BroadcastRatio)
		alone("memory for that, 1 engine", "client %.0f MB, controller %.0f MB", p.One.Client, p.One.Controller)
		alone(fmt.Sprintf("memory for that, %d engines", p.Engines), "client %.0f MB, controller %.0f MB", p.All.Client, p.All.Controller)
	}
	w.Flush()
	return b.String()
}

// text is the median, and the 99th percentile in parentheses.
func (l Latency) text() string {
	if l.P50 >= 1e4 {
		return fmt.Sprintf("%.1f ms (%.1f)", l.P50/1e3, l.P99/1e3)
	}
	return fmt.Sprintf("%.0f µs (%.0f)", l.P50, l.P99)
}

// text is the sum, and its parts in parentheses.
func (c Cost) text() string {
	return fmt.Sprintf("%.1f µs (client %.1f, controller %.1f, engines %.1f)", c.sum(), c.Client, c.Controller, c.Engines)
}
