package bare

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/pebbe/zmq4"
)

// All, in place of a worker's identity, sends a request to every worker.
const All = "*"

// Router binds two ports on loopback, tells them to ready, and swaps messages
// between clients and workers until its process ends.
func Router(ready func(clients, workers string)) error {
	front, clients, err := bind()
	if err != nil {
		return err
	}
	back, workers, err := bind()
	if err != nil {
		return err
	}
	ready(clients, workers)
	var names [][]byte // of the workers that have said they are ready
	poll := zmq4.NewPoller()
	poll.Add(front, zmq4.POLLIN)
	poll.Add(back, zmq4.POLLIN)
	for {
		polled, err := poll.Poll(-1)
		if err != nil {
			return fmt.Errorf("bare router: %w", err)
		}
		for _, p := range polled {
			to := front
			if p.Socket == front {
				to = back
			}
			for {
				m, err := p.Socket.RecvMessageBytes(zmq4.DONTWAIT)
				if err != nil {
					break // nothing more
				}
				switch {
				case len(m) < 2:
				case p.Socket == back && len(m[1]) == 0:
					names = append(names, m[0])
				case p.Socket == front && string(m[1]) == All:
					m[1] = m[0]
					for _, m[0] = range names {
						to.SendMessageDontwait(m)
					}
				default:
					m[0], m[1] = m[1], m[0]
					to.SendMessageDontwait(m)
				}
			}
		}
	}
}

func bind() (*zmq4.Socket, string, error) {
	s, err := socket(zmq4.ROUTER, "")
	if err != nil {
		return nil, "", err
	}
	if err := s.Bind("tcp://127.0.0.1:*"); err != nil {
		return nil, "", fmt.Errorf("bare router: bind: %w", err)
	}
	addr, err := s.GetLastEndpoint()
	return s, addr, err
}

func socket(t zmq4.Type, identity string) (*zmq4.Socket, error) {
	s, err := zmq4.NewSocket(t)
	if err == nil {
		err = s.SetSndhwm(0)
	}
	if err == nil {
		err = s.SetRcvhwm(0)
	}
	if err == nil && identity != "" {
		err = s.SetIdentity(identity)
	}
	if err != nil {
		return nil, fmt.Errorf("bare: open socket: %w", err)
	}
	return s, nil
}

// Give, as the second frame of a request, asks the worker for a buffer of as
// many bytes as the third frame says.
const Give = "give"

// large is the size from which a buffer is data: it is not echoed, as a push is
// answered by a few small frames.
const large = 64 << 10

// Worker answers what reaches it under its identity, until its process ends:
// small requests are echoed frame by frame.
func Worker(router, identity string) error {
	s, err := dial(router, identity)
	if err != nil {
		return err
	}
	// The router can address a worker once it has heard of it.
	if _, err := s.SendMessage("", "ready"); err != nil {
		return fmt.Errorf("bare worker: %w", err)
	}
	var data []byte
	for {
		m, err := s.RecvMessageBytes(0)
		if err != nil {
			return fmt.Errorf("bare worker: %w", err)
		}
		if last := len(m) - 1; len(m[last]) >= large {
			m = m[:last]
		} else if last == 2 && string(m[1]) == Give {
			n, err := strconv.Atoi(string(m[2]))
			if err != nil || n < 0 {
				return fmt.Errorf("bare worker: asked for %q bytes", m[2])
			}
			if len(data) != n {
				data = make([]byte, n)
			}
			m[2] = data
		}
		if _, err := s.SendMessage(m); err != nil {
			return fmt.Errorf("bare worker: %w", err)
		}
	}
}

func dial(addr, identity string) (*zmq4.Socket, error) {
	s, err := socket(zmq4.DEALER, identity)
	if err != nil {
		return nil, err
	}
	if err := s.Connect(addr); err != nil {
		return nil, fmt.Errorf("bare: connect to %s: %w", addr, err)
	}
	return s, nil
}

// A Client sends through a bare router. It belongs to one goroutine.
type Client struct{ s *zmq4.Socket }

// Dial connects a client to the router's clients address.
func Dial(router string) (*Client, error) {
	s, err := dial(router, "")
	if err != nil {
		return nil, err
	}
	return &Client{s}, s.SetRcvtimeo(30 * time.Second)
}

// Close frees the client's socket.
func (c *Client) Close() error { return c.s.Close() }

// Ready waits until every worker has answered, at most 30 seconds.
func (c *Client) Ready(workers ...string) error {
	defer c.s.SetRcvtimeo(30 * time.Second)
	c.s.SetRcvtimeo(50 * time.Millisecond)
	missing := slices.Clone(workers)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		for _, w := range missing {
			if err := c.send(w, [][]byte{[]byte("hello")}); err != nil {
				return err
			}
		}
		for {
			m, err := c.s.RecvMessageBytes(0)
			if err != nil {
				break // silence: no answer is left on its way
			}
			missing = slices.DeleteFunc(missing, func(w string) bool { return w == string(m[0]) })
		}
		if len(missing) == 0 {
			return nil
		}
	}
	return fmt.Errorf("bare client: no answer from %d workers, %s among them", len(missing), missing[0])
}

func (c *Client) send(worker string, frames [][]byte) error {
	if _, err := c.s.SendMessage(worker, frames); err != nil {
		return fmt.Errorf("bare client: send to %s: %w", worker, err)
	}
	return nil
}

// RoundTrip sends frames to a worker and waits for its answer.
func (c *Client) RoundTrip(worker string, frames [][]byte) ([][]byte, error) {
	if err := c.send(worker, frames); err != nil {
		return nil, err
	}
	m, err := c.s.RecvMessageBytes(0)
	if err != nil {
		return nil, fmt.Errorf("bare client: no answer from %s: %w", worker, err)
	}
	return m, nil
}

// Broadcast sends frames to all n workers at once and waits for every answer.
func (c *Client) Broadcast(frames [][]byte, n int) error {
	if err := c.send(All, frames); err != nil {
		return err
	}
	return c.answers(n)
}

// answers waits for n of them.
func (c *Client) answers(n int) error {
	for got := range n {
		if _, err := c.s.RecvMessageBytes(0); err != nil {
			return fmt.Errorf("bare client: %d of %d answers came: %w", got, n, err)
		}
	}
	return nil
}

// Pipeline sends frames n times, to each worker in turn, with at most
// outstanding of them unanswered, and waits for every answer.
func (c *Client) Pipeline(workers []string, frames [][]byte, n, outstanding int) error {
	for sent, got := 0, 0; got < n; got++ {
		for ; sent < n && sent-got < outstanding; sent++ {
			if err := c.send(workers[sent%len(workers)], frames); err != nil {
				return err
			}
		}
		if _, err := c.s.RecvMessageBytes(0); err != nil {
			return fmt.Errorf("bare client: %d of %d answers came: %w", got, n, err)
		}
	}
	return nil
}
