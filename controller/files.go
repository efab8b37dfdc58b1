package controller

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"muster/transport"
	"muster/transport/reach"
	"muster/wire"
)

// writeFiles leaves the connection files, the clients' first: a launcher that
// sees the engines' may start both.
func (c *Controller) writeFiles() error {
	if c.cfg.Profile.Dir == "" {
		return nil
	}
	for _, f := range []struct {
		path       string
		connection any
	}{
		{c.cfg.Profile.ClientFile(c.cfg.ClusterID), &c.client},
		{c.cfg.Profile.EngineFile(c.cfg.ClusterID), &c.engine},
	} {
		if err := wire.WriteConnection(f.path, f.connection); err != nil {
			return err
		}
		c.written = append(c.written, f.path)
	}
	return nil
}

// recall takes key and ports from connection files that an earlier run left.
func (c *Controller) recall(cfg *Config) error {
	client, err := wire.ReadClientConnection(cfg.Profile.ClientFile(cfg.ClusterID))
	if errors.Is(err, fs.ErrNotExist) && !cfg.Restore {
		return nil // the first run
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("restore: %s is missing, which tells key and ports: the controller ended in order and took it away, or there was none; start without --restore", cfg.Profile.ClientFile(cfg.ClusterID))
	}
	if err != nil {
		return fmt.Errorf("reuse: %w", err)
	}
	engine, err := wire.ReadEngineConnection(cfg.Profile.EngineFile(cfg.ClusterID))
	if err != nil {
		return fmt.Errorf("reuse: %w", err)
	}
	if cfg.Key != "" && cfg.Key != client.Key {
		return fmt.Errorf("reuse: the key given is not the one in %s: remove the file, or give no key", cfg.Profile.ClientFile(cfg.ClusterID))
	}
	cfg.Key, cfg.Unsigned = client.Key, client.Key == ""
	c.client, c.engine = *client, *engine
	return nil
}

// alive refuses to take the place of a controller that still answers: its
// engines and clients would lose it.
func (c *Controller) alive() error {
	if c.cfg.Profile.Dir == "" {
		return nil
	}
	path := c.cfg.Profile.ClientFile(c.cfg.ClusterID)
	old, err := wire.ReadClientConnection(path)
	if err != nil || !answers(c.network, old) {
		return nil // no file, or the file of one that is gone: it is replaced
	}
	return fmt.Errorf("a controller is running already: it answers at %s (%s): stop it (ipcluster stop), or give this one another --cluster-id or --profile",
		old.URL(old.Registration), path)
}

// answers asks a controller whether it is there. The one asked is on this
// machine or a stranger's: half a second is long.
func answers(network transport.Network, to *wire.ClientConnection) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	_, err := reach.Ask(ctx, network, &to.Endpoint)
	return err == nil
}

// portOf returns the port of an endpoint "tcp://ip:port".
func portOf(addr string) (int, error) {
	port, err := strconv.Atoi(addr[strings.LastIndexByte(addr, ':')+1:])
	if err != nil {
		return 0, fmt.Errorf("%s has no port: %w", addr, err)
	}
	return port, nil
}
