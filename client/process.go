package client

import (
	"context"
	"encoding/json"
	"fmt"

	"muster/wire"
)

// EngineProcess says which process an engine is, and how long it lasts.
type EngineProcess = wire.EngineProcess

// Processes asks the hub which processes the registered engines are, when the
// batch jobs of these end, and which of them drain. That of an
// engine that has not told, one of Python, is empty; a controller of Python tells of none.
func (c *Client) Processes(ctx context.Context) (map[EngineID]EngineProcess, error) {
	reply, err := c.ask(ctx, wire.ConnectionRequest, wire.ConnectionQuery{Processes: true})
	if err != nil {
		return nil, fmt.Errorf("client: processes of engines: %w", err)
	}
	var said wire.Connected
	if err := json.Unmarshal(reply.Content, &said); err != nil {
		return nil, fmt.Errorf("client: processes of engines: %s: %w", reply.Header.MsgType, err)
	}
	return said.Processes, nil
}
