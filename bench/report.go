package bench

import (
	"slices"
	"time"
)

// A Report is what [Run] measured. Ratios are ours to the bare router's.
type Report struct {
	CPUs      int    `json:"cpus"`
	GoVersion string `json:"go_version"`
	Engines   int    `json:"engines"`

	RoundTrip  RoundTrip  `json:"round_trip"`
	Throughput Throughput `json:"throughput"`
	Transfer   Transfer   `json:"transfer"`
	Start      Start      `json:"start"`
	Memory     Memory     `json:"memory"`
	Idle       Idle       `json:"idle"`
}

// RoundTrip is the latency of one request at a time on one engine.
type RoundTrip struct {
	Execute    Latency `json:"execute"` // of an empty cell
	Apply      Latency `json:"apply"`   // of a function that does nothing
	Bare       Latency `json:"bare"`
	ExecuteP50 float64 `json:"execute_p50_to_bare"`
	ApplyP50   float64 `json:"apply_p50_to_bare"`
}

// Latency is the distribution of round trips, in microseconds.
type Latency struct {
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
}

func latency(d []time.Duration) Latency {
	slices.Sort(d)
	at := func(q float64) float64 { return float64(d[int(q*float64(len(d)-1))].Nanoseconds()) / 1e3 }
	return Latency{P50: at(0.50), P99: at(0.99)}
}

// Throughput is empty applies a second over all engines, many outstanding.
type Throughput struct {
	Requests    int     `json:"requests"`    // a round
	Outstanding int     `json:"outstanding"` // at any time
	Direct      float64 `json:"direct_per_s"`
	Task        float64 `json:"task_per_s"`
	Bare        float64 `json:"bare_per_s"`
	DirectRatio float64 `json:"direct_to_bare"`
	TaskRatio   float64 `json:"task_to_bare"`
}

// Transfer is the rate at which one array of float64 moves to and from one
// engine, in megabytes (1e6 bytes) a second.
type Transfer struct {
	Bytes     int     `json:"bytes"`
	Push      float64 `json:"push_mb_per_s"`
	Pull      float64 `json:"pull_mb_per_s"`
	BarePush  float64 `json:"bare_push_mb_per_s"`
	BarePull  float64 `json:"bare_pull_mb_per_s"`
	PushRatio float64 `json:"push_to_bare"`
	PullRatio float64 `json:"pull_to_bare"`
}

// Start is how long a cluster takes from nothing until all its engines are
// registered; the controller's own start is within.
type Start struct {
	Engines int     `json:"engines"`
	Seconds float64 `json:"seconds"`
}

// Memory is what processes hold resident, in megabytes (1e6 bytes).
type Memory struct {
	Controller float64 `json:"controller_rss_mb"`   // after the whole run
	Fresh      float64 `json:"fresh_controller_mb"` // with idle engines and no request yet
	Engine     float64 `json:"idle_engine_rss_mb"`  // one that has run nothing yet
}

// Idle is the processor time that engines with nothing to do take together, in
// percent of one core.
type Idle struct {
	Engines int     `json:"engines"`
	Seconds float64 `json:"seconds"`
	Percent float64 `json:"percent_of_one_core"`
}

// median of a few rounds.
func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
