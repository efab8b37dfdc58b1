package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
	"muster/wire/pickle"
)

// limit is how long a test waits for what should come at once.
const limit = 60 * time.Second

const testKey = "a key"

// A controller plays the engine's side of a controller.
type controller struct {
	tb      testing.TB
	network transport.Network
	session *wire.Session // the client's, too
	period  int           // of heartbeats, in milliseconds, as it tells engines
	conn    wire.EngineConnection
	file    string

	// instance is the name of this run, and acknowledges what it tells engines.
	instance     string
	acknowledges bool
	repeats      int  // of messages
	attentive    bool // find keeps the messages of iopub

	sockets   map[string]transport.Socket
	listeners sync.WaitGroup
	events    chan event // what the engine sends, in the order of its sending on each channel
	kept      []event    // of those, what the test has not asked for yet
	// quiet makes the listeners only count replies, for benchmarks.
	quiet   atomic.Bool
	answers chan struct{}
}

// An event is a message from the engine.
type event struct {
	channel string
	topic   string // of iopub; the ping on hb_pong
	from    string // the engine's uuid, but for iopub
	*wire.Message
}

// newController listens on every channel and writes a connection file.
func newController(tb testing.TB, network transport.Network) *controller {
	tb.Helper()
	c := &controller{
		tb: tb, network: network, session: wire.NewSession(testKey, ""), period: 3000,
		file:    filepath.Join(tb.TempDir(), "ipcontroller-engine.json"),
		sockets: make(map[string]transport.Socket), events: make(chan event, 1<<16), answers: make(chan struct{}, 1<<10),
	}
	c.conn = wire.EngineConnection{
		Endpoint: wire.Endpoint{
			Interface: "tcp://127.0.0.1", Key: testKey, Location: "localhost", Pack: "json", Unpack: "json",
			SignatureScheme: wire.SignatureScheme,
		},
	}
	c.conn.Broadcast = make([]int, 2)
	c.stand("")
	if err := wire.WriteConnection(c.file, c.conn); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.die)
	return c
}

// stand listens on every channel, as an instance of the controller: at the ports
// of the last one, if there was one.
func (c *controller) stand(instance string) {
	c.tb.Helper()
	c.instance = instance
	for _, ch := range []struct {
		name string
		kind transport.Kind
		port *int
	}{
		{"registration", transport.Router, &c.conn.Registration}, {"control", transport.Router, &c.conn.Control},
		{"mux", transport.Router, &c.conn.Mux}, {"task", transport.Router, &c.conn.Task},
		{"broadcast0", transport.Router, &c.conn.Broadcast[0]}, {"broadcast1", transport.Router, &c.conn.Broadcast[1]},
		{"iopub", transport.Sub, &c.conn.IOPub}, {"hb_ping", transport.Pub, &c.conn.HBPing}, {"hb_pong", transport.Router, &c.conn.HBPong},
	} {
		s, err := c.network.Listen(ch.kind, fmt.Sprintf("tcp://127.0.0.1:%d", *ch.port), transport.Options{})
		for late := time.Now().Add(limit); err != nil && *ch.port != 0 && time.Now().Before(late); { // the last one has not let go yet
			time.Sleep(time.Millisecond)
			s, err = c.network.Listen(ch.kind, fmt.Sprintf("tcp://127.0.0.1:%d", *ch.port), transport.Options{})
		}
		if err == nil {
			_, err = fmt.Sscanf(s.Addr(), "tcp://127.0.0.1:%d", ch.port)
		}
		if err != nil {
			c.tb.Fatal(err)
		}
		c.sockets[ch.name] = s
	}
	for name, s := range c.sockets {
		if name != "hb_ping" {
			c.listeners.Go(func() { c.listen(name, s) })
		}
	}
}

// die closes everything, and what has not been looked at is lost.
func (c *controller) die() {
	for _, s := range c.sockets {
		s.Discard()
	}
	c.listeners.Wait()
	c.kept = nil
	for len(c.events) > 0 {
		<-c.events
	}
}

