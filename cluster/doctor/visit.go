package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"muster/transport"
	"muster/transport/reach"
	"muster/transport/zmq"
	"muster/wire"
)

// dialLimit bounds the wait at one address.
const dialLimit = 5 * time.Second

// A visit is a connection from a node to the doctor. That of a node that reaches
// nobody is nil.
type visit struct {
	network *zmq.Network
	socket  transport.Socket
	session *wire.Session
	first   helloAnswer
}

// A helloAnswer is when the doctor answered, and when the node asked and heard it.
type helloAnswer struct {
	asked, heard time.Time
	now          int64
}

// visit tries all addresses side by side, as engines do, but waits for each. It stays with
// the first in their order at which the doctor answers.
func (r request) visit(ctx context.Context) (*visit, []Route) {
	hosts := r.Doctor.Hosts()
	visits := make([]*visit, len(hosts))
	routes := make([]Route, len(hosts))
	var trying sync.WaitGroup
	for i, host := range hosts {
		trying.Go(func() {
			routes[i].Host = host
			v, err := dial(ctx, r.Doctor.At(host))
			if err != nil {
				routes[i].Error = err.Error()
				return
			}
			visits[i], routes[i].Took = v, v.first.heard.Sub(v.first.asked)
		})
	}
	trying.Wait()
	var stay *visit
	for _, v := range visits {
		if stay == nil {
			stay = v
		} else {
			v.leave()
		}
	}
	return stay, routes
}

// dial connects to the doctor at an endpoint with one address.
func dial(ctx context.Context, e wire.Endpoint) (v *visit, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialLimit, fmt.Errorf("no answer within %v", dialLimit))
	defer cancel()
	network, err := zmq.New()
	if err != nil {
		return nil, err
	}
	v = &visit{network: network, session: wire.NewSession(e.Key, "")}
	if _, err = reach.Ask(ctx, network, &e); err == nil {
		v.socket, err = network.Dial(transport.Dealer, e.URL(e.Registration), transport.Options{MaxFrame: maxFrame})
	}
	if err == nil {
		v.first, err = v.hello(ctx)
	}
	if err != nil {
		v.leave()
		if tried, ok := errors.AsType[*reach.Error](err); ok {
			err = tried.Attempts[0].Err
		}
		if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() { // a little before the context's own end
			err = fmt.Errorf("no answer within %v: nothing comes back from there", dialLimit)
		}
		return nil, err
	}
	return v, nil
}

func (v *visit) leave() {
	if v == nil {
		return
	}
	if v.socket != nil {
		v.socket.Discard()
	}
	v.network.Close()
}

// ask sends a request and waits for its reply. A visit of which one wait has
// ended early is of no use any more.
func (v *visit) ask(ctx context.Context, kind string, content, reply any) error {
	id, frames, err := v.session.Frames(kind, nil, nil, content)
	if err == nil {
		err = v.socket.Send(frames)
	}
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { v.socket.Discard() })
	defer stop()
	for {
		frames, err := v.socket.Recv()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		m, err := v.session.Decode(frames)
		if err != nil || m.Parent.MsgID != id {
			continue // not signed, or not for us
		}
		return json.Unmarshal(m.Content, reply)
	}
}

func (v *visit) hello(ctx context.Context) (a helloAnswer, err error) {
	var reply helloReply
	a.asked = time.Now()
	err = v.ask(ctx, wire.HelloRequest, nil, &reply)
	a.heard, a.now = time.Now(), reply.Now
	return a, err
}

// clock compares the clocks by the quickest of some answers: it was read between
// question and answer, in the middle as far as one can tell.
func (v *visit) clock(ctx context.Context) (c Clock) {
	if v == nil {
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	best := v.first
	for range 8 {
		a, err := v.hello(ctx)
		if err != nil {
			break
		}
		if a.heard.Sub(a.asked) < best.heard.Sub(best.asked) {
			best = a
		}
	}
	trip := best.heard.Sub(best.asked)
	middle := best.asked.Add(trip / 2)
	return Clock{Known: true, Ahead: time.Duration(middle.UnixNano() - best.now), Error: trip / 2}
}

// fresh has the doctor make a file, and waits until it is seen here.
func (v *visit) fresh(ctx context.Context, dir string) Sight {
	if v == nil {
		return Sight{Error: "the doctor is not reached, which would make one"}
	}
	var f freshReply
	if err := v.ask(ctx, freshRequest, nil, &f); err != nil {
		return Sight{Error: err.Error()}
	}
	return await(ctx, func() error {
		text, err := os.ReadFile(filepath.Join(dir, filepath.Base(f.Name)))
		if err == nil && string(text) != f.Text {
			err = errors.New("it is seen, without what is in it")
		}
		return err
	})
}

func (v *visit) report(ctx context.Context, r *Report) error {
	if v == nil {
		return errors.New("no address of the login machine is reached")
	}
	return v.ask(ctx, reportRequest, r, &struct{}{})
}
