package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
)

// QueueStatus is what engines have to do.
type QueueStatus struct {
	Engines map[EngineID]EngineQueue
	// Unassigned counts the load-balanced tasks that no engine has yet.
	Unassigned int
}

// An EngineQueue counts what one engine has and had to do.
type EngineQueue struct {
	Queue     int `json:"queue"`     // direct calls outstanding
	Tasks     int `json:"tasks"`     // load-balanced tasks outstanding
	Completed int `json:"completed"` // both, done
}

// QueueStatus asks the hub what engines have to do.
func (c *Client) QueueStatus(ctx context.Context, t Targets) (*QueueStatus, error) {
	engines, err := c.resolve(t)
	if err != nil {
		return nil, fmt.Errorf("client: queue status: %w", err)
	}
	ids := make([]EngineID, len(engines))
	for i, e := range engines {
		ids[i] = e.id
	}
	reply, err := c.ask(ctx, "queue_request", map[string]any{"targets": ids, "verbose": false})
	if err != nil {
		return nil, fmt.Errorf("client: queue status of %s: %w", t, err)
	}
	var content map[string]json.RawMessage
	if err := json.Unmarshal(reply.Content, &content); err != nil {
		return nil, fmt.Errorf("client: queue status of %s: %w", t, err)
	}
	s := &QueueStatus{Engines: make(map[EngineID]EngineQueue, len(ids))}
	for key, raw := range content {
		id, nan := strconv.Atoi(key)
		switch {
		case key == "unassigned":
			err = json.Unmarshal(raw, &s.Unassigned)
		case nan == nil:
			var q EngineQueue
			err = json.Unmarshal(raw, &q)
			s.Engines[EngineID(id)] = q
		}
		if err != nil {
			return nil, fmt.Errorf("client: queue status of %s: %w", t, err)
		}
	}
	return s, nil
}