// beat pings for as long as the test does something.
func (c *controller) beat() (stop func()) {
	ping, over := c.sockets["hb_ping"], make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() {
		for n := 0; ; n++ {
			text := fmt.Append(nil, n)
			if c.instance != "" {
				text = fmt.Appendf(nil, "%s.%d", c.instance, n)
			}
			if ping.Send([][]byte{text}) != nil {
				return
			}
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	return func() { close(over); beating.Wait() }
}

func (c *controller) listen(name string, s transport.Socket) {
	for {
		frames, err := s.Recv()
		if err != nil {
			return
		}
		if c.quiet.Load() {
			if name == "mux" {
				c.answers <- struct{}{}
			}
			continue
		}
		if name == "hb_pong" {
			c.events <- event{channel: name, topic: string(frames[1]), from: string(frames[0])}
			continue
		}
		m, err := c.session.Inspect(frames) // a reply may come twice
		if err != nil {
			c.tb.Errorf("%s: %v", name, err)
			continue
		}
		ev := event{channel: name, from: string(m.Route[0]), Message: m}
		if name == "iopub" {
			ev.topic, ev.from = ev.from, ""
		}
		c.events <- ev
	}
}

// next returns the next message from the engine on one of the channels.
func (c *controller) next(channels ...string) event {
	c.tb.Helper()
	return c.find(func(ev event) bool { return slices.Contains(channels, ev.channel) })
}

// find returns the first message that is wanted. Others are kept for later,
// but for those of hb_pong and iopub, which a test may ignore.
func (c *controller) find(wanted func(event) bool) event {
	c.tb.Helper()
	if i := slices.IndexFunc(c.kept, wanted); i >= 0 {
		ev := c.kept[i]
		c.kept = slices.Delete(c.kept, i, i+1)
		return ev
	}
	late := time.After(limit)
	for {
		select {
		case ev := <-c.events:
			if wanted(ev) {
				return ev
			}
			if (ev.channel != "iopub" || c.attentive) && ev.channel != "hb_pong" {
				c.kept = append(c.kept, ev)
			}
		case <-late:
			c.tb.Fatalf("what is waited for does not come; kept: %v", c.kept)
		}
	}
}

// An engineRun is an engine that a test has started.
type engineRun struct {
	*Engine
	c     *controller
	uuid  string
	id    int
	end   context.CancelFunc
	ended chan error
}

// start runs an engine, and registers it under the id 7 or that it asks for.
func (c *controller) start(cfg Config) *engineRun {
	c.tb.Helper()
	cfg.ConnectionFile, cfg.Network = c.file, c.network
	if testing.Verbose() && cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(c.tb.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	e, err := New(cfg)
	if err != nil {
		c.tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &engineRun{Engine: e, c: c, id: 7, end: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- e.Run(ctx) }()
	c.tb.Cleanup(func() {
		cancel()
		if r.ended != nil {
			r.wait()
		}
	})
	c.accept(r)
	return r
}

// accept registers the engine that asks for it, as often as it does, and returns
// what it asked at last.
func (c *controller) accept(r *engineRun) (reg wire.Registration) {
	c.tb.Helper()
	defer c.beat()()
	for {
		reg = c.asked(r)
		c.send("registration", []byte(r.uuid), wire.RegistrationReply, nil, wire.Registered{
			Status: wire.StatusOK, ID: wire.EngineID(r.id), HeartPeriod: c.period, ConnectionInfo: &c.conn,
			Instance: c.instance, Acknowledges: c.acknowledges,
		})
		// The engine's last connection is its heart's: it serves when that beats.
		ev := c.find(func(ev event) bool {
			return ev.from == r.uuid && (ev.channel == "hb_pong" || ev.channel == "registration" && ev.Header.MsgType == wire.RegistrationRequest)
		})
		if ev.channel == "hb_pong" {
			return reg
		}
		c.kept = append(c.kept, ev)
	}
}

// asked returns what an engine asks for that registers.
func (c *controller) asked(r *engineRun) (reg wire.Registration) {
	c.tb.Helper()
	// What an engine says that drains may come to the next controller first.
	ev := c.find(func(ev event) bool { return ev.channel == "registration" && ev.Header.MsgType != wire.EngineDraining })
	if err := json.Unmarshal(ev.Content, &reg); err != nil || ev.Header.MsgType != wire.RegistrationRequest {
		c.tb.Fatalf("%s %s: %v", ev.Header.MsgType, ev.Content, err)
	}
	if string(ev.Route[0]) != string(reg.UUID) {
		c.tb.Errorf("registers %s as %s", ev.Route[0], reg.UUID)
	}
	r.uuid = string(reg.UUID)
	if reg.ID != nil {
		r.id = int(*reg.ID)
	}
	return reg
}

// send sends a message to the engine on a channel.
func (c *controller) send(channel string, route []byte, msgType string, metadata, content any, buffers ...[]byte) wire.MsgID {
	c.tb.Helper()
	id, frames, err := c.session.Frames(msgType, nil, metadata, content, buffers...)
	if err != nil {
		c.tb.Fatal(err)
	}
	full := [][]byte{route}
	if channel != "registration" {
		full = append(full, []byte("a client"))
	}
	if err := c.sockets[channel].Send(append(full, frames...)); err != nil {
		c.tb.Fatal(err)
	}
	return id
}

// request sends a request on mux, or on control for those that go there.
func (r *engineRun) request(msgType string, content any, buffers ...[]byte) wire.MsgID {
	r.c.tb.Helper()
	channel := "control"
	if msgType == wire.ExecuteRequest || msgType == wire.ApplyRequest || strings.HasPrefix(msgType, "comm_") {
		channel = "mux"
	}
	return r.c.send(channel, []byte(r.uuid), msgType, nil, content, buffers...)
}

func (r *engineRun) execute(code string) wire.MsgID {
	r.c.tb.Helper()
	return r.request(wire.ExecuteRequest, map[string]any{"code": code, "silent": false})
}

func (r *engineRun) apply(fn string, args ...any) wire.MsgID {
	r.c.tb.Helper()
	buffers, err := codec.SerializeCall(pickle.Reference{Name: fn}, args, nil)
	if err != nil {
		r.c.tb.Fatal(err)
	}
	return r.request(wire.ApplyRequest, nil, buffers...)
}

// reply returns the reply to a request, and its status.
func (r *engineRun) reply(id wire.MsgID) (event, wire.Reply) {
	r.c.tb.Helper()
	ev := r.c.find(func(ev event) bool { return ev.Message != nil && ev.channel != "iopub" && ev.Parent.MsgID == id })
	var c wire.Reply
	if err := json.Unmarshal(ev.Content, &c); err != nil {
		r.c.tb.Fatal(err)
	}
	return ev, c
}

// value returns the result of an apply.
func (r *engineRun) value(id wire.MsgID) any {
	r.c.tb.Helper()
	ev, c := r.reply(id)
	if c.Status != wire.StatusOK {
		r.c.tb.Fatalf("%s: %s", c.Ename, c.Evalue)
	}
	v, _, err := codec.Deserialize(ev.Buffers)
	if err != nil {
		r.c.tb.Fatal(err)
	}
	return v
}

// wait returns what Run returned.
func (r *engineRun) wait() error {
	r.c.tb.Helper()
	select {
	case err := <-r.ended:
		r.ended = nil
		return err
	case <-time.After(limit):
		r.c.tb.Fatal("the engine does not end")
		return nil
	}
}

// realNetwork is ZeroMQ, closed at the end of the test.
func realNetwork(tb testing.TB) transport.Network {
	n, err := zmq.New()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := n.Close(); err != nil {
			tb.Error(err)
		}
	})
	return n
}

// The test binary is an engine, too, with the functions that tests register.
func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}
