package bare

import (
	"fmt"

	"github.com/pebbe/zmq4"
)

// A Crowd is the sockets of many peers in one: a router that connects many
// times and bears another identity each time, as so many DEALERs would. It
// belongs to one goroutine.
type Crowd struct{ s *zmq4.Socket }

// NewCrowd opens a crowd without members.
func NewCrowd() (*Crowd, error) {
	s, err := socket(zmq4.ROUTER, "")
	if err != nil {
		return nil, err
	}
	return &Crowd{s}, nil
}

// Join connects a member to addr, where it will be known by its identity. In
// the crowd it has a name: the first frame of what it receives, and of what it
// is to send. What it sends before it is connected is kept.
func (c *Crowd) Join(addr, identity, name string) error {
	// Both hold for the connections that are made from now on (zmq_setsockopt(3)).
	err := c.s.SetIdentity(identity)
	if err == nil {
		err = c.s.SetConnectRid(name)
	}
	if err == nil {
		err = c.s.Connect(addr)
	}
	if err != nil {
		return fmt.Errorf("bare: %s joins at %s: %w", name, addr, err)
	}
	return nil
}

// Recv waits for the next message to any member: its name, and the frames.
func (c *Crowd) Recv() ([][]byte, error) {
	m, err := c.s.RecvMessageBytes(0)
	if err != nil {
		return nil, fmt.Errorf("bare: crowd receives: %w", err)
	}
	return m, nil
}

// Send sends frames from the member whose name is the first of them.
func (c *Crowd) Send(frames [][]byte) error {
	if _, err := c.s.SendMessage(frames); err != nil {
		return fmt.Errorf("bare: %s sends: %w", frames[0], err)
	}
	return nil
}

// Close frees the socket.
func (c *Crowd) Close() error { return c.s.Close() }

// Workers is [Worker] for many identities in one process; it only echoes.
func Workers(router string, identities []string) error {
	c, err := NewCrowd()
	if err != nil {
		return err
	}
	for _, id := range identities {
		if err := c.Join(router, id, id); err != nil {
			return err
		}
		if err := c.Send([][]byte{[]byte(id), {}, []byte("ready")}); err != nil {
			return err
		}
	}
	for {
		m, err := c.Recv()
		if err == nil {
			err = c.Send(m)
		}
		if err != nil {
			return err
		}
	}
}
