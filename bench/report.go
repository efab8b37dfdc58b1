package bench

import (
	"cmp"
	"slices"
	"time"
)

// A Report is what [Run] measured: of the parts that were not asked for,
// nothing. Ratios are ours to the bare router's.
type Report struct {
	CPUs      int     `json:"cpus"`
	GoVersion string  `json:"go_version"`
	Load      float64 `json:"load"` // average of the minute before the run: what others did

	Start      *Start      `json:"start,omitempty"`
	RoundTrip  *RoundTrip  `json:"round_trip,omitempty"`
	Throughput *Throughput `json:"throughput,omitempty"`
	Queue      []Queued    `json:"queue,omitempty"`
	SQLite     *SQLite     `json:"sqlite,omitempty"`
	Results    *Results    `json:"results,omitempty"`
	Waiting    *Waiting    `json:"waiting,omitempty"`
	Transfer   *Transfer   `json:"transfer,omitempty"`
	FanOut     *FanOut     `json:"fan_out,omitempty"`
	Push       *Push       `json:"push,omitempty"`
}

// Start is how long a cluster takes from nothing until all its engines are
// registered, the controller's own start included, and how long as many bare
// workers and their router take until all have answered; and what the engines take
// when they have nothing to do: memory in megabytes (1e6 bytes), and processor time
// of all engines together in percent of one core.
type Start struct {
	Engines       int     `json:"engines"`
	Seconds       float64 `json:"seconds"`
	Bare          float64 `json:"bare_seconds"`
	Ratio         float64 `json:"to_bare"`
	ControllerRSS float64 `json:"controller_rss_mb"`
	EngineRSS     float64 `json:"engine_rss_mb"`
	IdleSeconds   float64 `json:"idle_seconds"`
	IdlePercent   float64 `json:"idle_percent_of_one_core"`
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

// Throughput is empty calls a second over all engines, many outstanding, and
// what each costs.
type Throughput struct {
	Engines     int     `json:"engines"`
	Requests    int     `json:"requests"`    // a round
	Outstanding int     `json:"outstanding"` // at any time
	Direct      float64 `json:"direct_per_s"`
	Task        float64 `json:"task_per_s"`
	Bare        float64 `json:"bare_per_s"`
	DirectRatio float64 `json:"direct_to_bare"`
	TaskRatio   float64 `json:"task_to_bare"`

	// A load-balanced map: of Requests items, each a task of its own, and of
	// MapItems, of which MapChunk are a task.
	Map      float64 `json:"map_item_per_s"`
	MapRatio float64 `json:"map_to_bare"`
	Chunked  float64 `json:"map_chunked_item_per_s"`
	MapChunk int     `json:"map_chunk"`
	MapItems int     `json:"map_items"`

	DirectCPU  Cost `json:"direct_cpu"`
	TaskCPU    Cost `json:"task_cpu"`
	MapCPU     Cost `json:"map_cpu"`         // of an item
	ChunkedCPU Cost `json:"map_chunked_cpu"` // of an item
	BareCPU    Cost `json:"bare_cpu"`        // its router, and its workers
}

// Cost is the processor time of one call, user and system, in microseconds: of
// the client, of the controller, and of all engines together. Other processes
// disturb it less than they do a rate.
type Cost struct {
	Client     float64 `json:"client_us"`
	Controller float64 `json:"controller_us"`
	Engines    float64 `json:"engines_us"`
}

// since is the cost of one of n calls, between two moments in seconds.
func (c Cost) since(before Cost, n int) Cost {
	per := 1e6 / float64(n)
	return Cost{per * (c.Client - before.Client), per * (c.Controller - before.Controller), per * (c.Engines - before.Engines)}
}

func (c Cost) sum() float64 { return c.Client + c.Controller + c.Engines }

// Results is what the client and the controller hold resident, in megabytes,
// after so many load-balanced tasks whose results were fetched and released: a
// tenth of all, then all.
type Results struct {
	Tenth Held `json:"tenth"`
	All   Held `json:"all"`
}

// Held is a moment of it.
type Held struct {
	Results    int     `json:"results"`
	Client     float64 `json:"client_rss_mb"`
	Controller float64 `json:"controller_rss_mb"`
}

// Queued is what the scheduler alone takes for a task, from its request to its
// reply, while so many wait: processor time in microseconds.
type Queued struct {
	Waiting int     `json:"waiting"`
	Task    float64 `json:"task_us"`
}

// SQLite is load-balanced tasks a second with the records in an SQLite
// database, and in memory, and what a task costs.
type SQLite struct {
	Requests    int     `json:"requests"`
	Outstanding int     `json:"outstanding"`
	Task        float64 `json:"task_per_s"`
	Memory      float64 `json:"memory_task_per_s"`
	Ratio       float64 `json:"to_memory"`
	CPU         Cost    `json:"task_cpu"`
	MemoryCPU   Cost    `json:"memory_task_cpu"`
}

// Waiting is by how many bytes the controller's resident memory grows with each
// task that waits, the bytes of its message among them.
type Waiting struct {
	Tasks   int     `json:"tasks"`
	Bytes   float64 `json:"bytes_per_task"`
	Message int     `json:"bytes_of_message"`
}

// Transfer is the rate at which one array of float64 moves to and from one
// engine, in megabytes (1e6 bytes) a second.
type Transfer struct {
	Bytes      int     `json:"bytes"`
	Push       float64 `json:"push_mb_per_s"`
	Pull       float64 `json:"pull_mb_per_s"`
	BarePush   float64 `json:"bare_push_mb_per_s"`
	BarePull   float64 `json:"bare_pull_mb_per_s"`
	PushRatio  float64 `json:"push_to_bare"`
	PullRatio  float64 `json:"pull_to_bare"`
	Controller float64 `json:"controller_rss_mb"` // after it
}

// FanOut is one empty apply on each of many simulated engines, until all have
// answered. Direct and Bare are as many messages from the client, Broadcast
// and BareBroadcast a single one.
type FanOut struct {
	Engines       int     `json:"engines"`
	Direct        Latency `json:"direct"`
	Broadcast     Latency `json:"broadcast"`
	Coalescing    Latency `json:"coalescing"`
	Bare          Latency `json:"bare"`
	BareBroadcast Latency `json:"bare_broadcast"`
	DirectP50     float64 `json:"direct_p50_to_bare"`
	BroadcastP50  float64 `json:"broadcast_p50_to_bare_broadcast"`
	CoalescingP50 float64 `json:"coalescing_p50_to_bare_broadcast"`
}

// Push is the rate at which one array gets to many engines, in megabytes that
// arrived a second, and the memory that it takes on the way. Bare is by a
// message for each worker, BareBroadcast by one that the router multiplies.
type Push struct {
	Engines        int     `json:"engines"`
	Bytes          int     `json:"bytes"`
	Rate           float64 `json:"mb_per_s"`
	Bare           float64 `json:"bare_mb_per_s"`
	BareBroadcast  float64 `json:"bare_broadcast_mb_per_s"`
	Ratio          float64 `json:"to_bare"`
	BroadcastRatio float64 `json:"to_bare_broadcast"`

	One Growth `json:"growth_one_engine"`
	All Growth `json:"growth_all_engines"`
}

// Growth is by how much the peak of resident memory during a push exceeds what
// was resident before, in megabytes.
type Growth struct {
	Client     float64 `json:"client_mb"`
	Controller float64 `json:"controller_mb"`
}

// median of a few rounds.
func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// medianCost is the round of the median sum.
func medianCost(x []Cost) Cost {
	slices.SortFunc(x, func(a, b Cost) int { return cmp.Compare(a.sum(), b.sum()) })
	return x[len(x)/2]
}
