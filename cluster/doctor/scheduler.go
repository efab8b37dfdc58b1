package doctor

import (
	"context"
	"fmt"
	"time"
)

// askLimit is how long a batch system may take to answer: some are busy.
const askLimit = time.Minute

// slowAnswer is when it is said that it takes long.
const slowAnswer = 5 * time.Second

// scheduler: the batch system's commands are here, and it answers.
func scheduler(ctx context.Context, x *examination) []Finding {
	if x.profile.Engines.Batch() == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, askLimit, fmt.Errorf("not within %v", askLimit))
	defer cancel()
	a, err := x.profile.Engines.Ask(ctx)
	if err != nil {
		return []Finding{failure("%s", firstLine(err.Error())).because("engines are a job of " + x.launcher()).
			remedy("run this on a login node, load the batch system's module, or have engines on this machine (--engines local or mpi); ask the site if its scheduler is down")}
	}
	version := a.Version
	if version == "" {
		version = x.launcher()
	}
	if a.Took > slowAnswer {
		return []Finding{warning("%s takes %v to answer", version, round(a.Took)).because("a start and a stop ask it several times").remedy("raise the time to be ready: engines.timeout, or --timeout")}
	}
	return []Finding{ok("%s, answers in %v", version, round(a.Took))}
}
