package engine

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"time"
)

// The environment variables that tell when the batch system ends the job that a
// process is of, in seconds since 1970: that of our own job scripts, and Slurm's.
const (
	jobEndVar      = "MUSTER_JOB_END"
	slurmJobEndVar = "SLURM_JOB_END_TIME"
)

// jobGraceVar is set, to seconds, where a job may be preempted: it is then
// terminated so long before it is killed.
const jobGraceVar = "MUSTER_JOB_GRACE"

// environJobEnd is the end of the job as the environment has it, zero where
// nothing tells.
func environJobEnd() (time.Time, error) {
	for _, name := range [...]string{jobEndVar, slurmJobEndVar} {
		text := os.Getenv(name)
		if text == "" {
			continue
		}
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(seconds > 0 && seconds < 1e11) {
			return time.Time{}, fmt.Errorf("the end of the job is not known: %s is %q: want seconds since 1970", name, text)
		}
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(part*1e9)).UTC(), nil
	}
	return time.Time{}, nil
}

// remaining is for how many seconds the job still lasts, infinite if it has no
// end that is known.
func (e *Engine) remaining() float64 {
	if e.cfg.JobEnd.IsZero() {
		return math.Inf(1)
	}
	return time.Until(e.cfg.JobEnd).Seconds()
}
