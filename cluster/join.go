package cluster

import (
	"context"
	"fmt"
	"time"
)

// join follows the engines of a set that register after the cluster has begun
// without them, until all have or ctx is done.
func (s *engines) join(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log, limit := s.c.config.Log, s.c.profile.Engines.Limit()
	counts, over := make(chan int), make(chan error, 1)
	go func() { over <- s.arrive(ctx, counts) }()
	late := time.After(limit)
	for {
		select {
		case have := <-counts:
			s.noted(func(r *Set) { r.Missing = max(0, r.N-have) })
		case <-late:
			set := s.recorded()
			log.Warn("engines have not registered, and the cluster goes on without them",
				"missing", fmt.Sprintf("%d of %d", set.Missing, set.N), "within", limit, "log", s.log())
		case err := <-over:
			if err != nil && ctx.Err() == nil {
				log.Info("engines that join are not counted any more", "err", err)
			}
			return
		}
	}
}
