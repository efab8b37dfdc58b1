package jobscripts

import (
	"fmt"
	"time"
)

// Warning is how long before its end a job that runs so long is warned where nobody
// says: a minute, which is enough for what takes seconds, and of short jobs a tenth.
func Warning(run time.Duration) time.Duration { return min(time.Minute, run/10) }

// warnable refuses a warning that would come before the job has run.
func warnable(run, warning, grace time.Duration) error {
	switch {
	case warning < 0 || grace < 0:
		return fmt.Errorf("a warning %v before the end of the job, %v for preempted ones: these cannot be negative", warning, grace)
	case warning >= run && run > 0:
		return fmt.Errorf("a warning %v before the end of a job of %v: it would come before the job has begun", warning, run)
	}
	return nil
}
