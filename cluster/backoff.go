package cluster

import (
	"context"
	"fmt"
	"time"
)

// A backoff decides how long to wait before something that died is started
// again, so that what cannot live does not keep a machine, or a batch system, busy with dying.
type backoff struct {
	first  time.Duration // the first wait; each is twice the one before
	deaths int           // in a row
}

const (
	firstWait   = time.Second
	longestWait = time.Minute
	// longLife is so long that a death after it has nothing to do with the last one.
	longLife = 10 * time.Minute
	// maxStarts is how often in a row something is started again.
	maxStarts = 10
)

// after decides after a death, of something that lived so long.
func (b *backoff) after(lived time.Duration) restart {
	if lived >= longLife {
		b.deaths = 0
	}
	b.deaths++
	if b.deaths > maxStarts {
		return restart{never: true}
	}
	return restart{wait: min(b.first<<(b.deaths-1), longestWait)}
}

// A restart is what is decided after a death.
type restart struct {
	wait  time.Duration
	never bool
}

// String says what comes next.
func (r restart) String() string {
	if r.never {
		return fmt.Sprintf("given up, after %d starts of which none lived for %v", maxStarts, longLife)
	}
	return fmt.Sprintf("started again in %v", r.wait)
}

// due waits until it is time for a start, and says whether there is to be one.
func (r restart) due(ctx context.Context) bool {
	if r.never {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(r.wait):
		return true
	}
}
