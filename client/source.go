package client

import (
	"context"
	"fmt"
	"os"
	"regexp"

	"muster/client/tunnel"
	"muster/wire"
)

// A source tells where the controller is: a connection file, or a tunnel to a host
// that has one.
type source struct {
	file   string         // "" where it is read by the tunnel
	tunnel *tunnel.Tunnel // nil where none is dug
	conn   *wire.ClientConnection
}

// source finds the one that the options and the environment lead to.
func (o *options) source(ctx context.Context) (*source, error) {
	if o.ssh != "" && o.file == "" {
		return o.dig(ctx, o.ssh, nil)
	}
	path, err := o.path()
	if err != nil {
		return nil, err
	}
	conn, err := wire.ReadClientConnection(path)
	if err != nil {
		return nil, err
	}
	here, _ := os.Hostname()
	switch {
	case o.ssh != "":
		return o.dig(ctx, o.ssh, conn)
	case conn.SSH != "" && conn.Location != here:
		s, err := o.dig(ctx, sshDestination(conn.SSH), conn)
		if err != nil {
			return nil, fmt.Errorf("connection file %s: %w", path, err)
		}
		return s, nil
	}
	return &source{file: path, conn: conn}, nil
}

// dig makes a tunnel: to the controller of a connection, if that is known.
func (o *options) dig(ctx context.Context, destination string, conn *wire.ClientConnection) (*source, error) {
	ctx, cancel := bounded(ctx, farTimeout)
	defer cancel()
	t, err := tunnel.Open(ctx, tunnel.Config{
		Destination: destination, Command: o.sshCommand, Log: o.log,
		Profile: o.profile, ProfileDir: o.profileDir, ClusterID: o.clusterID, Connection: conn,
	})
	if err != nil {
		return nil, err
	}
	return &source{tunnel: t, conn: t.Connection()}, nil
}

var hostAndPort = regexp.MustCompile(`^(?:[^@/]+@)?[^@:/]+:\d+$`)

// sshDestination is a host as connection files have it, which is "me@host:22" for
// another port, as ssh takes it.
func sshDestination(server string) string {
	if hostAndPort.MatchString(server) {
		return "ssh://" + server
	}
	return server
}

// read tells where the controller is now.
func (s *source) read() (*wire.ClientConnection, error) {
	if s.tunnel != nil {
		return s.tunnel.Connection(), nil
	}
	if s.file == "" {
		return s.conn, nil
	}
	return wire.ReadClientConnection(s.file)
}

func (s *source) close() error {
	if s.tunnel == nil {
		return nil
	}
	if err := s.tunnel.Close(); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return nil
}
