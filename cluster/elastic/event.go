package elastic

// An Event is something that a Machine is told: Seen or Failed.
type Event interface{ event() }

// Seen is what there is.
type Seen struct {
	Ticks   int   // that have passed since the last Seen
	Waiting int   // tasks that wait for an engine, and that one more might take
	Late    int   // of these, those that take longer than the jobs of all engines last
	Sets    []Set // in the order in which they were added
}

// Failed is that a set could not be added or removed.
type Failed struct{ Why string }

func (Seen) event()   {}
func (Failed) event() {}

// A Set is one set of engines.
type Set struct {
	Name  string
	State State
	N     int // engines that it has, or will have
	Busy  int // engines that had something to do since the last Seen
	// Left is how many ticks its job has left; 0 if there is no telling.
	Left int
}

// State is a stage in the life of a set.
type State int

const (
	Queued State = iota
	Starting
	Running
	Leaving
)

// String is the state's name in lower case.
func (s State) String() string {
	return [...]string{"queued", "starting", "running", "leaving"}[s]
}

// An Action is something that a Machine wants done: Add, Remove or Hold.
type Action interface{ action() }

// Add adds sets.
type Add struct {
	Sets int
	Why  string // as in "25 tasks wait for 4 engines"
}

// Remove removes a set: its engines get no more tasks, finish what they have, and end.
type Remove struct {
	Name string
	Why  string // as in "its engines have nothing to do, and no task waits for them"
}

// Hold is that there will be no change for some time, because of a failure. There
// is nothing to be done but to tell of it.
type Hold struct {
	Ticks int
	Why   string
}

func (Add) action()    {}
func (Remove) action() {}
func (Hold) action()   {}
