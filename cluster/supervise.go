package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"muster/launcher"
	"muster/wire"
)

// A Death is the end of a part of a cluster that nobody asked for.
type Death struct {
	Time time.Time `json:"time"`
	// Of is "engine" for one, Engine, "engines" for those that live and die
	// together, and "controller".
	Of     string         `json:"of"`
	Engine *wire.EngineID `json:"engine,omitempty"`
	Set    string         `json:"set,omitempty"`  // of engines, where the cluster has had several sets
	Cause  string         `json:"cause"`          // as in "killed by signal 9 (SIGKILL)"
	Next   string         `json:"next,omitempty"` // as in "started again in 1s"; "" if nothing is done about it
}

// String is a line, as in "engine 3 died: killed by signal 9 (SIGKILL); started
// again in 1s", or "engines of set 2 died: ...".
func (d Death) String() string {
	s := d.Of
	switch {
	case d.Engine != nil:
		s += fmt.Sprintf(" %d", *d.Engine)
	case d.Set != "":
		s += " of set " + d.Set
	}
	s += " " + d.verb() + ": " + d.Cause
	if d.Next != "" {
		s += "; " + d.Next
	}
	return s
}

// verb is "ended" of engines that have drained, which is nothing to worry about.
func (d Death) verb() string {
	if d.Cause == launcher.NearlyOver {
		return "ended"
	}
	return "died"
}

// maxDeaths is how many of the latest deaths are on record.
const maxDeaths = 20

// died puts the death of a part that has a log into the log, and on record.
func (c *Cluster) died(d Death, log string) {
	d.Time = time.Now()
	args := []any{"cause", d.Cause, "log", log}
	if d.Engine != nil {
		args = append([]any{"engine", *d.Engine}, args...)
	}
	if d.Set != "" {
		args = append(args, "set", d.Set)
	}
	if d.Next != "" {
		args = append(args, "next", d.Next)
	}
	c.config.Log.Warn(d.Of+" "+d.verb(), args...)
	c.noted(func(r *Record) {
		r.Deaths = append(r.Deaths, d)
		r.Deaths = r.Deaths[max(0, len(r.Deaths)-maxDeaths):]
	})
}

const (
	ofEngine     = "engine"
	ofEngines    = "engines"
	ofController = "controller"
)

// supervise follows the controller until dismiss is called, and the sets of
// engines until these are dismissed.
func (c *Cluster) supervise() {
	ctx, dismiss := context.WithCancel(context.Background())
	c.dismiss = dismiss
	begun := time.Now()
	c.supervising.Go(func() {
		defer close(c.over)
		c.overErr = c.keepController(ctx, begun)
	})
	for _, s := range c.sets {
		s.supervise()
	}
	if c.record.Elastic != nil {
		c.supervising.Go(func() { c.follow(ctx) })
	}
}

// death waits for the next copy of a job to die. One that ends well says so to
// the controller itself; for those that could not it is said once more. The job of
// one copy alone has that copy's number.
func (s *engines) death(ctx context.Context, job launcher.Job, number int) (launcher.End, bool) {
	for {
		select {
		case <-ctx.Done():
			return launcher.End{}, false
		case end, more := <-job.Ends():
			if !more || ctx.Err() != nil {
				return launcher.End{}, false
			}
			if number != launcher.All {
				end.Copy = number
			}
			if left := s.left(end); !left && end.Cause != "" {
				return end, true
			}
			s.report(ctx, end)
		}
	}
}

// deathOf tells the controller of an end, and makes a Death of it. A single engine
// is the one that the controller says or, if that has forgotten it, id.
func (s *engines) deathOf(ctx context.Context, end launcher.End, id wire.EngineID, next string) Death {
	d := Death{Of: ofEngines, Set: s.mentioned(), Cause: end.Cause, Next: next}
	ids := s.report(ctx, end)
	if end.Copy != launcher.All {
		if len(ids) > 0 {
			id = ids[0]
		}
		d.Of, d.Engine = ofEngine, &id
	} else if end.Rank != launcher.Unknown {
		d.Cause = fmt.Sprintf("rank %d: %s", end.Rank, end.Cause)
	}
	return d
}

// mentioned is the name of the set where a name is needed: "" of the only one that the
// cluster has had.
func (s *engines) mentioned() string {
	s.c.recording.Lock()
	defer s.c.recording.Unlock()
	if s.c.named == 1 {
		return ""
	}
	return s.name
}

// failedStart is the end of what could not be started; without an error it is none.
func failedStart(number int, err error) launcher.End {
	if err == nil {
		return launcher.End{}
	}
	return launcher.End{Copy: number, Rank: launcher.Unknown, Cause: cause(err)}
}

// cause words why something ended, or did not start, on one line.
func cause(err error) string {
	var exit *launcher.ExitError
	if errors.As(err, &exit) {
		return exit.Cause()
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
