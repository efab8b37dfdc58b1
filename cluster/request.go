package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
)

// A Request is what a process asks of the one that supervises a cluster
// (protocol section 17).
type Request struct {
	// Do is Add, Remove or Restart.
	Do string `json:"do"`
	// Add says what engines are to be added.
	Add AddConfig `json:"add,omitzero"`
	// IDs are the engines to be removed, and Sets are sets to be removed or to be
	// started again; to start again none is all.
	IDs  []wire.EngineID `json:"ids,omitempty"`
	Sets []string        `json:"sets,omitempty"`
	// Wait has the answer come when the engines that were started are registered. If
	// those that were added do not come, their set is removed again.
	Wait bool `json:"wait,omitempty"`
	// Now removes at once, and does not wait for what engines run.
	Now bool `json:"now,omitempty"`
}

// What can be requested.
const (
	Add     = "add"
	Remove  = "remove"
	Restart = "restart"
)

// The messages between a process that asks and the supervisor. An accepted message
// comes at once, progress messages may follow, a reply is the last.
const (
	engineSetRequest  = "engine_set_request"
	engineSetAccepted = "engine_set_accepted"
	engineSetProgress = "engine_set_progress"
	engineSetReply    = "engine_set_reply"
)

// An answer is the content of all that the supervisor sends.
type answer struct {
	Status   string   `json:"status"`
	Error    string   `json:"error,omitempty"` // of status error: a sentence
	Sets     []Set    `json:"sets,omitempty"`  // that were started
	Progress Progress `json:"progress,omitzero"`
}

// validate refuses what no supervisor does.
func (r Request) validate() error {
	switch {
	case r.Do != Add && r.Do != Remove && r.Do != Restart:
		return fmt.Errorf("request %q: want %s, %s or %s", r.Do, Add, Remove, Restart)
	case r.Do == Remove && len(r.IDs)+len(r.Sets) == 0:
		return errors.New("remove: name engines or sets")
	case r.Do != Remove && len(r.IDs) > 0:
		return fmt.Errorf("%s: engines are named that are to be removed", r.Do)
	case r.Do != Remove && r.Now:
		return fmt.Errorf("%s: now is for a removal", r.Do)
	}
	return nil
}

// acceptLimit bounds the wait for the first word of the supervisor.
const acceptLimit = 10 * time.Second

// Ask has the process that supervises the cluster carry out a request, and returns
// the sets that were started. Progress, unless it is nil, is told of each set how
// far it is, until its engines are registered, if that is waited for, and with a zero
// Set how far a removal is. When ctx ends what was begun goes on all the same.
func (r *Record) Ask(ctx context.Context, request Request, progress func(Set, Progress)) ([]Set, error) {
	if err := r.answers(); err != nil {
		return nil, err
	}
	fail := func(err error) ([]Set, error) {
		if ctx.Err() != nil { // which has closed the socket
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("cluster: ask the supervisor of %s: %w", r.Name(), err)
	}
	if err := request.validate(); err != nil {
		return fail(err)
	}
	conn, err := wire.ReadClientConnection(r.Profile().ClientFile(r.ClusterID))
	if err != nil {
		return fail(err)
	}
	network, err := zmq.New()
	if err != nil {
		return fail(err)
	}
	defer network.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	departed := func([]byte) { cancel(fmt.Errorf("it has ended: ipcluster list tells how the cluster is")) }
	s, err := network.Dial(transport.Dealer, r.Requests, transport.Options{Departed: departed})
	if err != nil {
		return fail(err)
	}
	defer s.Discard()
	closing := context.AfterFunc(ctx, func() { s.Discard() })
	defer closing()
	session := wire.NewSession(conn.Key, "")
	_, frames, err := session.Frames(engineSetRequest, nil, nil, request)
	if err == nil {
		err = s.Send(frames)
	}
	if err != nil {
		return fail(err)
	}
	silent := time.AfterFunc(acceptLimit, func() {
		cancel(fmt.Errorf("process %d does not answer within %v: is it stopped?", r.Supervisor.PID, acceptLimit))
	})
	defer silent.Stop()
	for {
		frames, err := s.Recv()
		if err != nil {
			return fail(err)
		}
		m, err := session.Decode(frames)
		var a answer
		if err == nil {
			err = json.Unmarshal(m.Content, &a)
		}
		if err != nil {
			return fail(fmt.Errorf("answer: %w", err))
		}
		silent.Stop()
		switch {
		case a.Status == wire.StatusError:
			return a.Sets, errors.New(a.Error)
		case m.Header.MsgType == engineSetReply:
			return a.Sets, nil
		case m.Header.MsgType == engineSetProgress && progress != nil:
			var s Set
			if len(a.Sets) == 1 {
				s = a.Sets[0]
			}
			progress(s, a.Progress)
		}
	}
}

// answers reports why nobody takes requests for the cluster, if so.
func (r *Record) answers() error {
	switch r.State() {
	case Elsewhere:
		return fmt.Errorf("cluster: %s runs on %s, and is changed there: log in to that machine", r.Name(), r.Host)
	case Stale:
		return fmt.Errorf("cluster: %s is stale, as its ipcluster or its controller has ended: ipcluster stop clears what is left", r.Name())
	case Starting, Queued:
		return fmt.Errorf("cluster: %s is still being started: wait until it is up (ipcluster list)", r.Name())
	}
	return nil
}
