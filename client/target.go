package client

import (
	"fmt"
	"slices"

	"muster/wire"
)

// An EngineID is the number of an engine. Ids count up from 0 in the order of
// registration and are never reused; in an MPI job that registers alone the id
// is the rank.
type EngineID = wire.EngineID

// Targets says which engines a view or a control request addresses.
type Targets struct {
	all bool
	ids []EngineID
}

// All addresses the engines that are registered at the moment of each call.
var All = Targets{all: true}

// Engines addresses engines by their ids, in that order.
func Engines[ID ~int](ids ...ID) Targets {
	t := Targets{ids: make([]EngineID, len(ids))}
	for i, id := range ids {
		t.ids[i] = EngineID(id)
	}
	return t
}

func (t Targets) String() string {
	if t.all {
		return "all engines"
	}
	return engineList(t.ids)
}

// An engine is one that is registered. Its fields never change.
type engine struct {
	id    EngineID
	uuid  wire.EngineUUID
	route []byte // uuid as a frame
}

// resolve looks up the engines of targets. It errs before anything is sent.
func (c *Client) resolve(t Targets) ([]*engine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	if t.all {
		if len(c.engines) == 0 {
			return nil, ErrNoEngines
		}
		return c.engines, nil // replaced, never changed
	}
	out := make([]*engine, len(t.ids))
	for i, id := range t.ids {
		n, ok := c.find(id)
		if !ok {
			return nil, &UnknownEngineError{id, c.registered()}
		}
		out[i] = c.engines[n]
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no target given: %w", ErrUnknownEngine)
	}
	return out, nil
}

// find returns an engine's place in c.engines. The caller holds mu.
func (c *Client) find(id EngineID) (int, bool) {
	return slices.BinarySearchFunc(c.engines, id, func(e *engine, id EngineID) int { return int(e.id - id) })
}

// registered names the engines for an error. The caller holds mu.
func (c *Client) registered() string {
	if len(c.engines) == 0 {
		return "none"
	}
	ids := make([]EngineID, len(c.engines))
	for i, e := range c.engines {
		ids[i] = e.id
	}
	return engineList(ids)
}
