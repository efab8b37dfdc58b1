package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
)

const (
	// maxRequest bounds a request that is read, in bytes: it may hold a template.
	maxRequest = 1 << 20
	// maxRequests is how many requests are carried out at once.
	maxRequests = 32
)

// serve takes requests from other processes of this machine, at the address that is
// put on record, until the cluster is stopped. What does not bear the cluster's
// signature is dropped.
func (c *Cluster) serve() error {
	conn, err := wire.ReadClientConnection(c.ClientFile())
	if err != nil {
		return fmt.Errorf("cluster: requests: %w", err)
	}
	network, err := zmq.New()
	if err != nil {
		return fmt.Errorf("cluster: requests: %w", err)
	}
	s, err := network.Listen(transport.Router, "tcp://127.0.0.1:0", transport.Options{MaxFrame: maxRequest})
	if err != nil {
		network.Close()
		return fmt.Errorf("cluster: requests: %w", err)
	}
	c.requests = s
	c.supervising.Go(func() {
		defer network.Close()
		ctx, cancel := context.WithCancel(context.Background())
		session := wire.NewSession(conn.Key, "")
		var handling sync.WaitGroup
		defer handling.Wait()
		defer cancel()
		places := make(chan struct{}, maxRequests)
		for {
			frames, err := s.Recv()
			if err != nil {
				return
			}
			m, err := session.Decode(frames)
			if err != nil {
				c.config.Log.Warn("request dropped", "err", err)
				continue
			}
			reply := func(msgType string, a answer) {
				if _, frames, err := session.Frames(msgType, m.RawHeader, nil, a); err == nil {
					s.Send(append(m.Route[:len(m.Route):len(m.Route)], frames...)) // whoever asked may be gone
				}
			}
			select {
			case places <- struct{}{}:
				handling.Go(func() {
					defer func() { <-places }()
					c.handle(ctx, m, reply)
				})
			default:
				reply(engineSetReply, failed(fmt.Errorf("cluster: %d requests are being carried out: try again when one is finished", maxRequests), nil))
			}
		}
	})
	return c.note(func(r *Record) { r.Requests = s.Addr() })
}

// failed is the answer that something did not succeed.
func failed(err error, sets []Set) answer {
	return answer{Status: wire.StatusError, Error: err.Error(), Sets: sets}
}

// handle carries out one request and answers it.
func (c *Cluster) handle(ctx context.Context, m *wire.Message, reply func(msgType string, a answer)) {
	request, err := parseRequest(m)
	if err != nil {
		reply(engineSetReply, failed(fmt.Errorf("cluster: %w", err), nil))
		return
	}
	reply(engineSetAccepted, answer{Status: wire.StatusOK})
	sets, err := c.carryOut(ctx, request, func(s Set, p Progress) {
		a := answer{Status: wire.StatusOK, Progress: p}
		if s.Name != "" {
			a.Sets = []Set{s}
		}
		reply(engineSetProgress, a)
	})
	if err != nil {
		reply(engineSetReply, failed(err, sets))
		return
	}
	reply(engineSetReply, answer{Status: wire.StatusOK, Sets: sets})
}

// parseRequest reads a request.
func parseRequest(m *wire.Message) (r Request, err error) {
	if m.Header.MsgType != engineSetRequest {
		return r, fmt.Errorf("a message %q: only %s is understood here", m.Header.MsgType, engineSetRequest)
	}
	if err := json.Unmarshal(m.Content, &r); err != nil {
		return r, fmt.Errorf("%s: %w", engineSetRequest, err)
	}
	return r, r.validate()
}

// carryOut does what is requested, and returns the sets that were started.
func (c *Cluster) carryOut(ctx context.Context, r Request, progress func(Set, Progress)) (sets []Set, err error) {
	switch r.Do {
	case Add:
		s, err := c.AddEngines(ctx, r.Add)
		if err != nil {
			return nil, err
		}
		sets = []Set{s}
	case Remove:
		return nil, c.RemoveEngines(ctx, RemoveConfig{Sets: r.Sets, IDs: r.IDs, Now: r.Now, Progress: func(p Progress) { progress(Set{}, p) }})
	case Restart:
		if err := c.RestartSets(ctx, r.Sets...); err != nil {
			return nil, err
		}
		sets = c.Sets(r.Sets...)
	}
	if !r.Wait {
		return sets, nil
	}
	for i, s := range sets {
		err := c.WaitForSet(ctx, s.Name, func(p Progress) { progress(s, p) })
		if err != nil && r.Do == Add && ctx.Err() == nil && len(c.Sets(s.Name)) > 0 {
			err = errors.Join(err, c.RemoveEngines(ctx, RemoveConfig{Sets: []string{s.Name}, Now: true}))
		}
		if err != nil {
			return sets, err
		}
		if now := c.Sets(s.Name); len(now) > 0 {
			sets[i] = now[0]
		}
	}
	return sets, nil
}
