package cluster

import (
	"fmt"
	"time"

	"muster/launcher"
)

// Progress is how far the start of a cluster, or the removal of engines, is.
type Progress struct {
	Have int `json:"have"` // engines registered so far or, in a removal, that have left
	Want int `json:"want"` // and in all
	// Leaving is what is being removed, as in "set 2"; "" in a start.
	Leaving string `json:"leaving,omitempty"`
	// Job is what waits in the queue of a batch system, as in "slurm job 17", since
	// Since and for what Waiting says; "" if nothing does.
	Job     string           `json:"job,omitempty"`
	Since   time.Time        `json:"since,omitzero"`
	Waiting launcher.Waiting `json:"waiting,omitzero"`
}

// String is for a line of progress: "engines 3/64", "set 2: 2 of 16 engines have
// left, 14 finish what they run" or, of a job that waits,
// "slurm job 17 is queued since 13:40 (13m): Priority, expected to start at 14:05 (in about 12m)".
func (p Progress) String() string {
	switch {
	case p.Leaving != "":
		stay := fmt.Sprintf("%d finish what they run", p.Want-p.Have)
		if p.Want-p.Have == 1 {
			stay = "1 finishes what it runs"
		}
		return fmt.Sprintf("%s: %d of %d engines have left, %s", p.Leaving, p.Have, p.Want, stay)
	case p.Job == "":
		return fmt.Sprintf("engines %d/%d", p.Have, p.Want)
	}
	s := fmt.Sprintf("%s is queued since %s (%s)", p.Job, launcher.Clock(p.Since), launcher.About(time.Since(p.Since)))
	if why := p.Waiting.String(); why != "" {
		s += ": " + why
	}
	return s
}

// queued fills in a job if it waits in a queue.
func (p Progress) queued(job launcher.Job, submitted time.Time) Progress {
	p.Job, p.Since, p.Waiting = "", time.Time{}, launcher.Waiting{}
	if batch := job.Handle().Batch; batch != nil && job.State() == launcher.Queued && p.Have == 0 {
		p.Job, p.Since, p.Waiting = batch.String(), submitted, job.Pending()
	}
	return p
}
