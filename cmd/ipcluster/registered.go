package main

import (
	"context"

	"muster/client"
)

// waitForEngines is how start knows that engines are registered. Tests, in
// which no real controller answers, replace it.
var waitForEngines = registered

// registered waits for n engines as a client of the controller sees them.
func registered(ctx context.Context, clientFile string, n int, have func(int)) error {
	c, err := client.Connect(ctx, client.WithFile(clientFile))
	if err != nil {
		return err
	}
	defer c.Close()
	have(len(c.IDs()))
	for len(c.IDs()) < n {
		if err := c.WaitForEngines(ctx, len(c.IDs())+1); err != nil {
			return err
		}
		have(len(c.IDs()))
	}
	return nil
}
