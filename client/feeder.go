package client

import (
	"context"
	"errors"
	"slices"
)

// A feeder is what MapSeq needs of a view.
type feeder struct {
	client   *Client
	settings settings
	// direct tells whether MapSeq chooses the engine.
	direct bool
	// engines are those that a chunk may go to now.
	engines func() ([]*engine, error)
	// start sends a request to one of them.
	start func(ar *AsyncResult, to *engine, r *request) *AsyncResult
}

func (v *DirectView) feeder() feeder {
	each := v.settings
	each.retries = 0 // they are MapSeq's own affair
	return feeder{
		client: v.client, settings: v.settings, direct: true, engines: v.client.survivors(v.targets),
		start: func(ar *AsyncResult, to *engine, r *request) *AsyncResult {
			return v.client.direct(ar, each, []*engine{to}, r)
		},
	}
}

func (v *LoadBalancedView) feeder() feeder {
	return feeder{
		client: v.client, settings: v.settings, engines: func() ([]*engine, error) {
			v.client.mu.Lock()
			defer v.client.mu.Unlock()
			return v.client.engines, v.client.err
		},
		start: func(ar *AsyncResult, _ *engine, r *request) *AsyncResult {
			return v.send(context.Background(), ar, r, nil)
		},
	}
}

// survivors returns a function that resolves targets again and again, and goes
// on without those that have gone since it first did.
func (c *Client) survivors(t Targets) func() ([]*engine, error) {
	var first, now []*engine
	var seen chan struct{}
	return func() ([]*engine, error) {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		if changed == seen {
			return now, nil
		}
		engines, err := c.resolve(t)
		if first != nil && errors.Is(err, ErrUnknownEngine) {
			if engines = c.registeredOf(first); len(engines) > 0 {
				err = nil
			}
		}
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = engines
		}
		now, seen = engines, changed
		return engines, nil
	}
}

// registeredOf returns those engines that are still registered.
func (c *Client) registeredOf(engines []*engine) []*engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(engines), func(e *engine) bool { return !slices.Contains(c.engines, e) })
}
