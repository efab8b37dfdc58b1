package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"muster/launcher"
	"muster/transport"
	"muster/transport/reach"
	"muster/transport/zmq"
	"muster/wire"
)

// reportLimit bounds a report: a controller that is away is not waited for.
const reportLimit = 5 * time.Second

// report tells the controller how engines of the set have ended, and returns which
// engines these were, as far as the controller still had them.
func (s *engines) report(ctx context.Context, end launcher.End) []wire.EngineID {
	if end.Copy != launcher.All && end.PID == 0 {
		return nil // it was never there
	}
	ended := wire.EngineEnded{EngineProcess: wire.EngineProcess{Job: s.mark}, Cause: end.Cause}
	if ended.Cause == "" {
		ended.Cause = "its process ended with status 0"
	}
	var ids []wire.EngineID
	tell := func() {
		told, err := tell(ctx, s.c.ClientFile(), ended)
		if err != nil && ctx.Err() == nil {
			s.c.config.Log.Info("the controller was not told why engines ended", "cause", ended.Cause, "err", err)
		}
		ids = append(ids, told...)
	}
	switch {
	case end.Copy != launcher.All:
		ended.Host, ended.PID = cmp.Or(end.Host, hostname()), end.PID
	case end.Rank != launcher.Unknown:
		ended.Rank = &end.Rank
		tell()
		ended.Rank = nil
		ended.Cause = fmt.Sprintf("rank %d of its MPI world died: %s", end.Rank, end.Cause)
	case isWorld(s.config.Name()):
		ended.Cause = "its MPI world died: " + end.Cause
	}
	tell()
	return ids
}

// reportAll tells the controller that all engines of the set end, and why.
func (s *engines) reportAll(ctx context.Context, why string) {
	s.report(ctx, launcher.End{Copy: launcher.All, Rank: launcher.Unknown, Cause: why})
}

// tell sends one engine_ended_request (protocol section 17) to the controller of
// a connection file.
func tell(ctx context.Context, file string, ended wire.EngineEnded) ([]wire.EngineID, error) {
	var reply wire.EnginesEnded
	err := ask(ctx, file, wire.EngineEndedRequest, ended, &reply)
	return reply.Engines, err
}

// registered asks the controller of a connection file for its engines.
func registered(ctx context.Context, file string) (map[wire.EngineID]wire.EngineProcess, error) {
	var reply wire.Connected
	err := ask(ctx, file, wire.ConnectionRequest, wire.ConnectionQuery{Processes: true}, &reply)
	return reply.Processes, err
}

// ask sends one request to the controller of a connection file, by a connection of
// its own: the last one may have been to a controller that is gone.
func ask(ctx context.Context, file, msgType string, content, reply any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, reportLimit, fmt.Errorf("no answer within %v", reportLimit))
	defer cancel()
	conn, err := wire.ReadClientConnection(file)
	if err != nil {
		return fmt.Errorf("%s: %w", msgType, err)
	}
	network, err := zmq.New()
	if err != nil {
		return fmt.Errorf("%s: %w", msgType, err)
	}
	defer network.Close()
	host, err := reach.Controller(ctx, network, &conn.Endpoint)
	if err != nil {
		return fmt.Errorf("%s: %w", msgType, err)
	}
	conn = conn.At(host)
	session := wire.NewSession(conn.Key, "")
	s, err := network.Dial(transport.Dealer, conn.URL(conn.Registration), transport.Options{CurveServer: conn.ServerKey()})
	if err != nil {
		return fmt.Errorf("%s: %w", msgType, err)
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
	_, frames, err := session.Frames(msgType, nil, nil, content)
	if err == nil {
		err = s.Send(frames)
	}
	if err == nil {
		frames, err = s.Recv()
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s to %s: %w", msgType, conn.URL(conn.Registration), err)
	}
	m, err := session.Decode(frames)
	if err == nil {
		err = json.Unmarshal(m.Content, reply)
	}
	if err != nil {
		return fmt.Errorf("%s: answer of the controller: %w", msgType, err)
	}
	return nil
}
