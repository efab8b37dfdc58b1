package reach

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"muster/transport"
	"muster/wire"
)

// stagger is the head start of an address before the next is tried as well, if it
// does not fail before (RFC 8305, section 5). It is short: all of
// wire.MaxAddresses are under way within half a second.
const stagger = 25 * time.Millisecond

// Controller returns the host, of those of the endpoint, at which its controller
// answers: the first that does. A single one is returned as it is, without a
// question. Otherwise the error is an *Error when all have failed, or when the
// context ends.
func Controller(ctx context.Context, network transport.Network, e *wire.Endpoint) (host string, err error) {
	if hosts := e.Hosts(); len(hosts) == 1 {
		return hosts[0], nil
	}
	return Ask(ctx, network, e)
}

// Ask is Controller that asks a single host as well.
func Ask(ctx context.Context, network transport.Network, e *wire.Endpoint) (host string, err error) {
	hosts := e.Hosts()
	ctx, cancel := context.WithCancel(ctx)
	var trying sync.WaitGroup
	defer trying.Wait() // the sockets of all others are closed then
	defer cancel()

	failed := &Error{Attempts: make([]Attempt, len(hosts))}
	ended := make(chan int, len(hosts)) // indices of attempts
	next := time.NewTimer(0)
	defer next.Stop()
	for begun, open := 0, len(hosts); open > 0; {
		select {
		case <-next.C:
			a := &failed.Attempts[begun]
			at := e.At(hosts[begun])
			a.URL = at.URL(at.Registration)
			i := begun
			trying.Go(func() {
				a.Err = hello(ctx, network, &at)
				ended <- i
			})
			if begun++; begun < len(hosts) {
				next.Reset(stagger)
			}
		case i := <-ended:
			if failed.Attempts[i].Err == nil {
				return hosts[i], nil
			}
			if open--; begun < len(hosts) {
				next.Reset(0)
			}
		}
	}
	return "", failed
}

// hello asks the controller of an endpoint with one host whether it is there.
// Any answer counts that is signed by its key: a Python controller's is that it
// does not know the question.
func hello(ctx context.Context, network transport.Network, e *wire.Endpoint) error {
	e, err := resolve(ctx, e)
	if err != nil {
		return err
	}
	url := e.URL(e.Registration)
	if err := network.Probe(ctx, url); err != nil {
		return unconnected(ctx, err)
	}
	s, err := network.Dial(transport.Dealer, url, transport.Options{CurveServer: e.ServerKey()})
	if err != nil {
		return err
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { s.Discard(); close(closed) })
	defer func() {
		if stop() {
			s.Discard()
		} else {
			<-closed
		}
	}()
	session := wire.NewSession(e.Key, "")
	id, frames, err := session.Frames(wire.HelloRequest, nil, nil, nil)
	if err == nil {
		err = s.Send(frames)
	}
	for err == nil {
		if frames, err = s.Recv(); err != nil {
			break
		}
		var m *wire.Message
		if m, err = session.Decode(frames); err != nil {
			return fmt.Errorf("it is another controller: %w", err)
		}
		if m.Parent.MsgID == id {
			return nil
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: somebody listens there, and does not answer a message that is signed by the key of the file", context.Cause(ctx))
	}
	return err
}

// resolve looks a name up: libzmq would keep all other connections waiting
// meanwhile.
func resolve(ctx context.Context, e *wire.Endpoint) (*wire.Endpoint, error) {
	host := e.Hosts()[0]
	if net.ParseIP(host) != nil {
		return e, nil
	}
	ips, err := new(net.Resolver).LookupIP(ctx, "ip4", host)
	if err != nil {
		return nil, unconnected(ctx, err)
	}
	at := e.At(ips[0].String())
	return &at, nil
}

// unconnected is why there is no connection, without the words of those who tried.
func unconnected(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: nothing comes back from there", context.Cause(ctx))
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
