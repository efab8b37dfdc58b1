package launcher

import (
	"fmt"
	"strings"
	"time"
)

// Waiting is what a batch system tells of a job that waits for its turn. What it
// does not tell is zero.
type Waiting struct {
	Reason   string    `json:"reason,omitempty"`   // why it waits, in the words of the system
	Position int       `json:"position,omitempty"` // in the queue: 1 is next
	Start    time.Time `json:"start,omitzero"`     // when it is expected to start
}

// String is, for example, "Priority, position 3, expected to start at 14:05 (in about 12m)".
func (w Waiting) String() string { return w.at(time.Now()) }

func (w Waiting) at(now time.Time) string {
	var said []string
	if w.Reason != "" {
		said = append(said, w.Reason)
	}
	if w.Position > 0 {
		said = append(said, fmt.Sprintf("position %d", w.Position))
	}
	if !w.Start.IsZero() {
		start := "expected to start at " + clock(w.Start, now)
		if in := w.Start.Sub(now); in > time.Minute {
			start += " (in about " + About(in) + ")"
		}
		said = append(said, start)
	}
	return strings.Join(said, ", ")
}

// Clock words a time, as in "14:05" and, of another day, "2026-11-22 14:05".
func Clock(t time.Time) string { return clock(t, time.Now()) }

func clock(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// About words a duration by its two largest units, as in "2d3h", "1h12m", "12m" and
// "40s".
func About(d time.Duration) string {
	days, d := d/(24*time.Hour), d%(24*time.Hour)
	hours, minutes := d/time.Hour, d%time.Hour/time.Minute
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm", minutes)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
