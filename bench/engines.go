package bench

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"muster/transport"
	"muster/transport/zmq"
	"muster/transport/zmq/bare"
	"muster/wire"
	"muster/wire/pickle"
)

// simulated are the engines of a process that has many of them: towards the
// controller each is one of its own, which registers, answers heartbeats and
// takes requests by every channel (protocol sections 1, 4, 5). But all they
// answer is ok, and they publish nothing. What a cluster of many nodes costs
// the client and the controller can so be measured on one machine.
type simulated struct {
	conn    *wire.EngineConnection
	session *wire.Session // signs for all
	uuids   []string
	none    [][]byte // the value of every apply
}

// simulate runs n engines until the process ends, or reports why it cannot. One
// goroutine serves the requests to all, and another lets their hearts beat.
func simulate(profile wire.Profile, n int) error {
	conn, err := wire.ReadEngineConnection(profile.EngineFile(""))
	if err != nil {
		return err
	}
	s := simulated{conn: conn, session: wire.NewSession(conn.Key, "")}
	if s.none, err = new(pickle.Codec).Serialize(nil); err != nil {
		return err
	}
	for range n {
		s.uuids = append(s.uuids, wire.NewSessionID())
	}
	requests, err := bare.NewCrowd()
	if err != nil {
		return err
	}
	// The controller can address an engine once it is connected, and does
	// when it has registered and its heart beats.
	for _, port := range []int{conn.Mux, conn.Task, conn.Control} {
		for _, uuid := range s.uuids {
			if err := requests.Join(conn.URL(port), uuid, name(port, uuid)); err != nil {
				return err
			}
		}
	}
	ids, err := s.register()
	if err != nil {
		return err
	}
	for _, uuid := range s.uuids {
		port := conn.Broadcast[int(ids[uuid])%len(conn.Broadcast)]
		if err := requests.Join(conn.URL(port), uuid, name(port, uuid)); err != nil {
			return err
		}
	}
	ended := make(chan error, 2)
	go func() { ended <- s.beat() }()
	go func() { ended <- s.serve(requests) }()
	return <-ended
}

// name is that of an engine's connection to a port.
func name(port int, uuid string) string { return fmt.Sprint(port, " ", uuid) }

// register introduces all engines to the controller and learns their ids.
func (s *simulated) register() (map[string]wire.EngineID, error) {
	c, err := bare.NewCrowd()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, uuid := range s.uuids {
		if err := c.Join(s.conn.URL(s.conn.Registration), uuid, uuid); err != nil {
			return nil, err
		}
		_, frames, err := s.session.Frames(wire.RegistrationRequest, nil, nil, wire.Registration{UUID: wire.EngineUUID(uuid)})
		if err != nil {
			return nil, err
		}
		if err := c.Send(append([][]byte{[]byte(uuid)}, frames...)); err != nil {
			return nil, err
		}
	}
	ids := make(map[string]wire.EngineID)
	for len(ids) < len(s.uuids) {
		frames, err := c.Recv()
		if err != nil {
			return nil, err
		}
		m, err := s.session.Decode(frames)
		if err != nil {
			return nil, fmt.Errorf("bench: register engine: %w", err)
		}
		var r wire.Registered
		if err := json.Unmarshal(m.Content, &r); err != nil || r.Status != wire.StatusOK {
			return nil, fmt.Errorf("bench: register engine: %s %w", m.Content, err)
		}
		ids[string(frames[0])] = r.ID
	}
	return ids, nil
}

// silence is how long the controller may be unheard before it is gone.
const silence = time.Minute

// beat returns each ping of the controller from every engine.
func (s *simulated) beat() error {
	network, err := zmq.New()
	if err != nil {
		return err
	}
	pongs, err := bare.NewCrowd()
	if err != nil {
		return err
	}
	for _, uuid := range s.uuids {
		if err := pongs.Join(s.conn.URL(s.conn.HBPong), uuid, uuid); err != nil {
			return err
		}
	}
	pings, err := network.Dial(transport.Sub, s.conn.URL(s.conn.HBPing), transport.Options{})
	if err != nil {
		return err
	}
	gone := time.AfterFunc(silence, func() { pings.Close() })
	for {
		ping, err := pings.Recv()
		if err != nil {
			return fmt.Errorf("bench: heartbeats of the controller end: %w", err)
		}
		gone.Reset(silence)
		for _, uuid := range s.uuids {
			if err := pongs.Send([][]byte{[]byte(uuid), ping[0]}); err != nil {
				return err
			}
		}
	}
}

// serve answers every request.
func (s *simulated) serve(requests *bare.Crowd) error {
	for {
		frames, err := requests.Recv()
		if err != nil {
			return err
		}
		m, err := s.session.Inspect(frames)
		if err != nil {
			return fmt.Errorf("bench: request to a simulated engine: %w", err)
		}
		reply, err := s.reply(m)
		if err == nil {
			err = requests.Send(reply)
		}
		if err != nil {
			return err
		}
	}
}

var ok = json.RawMessage(`{"status":"ok"}`)

// reply makes the empty ok to a request, along the route by which it came.
func (s *simulated) reply(m *wire.Message) ([][]byte, error) {
	_, uuid, _ := strings.Cut(string(m.Route[0]), " ")
	// What a broadcast says of itself is repeated (protocol section 9), and
	// the number of messages of output tells the client to wait for none.
	var metadata struct {
		IsBroadcast bool      `json:"is_broadcast"`
		Coalescing  bool      `json:"is_coalescing"`
		Original    string    `json:"original_msg_id"`
		Started     wire.Time `json:"started"`
		Met         bool      `json:"dependencies_met"`
		Engine      string    `json:"engine"`
		Status      string    `json:"status"`
		Outputs     int       `json:"outputs"`
	}
	if err := json.Unmarshal(m.Metadata, &metadata); err != nil {
		return nil, fmt.Errorf("bench: metadata of a request to a simulated engine: %w", err)
	}
	metadata.Started, metadata.Met, metadata.Engine, metadata.Status = wire.Now(), true, uuid, wire.StatusOK
	var buffers [][]byte
	if m.Header.MsgType == wire.ApplyRequest {
		buffers = s.none
	}
	kind := strings.TrimSuffix(m.Header.MsgType, "_request") + "_reply"
	_, frames, err := s.session.Frames(kind, m.RawHeader, metadata, ok, buffers...)
	return append(m.Route, frames...), err
}
