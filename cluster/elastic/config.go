package elastic

import "fmt"

// Config is what a machine goes by. Times are in ticks.
type Config struct {
	// Min and Max bound the number of sets. Sets that are queued, starting or
	// leaving count for Max; those that are leaving do not for Min.
	Min, Max int
	// N is the number of engines in a set that is added.
	N int
	// Backlog is how many tasks may wait for each engine. When there were more for
	// Patience, sets are added.
	Backlog  float64
	Patience int
	// Idle is how long a set is kept that nobody needs.
	Idle int
	// Pause is the time from one change to the next.
	Pause int
	// Start is how long the engines of a job that runs may take until the first is registered.
	Start int
}

// Validate refuses what cannot be followed.
func (c Config) Validate() error {
	switch {
	case c.Min < 0 || c.Max < 1 || c.Min > c.Max:
		return fmt.Errorf("elastic: from %d to %d sets: want at least one at most, and no more at least than at most", c.Min, c.Max)
	case c.N < 1:
		return fmt.Errorf("elastic: sets of %d engines: want one at least", c.N)
	case !(c.Backlog >= 0):
		return fmt.Errorf("elastic: a backlog of %v tasks for each engine: it must not be negative", c.Backlog)
	case c.Patience < 0 || c.Idle < 1 || c.Pause < 1 || c.Start < 1:
		return fmt.Errorf("elastic: patience %d, idle %d, pause %d, start %d: want one tick at least, or no patience", c.Patience, c.Idle, c.Pause, c.Start)
	}
	return nil
}
