package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"muster/transport"
	"muster/wire"
)

// errReplaced says that the connection file was written anew while its
// controller was asked: it was stale, and the next one is worth a try.
var errReplaced = errors.New("engine: the connection file was replaced")

// A membership is what an engine is in the cluster of a controller.
type membership struct {
	session      *wire.Session // signs by the cluster's key
	id           wire.EngineID
	instance     string // of the controller; "" of one that does not say
	acknowledges bool   // replies, which are kept until then
	// silence is how long the engine bears to hear nothing of the controller.
	silence time.Duration
}

// id is the engine's id, once it is registered.
func (e *Engine) id() wire.EngineID { return e.member.Load().id }

// register introduces the engine to the controller, as reg says, and learns its
// id (protocol section 5).
func (e *Engine) register(ctx context.Context, ch *channels, reg wire.Registration) (*membership, error) {
	url := ch.conn.URL(ch.conn.Registration)
	_, frames, err := e.site.session.Frames(wire.RegistrationRequest, nil, nil, reg)
	if err != nil {
		return nil, err
	}
	if err := ch.registration.Send(frames); err != nil {
		return nil, fmt.Errorf("engine: register at %s: %w", url, err)
	}
	type answer struct {
		frames [][]byte
		err    error
	}
	answers := make(chan answer, 1)
	go func() { // ends with the answer, or when the socket is closed
		f, err := ch.registration.Recv()
		answers <- answer{f, err}
	}()
	limit := time.NewTimer(e.cfg.Timeout)
	defer limit.Stop()
	look := time.NewTicker(5 * filePoll)
	defer look.Stop()
	for {
		select {
		case a := <-answers:
			if a.err != nil {
				return nil, fmt.Errorf("engine: register at %s: %w", url, a.err)
			}
			return e.registered(a.frames, url)
		case <-look.C:
			if e.reread() {
				return nil, errReplaced
			}
		case <-limit.C:
			return nil, fmt.Errorf("engine: register: no answer from %s within %v: %s is stale, its controller is gone "+
				"or cannot be reached from this host (start one, remove the file, or let the controller listen "+
				"on an address that engines can reach: ipcontroller --ip)", url, e.cfg.Timeout, e.origin())
		case <-ch.departed:
			return nil, fmt.Errorf("engine: register at %s: the connection has ended", url)
		case <-ctx.Done():
			return nil, fmt.Errorf("engine: register at %s: %w", url, context.Cause(ctx))
		}
	}
}

// registered reads the answer to a registration.
func (e *Engine) registered(frames [][]byte, url string) (*membership, error) {
	m, err := e.site.session.Decode(frames)
	if err != nil {
		return nil, fmt.Errorf("engine: register: answer from %s: %w (is the key in the %s that of this controller?)", url, err, e.origin())
	}
	var content struct {
		wire.Registered
		Ename  string `json:"ename"`
		Evalue string `json:"evalue"`
	}
	if err := json.Unmarshal(m.Content, &content); err != nil {
		return nil, fmt.Errorf("engine: register: answer from %s: %w", url, err)
	}
	if content.Status != wire.StatusOK {
		return nil, fmt.Errorf("engine: register: refused by %s: %s: %s", url, content.Ename, content.Evalue)
	}
	if content.ID < 0 || content.HeartPeriod <= 0 || content.HeartPeriod > 1e8 {
		return nil, fmt.Errorf("engine: register: answer from %s: impossible id %d or heartbeat period %d ms", url, content.ID, content.HeartPeriod)
	}
	period := time.Duration(content.HeartPeriod) * time.Millisecond
	silence := time.Duration(e.cfg.MissedPings) * (period + 500*time.Millisecond)
	if content.Acknowledges {
		silence = max(silence, restoreWait)
	}
	return &membership{e.site.session, content.ID, content.Instance, content.Acknowledges, silence}, nil
}

// unregister tells the hub that the engine ends, so that nobody has to find out.
func (e *Engine) unregister(s transport.Socket) {
	m := e.member.Load()
	var done drained
	errors.As(context.Cause(e.life), &done)
	_, frames, err := m.session.Frames(wire.UnregistrationRequest, nil, nil, wire.Unregistration{ID: &m.id, Cause: done.cause})
	if err == nil {
		err = s.Send(frames)
	}
	if err != nil {
		e.log.Error("not unregistered", "err", err)
	}
}
