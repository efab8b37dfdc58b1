package site

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Queue is where jobs are submitted to: a partition or a quality of service
// of Slurm, a queue of the others.
type Queue struct {
	Name  string   `toml:"name"`
	Nodes []string `toml:"nodes"` // the kinds of nodes that it has; none is all
	// Directives ask for it; without any it is asked for by its name.
	Directives []string `toml:"directives"`
	Range
	// Limits depend on the size of the job: those of the queues to which this one
	// routes, or of bins. None of these can be asked for by name.
	Limits []Limit `toml:"limits"`
	// OnRequest queues are taken by name alone: what runs there may be killed,
	// costs more, or is not for production. Note says which.
	OnRequest bool   `toml:"on_request"`
	Note      string `toml:"note"`
	Jobs      int    `toml:"jobs"` // of one user at once; 0 is not known
}

// A Limit is a Range that has a name: that of the queue that is routed to, or of
// the bin.
type Limit struct {
	Name string `toml:"name"`
	Range
}

// A Range is the jobs that a queue takes. 0 is no limit, or none that is known.
type Range struct {
	MinNodes int           `toml:"min_nodes"`
	MaxNodes int           `toml:"max_nodes"`
	MinTime  time.Duration `toml:"min_time"`
	MaxTime  time.Duration `toml:"max_time"`
}

func (r Range) validate(queue string) error {
	if r.MinNodes < 0 || r.MinTime < 0 || r.MaxNodes < 0 || r.MaxTime < 0 ||
		r.MaxNodes > 0 && r.MinNodes > r.MaxNodes || r.MaxTime > 0 && r.MinTime > r.MaxTime {
		return fmt.Errorf("site: queue %q: from %d to %d nodes, from %v to %v: no job fits", queue, r.MinNodes, r.MaxNodes, r.MinTime, r.MaxTime)
	}
	return nil
}

func (q Queue) validate() error {
	for _, l := range q.Limits {
		if err := l.validate(q.Name + ", limit " + l.Name); err != nil {
			return err
		}
	}
	return q.Range.validate(q.Name)
}

// A misfit is a limit that a job breaks: its key, and the sentence about it.
type misfit struct{ rule, reason string }

// misfit returns the first limit that a job breaks, nil if it fits.
func (r Range) misfit(name string, nodes int, d time.Duration) *misfit {
	switch {
	case nodes < r.MinNodes:
		return &misfit{"min_nodes", fmt.Sprintf("%s takes no job of less than %s", name, count(r.MinNodes, "node"))}
	case r.MaxNodes > 0 && nodes > r.MaxNodes:
		return &misfit{"max_nodes", fmt.Sprintf("%s gives no more than %s", name, count(r.MaxNodes, "node"))}
	case d < r.MinTime:
		return &misfit{"min_time", fmt.Sprintf("%s takes no job of less than %s", name, short(r.MinTime))}
	case r.MaxTime > 0 && d > r.MaxTime:
		return &misfit{"max_time", fmt.Sprintf("%s gives no more than %s", name, short(r.MaxTime))}
	}
	return nil
}

// takes finds what a queue does with a job: the name of the limit that applies
// to one of its size, or what it breaks.
func (q Queue) takes(nodes int, d time.Duration) (limit string, broken *misfit) {
	if m := q.misfit(q.Name, nodes, d); m != nil {
		return "", m
	}
	for _, l := range q.Limits {
		m := l.misfit(fmt.Sprintf("%s (%s, for %s)", q.Name, l.Name, l.size()), nodes, d)
		switch {
		case m == nil:
			return l.Name, nil
		case m.rule == "max_time" || m.rule == "min_time":
			return "", &misfit{l.Name + "." + m.rule, m.reason}
		}
	}
	if len(q.Limits) > 0 {
		return "", &misfit{"limits", fmt.Sprintf("%s has no limit for %s", q.Name, count(nodes, "node"))}
	}
	return "", nil
}

// has reports whether the queue has nodes of a kind.
func (q Queue) has(kind string) bool { return len(q.Nodes) == 0 || slices.Contains(q.Nodes, kind) }

// size words a range of nodes.
func (r Range) size() string {
	switch {
	case r.MinNodes <= 1 && r.MaxNodes == 0:
		return "any number of nodes"
	case r.MaxNodes == 0:
		return fmt.Sprintf("%d nodes and more", r.MinNodes)
	case r.MinNodes == r.MaxNodes:
		return count(r.MaxNodes, "node")
	}
	return fmt.Sprintf("%d to %d nodes", max(r.MinNodes, 1), r.MaxNodes)
}

// count words a number of things.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// short writes a time without its zeros: 2h, 1h30m.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
