package engine

import (
	"context"
	"fmt"
	"time"

	"muster/transport"
	"muster/transport/reach"
	"muster/wire"
)

// reach finds the address at which the controller answers, of those in the
// connection file, and returns the connection to that one. A file with one address
// is not worth a question. While nobody answers the controller may still come, or
// a file that is stale be replaced.
func (e *Engine) reach(network transport.Network) (*wire.EngineConnection, error) {
	ctx, cancel := context.WithTimeoutCause(e.life, e.cfg.Timeout, fmt.Errorf("no answer within %v", e.cfg.Timeout))
	defer cancel()
	begun := time.Now()
	for {
		host, err := e.unlessReplaced(ctx, func(ctx context.Context) (string, error) {
			return reach.Controller(ctx, network, &e.site.conn.Endpoint)
		})
		switch {
		case err == nil:
			if n := len(e.site.conn.Hosts()); n > 1 {
				e.log.Info("the controller answers", "address", host, "tried", n, "took", time.Since(begun))
			}
			return e.site.conn.At(host), nil
		case e.reread():
			return nil, errReplaced
		case pause(ctx, 5*filePoll) != nil:
			return nil, fmt.Errorf("engine: %s: %w", e.origin(), err)
		}
	}
}

// unlessReplaced ends the context of a search when the connection file is
// written anew.
func (e *Engine) unlessReplaced(ctx context.Context, search func(context.Context) (string, error)) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	file, done := e.site.file, make(chan struct{})
	defer func() { <-done }()
	defer cancel(nil)
	go func() {
		defer close(done)
		for pause(ctx, 5*filePoll) == nil {
			if e.replaced(file) {
				cancel(errReplaced)
			}
		}
	}()
	return search(ctx)
}
