package launcher

import (
	"cmp"
	"fmt"
	"time"
)

// ElasticConfig says how the number of sets of engines follows the load: section
// [engines.elastic] of a profile. A set is a whole job, of the size that the rest of
// [engines] says. Without a Max there is one set, whatever the load.
type ElasticConfig struct {
	// Min and Max bound the number of sets. Of Min 0 there is no engine while
	// nobody has work for one.
	Min int `toml:"min"`
	Max int `toml:"max"`
	// Backlog is how many tasks may wait for each engine, those included that are
	// still in the queue of a batch system; 0 is 1. When there have been more of them for
	// Patience, 0 is 10 s, sets are added: so many that they are enough, and at most
	// as many as there are, because nobody knows how long tasks take.
	Backlog  float64       `toml:"backlog"`
	Patience time.Duration `toml:"patience"`
	// Idle is how long a set is kept that has nothing to do, while no task waits; 0 is 5 m.
	Idle time.Duration `toml:"idle"`
	// Pause is the time from one change to the next; 0 is 30 s. It is doubled by each failure in
	// a row, up to 64 times itself.
	Pause time.Duration `toml:"pause"`
}

// On reports whether the number of sets follows the load.
func (e ElasticConfig) On() bool { return e.Max > 0 }

// Least is the number of sets that a cluster is started with.
func (e ElasticConfig) Least() int {
	if e.On() {
		return e.Min
	}
	return 1
}

// Or returns e with what is not said in it taken from o.
func (e ElasticConfig) Or(o ElasticConfig) ElasticConfig {
	if e.On() {
		o.Min, o.Max = e.Min, e.Max
	}
	return ElasticConfig{
		Min: o.Min, Max: o.Max, Backlog: cmp.Or(e.Backlog, o.Backlog),
		Patience: cmp.Or(e.Patience, o.Patience), Idle: cmp.Or(e.Idle, o.Idle), Pause: cmp.Or(e.Pause, o.Pause),
	}
}

// Filled is e with its defaults filled in.
func (e ElasticConfig) Filled() ElasticConfig {
	return e.Or(ElasticConfig{Backlog: 1, Patience: 10 * time.Second, Idle: 5 * time.Minute, Pause: 30 * time.Second})
}

// validate refuses what cannot be followed.
func (e ElasticConfig) validate() error {
	switch {
	case e == ElasticConfig{}:
		return nil
	case e.Max == 0:
		return fmt.Errorf("launcher: engines.elastic.max is not given: say how many sets of engines there may be (max = 8), or leave out [engines.elastic] for one that stays")
	case e.Min < 0 || e.Max < 0:
		return fmt.Errorf("launcher: engines.elastic is from %d to %d sets of engines: neither may be negative", e.Min, e.Max)
	case e.Min > e.Max:
		return fmt.Errorf("launcher: engines.elastic.min is %d, more than max, which is %d: the cluster has from min to max sets of engines", e.Min, e.Max)
	case !(e.Backlog >= 0):
		return fmt.Errorf("launcher: engines.elastic.backlog is %v: want how many tasks may wait for each engine, such as 2, or 0.1 for hardly any", e.Backlog)
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"patience", e.Patience}, {"idle", e.Idle}, {"pause", e.Pause}} {
		if d.value < 0 || d.value > 0 && d.value < time.Second {
			return fmt.Errorf(`launcher: engines.elastic.%s is %v: the load is looked at once a second: want "1s" or more`, d.key, d.value)
		}
	}
	return nil
}
