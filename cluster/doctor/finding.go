package doctor

import (
	"fmt"
	"strings"
)

// A State is how well something is.
type State string

const (
	OK      State = "ok"
	Warning State = "warning" // clusters start, but not all is as it should be
	Failure State = "failure" // clusters do not start, or not all of their engines
)

// A Finding is what a check has found.
type Finding struct {
	Check string `json:"check"` // a noun, as in "mpirun"
	State State  `json:"state"`
	Nodes string `json:"nodes,omitempty"` // the nodes that it is about; "" is this machine
	Found string `json:"found"`           // on one line
	Why   string `json:"why,omitempty"`   // it matters; "" if all is well
	Do    string `json:"do,omitempty"`    // about it
}

func ok(format string, args ...any) Finding { return Finding{State: OK, Found: sprint(format, args)} }

func warning(format string, args ...any) Finding {
	return Finding{State: Warning, Found: sprint(format, args)}
}

func failure(format string, args ...any) Finding {
	return Finding{State: Failure, Found: sprint(format, args)}
}

// sprint makes one line of what may be several, as errors are.
func sprint(format string, args []any) string {
	return strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
}

func (f Finding) because(why string) Finding {
	f.Why = why
	return f
}

func (f Finding) remedy(format string, args ...any) Finding {
	f.Do = sprint(format, args)
	return f
}
