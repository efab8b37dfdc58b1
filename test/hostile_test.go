package test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
)

// Whatever comes from the network costs its sender, and nobody else.
func TestHostileNetwork(t *testing.T) {
	s := newSite(t)
	s.run("ipcluster", "start", "-n", "2", "--daemonize")
	defer s.run("ipcluster", "stop")
	c := s.connect(2)
	profile := wire.Profile{Dir: filepath.Join(s.dir, "profile_default")}
	conn, err := wire.ReadClientConnection(profile.ClientFile(""))
	if err != nil {
		t.Fatal(err)
	}
	eng, err := wire.ReadEngineConnection(profile.EngineFile(""))
	if err != nil {
		t.Fatal(err)
	}
	ports := []int{conn.Registration, conn.Control, conn.Mux, conn.Task, conn.Broadcast, eng.Control, eng.Mux, eng.Task, eng.Broadcast[0], eng.IOPub, eng.HBPong}
	works := func(what string) {
		t.Helper()
		values, err := client.Call[int](s.ctx(), c.Direct(client.All), client.Ref("func() int { return 42 }"))
		if err != nil || len(values) != 2 || values[1] != 42 {
			t.Fatalf("after %s: %v, %v", what, values, err)
		}
		if err := c.WaitForEngines(s.ctx(), 2); err != nil {
			t.Fatalf("after %s: %v", what, err)
		}
	}

	t.Run("random bytes", func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, p := range ports {
			tcp := dialTCP(t, conn.URL(p))
			noise := make([]byte, 4096)
			for i := range noise {
				noise[i] = byte(rnd.Uint32())
			}
			tcp.Write(noise)
			tcp.Close()
		}
		works("random bytes")
	})
	t.Run("random frames", func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(3, 4))
		forEachPort(t, conn, ports, func(sock transport.Socket) {
			for range 200 {
				frames := make([][]byte, 1+rnd.IntN(9))
				for i := range frames {
					frames[i] = make([]byte, rnd.IntN(200))
					for j := range frames[i] {
						frames[i][j] = byte(rnd.Uint32())
					}
					if rnd.IntN(4) == 0 {
						frames[i] = []byte(wire.Delimiter)
					}
				}
				sock.Send(frames)
			}
		})
		works("random frames")
	})
	t.Run("wrong key", func(t *testing.T) {
		session := wire.NewSession("another key", "")
		forEachPort(t, conn, ports, func(sock transport.Socket) {
			for _, typ := range []string{wire.ExecuteRequest, wire.ConnectionRequest, wire.RegistrationRequest, wire.ShutdownRequest} {
				_, frames, err := session.Frames(typ, nil, nil, map[string]any{"uuid": "x", "code": "os.Exit(1)"})
				if err != nil {
					t.Fatal(err)
				}
				sock.Send(frames)
				sock.Send(append([][]byte{[]byte("engine")}, frames...))
			}
		})
		works("a wrong key")
	})
	t.Run("truncated requests", func(t *testing.T) {
		session := wire.NewSession(conn.Key, "")
		forEachPort(t, conn, ports, func(sock transport.Socket) {
			_, frames, err := session.Frames(wire.ApplyRequest, nil, nil, nil, []byte("\x80\x04"))
			if err != nil {
				t.Fatal(err)
			}
			for n := range frames {
				sock.Send(frames[:n+1])
			}
		})
		works("truncated requests")
	})
	t.Run("a claim of 2 GB", func(t *testing.T) {
		for _, p := range ports {
			tcp := dialTCP(t, conn.URL(p))
			claim(t, tcp, 2<<30)
			tcp.Close()
		}
		works("claims of 2 GB")
	})
}

func dialTCP(t *testing.T, url string) net.Conn {
	t.Helper()
	tcp, err := net.Dial("tcp", strings.TrimPrefix(url, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	return tcp
}

// claim shakes hands as a DEALER does (ZMTP 3.0, RFC 23) and announces a frame
// of n bytes that does not come.
func claim(t *testing.T, tcp net.Conn, n uint64) {
	t.Helper()
	greeting := make([]byte, 64)
	copy(greeting, "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL")
	ready := "\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
	tcp.SetDeadline(time.Now().Add(patience))
	tcp.Write(greeting)
	if _, err := io.ReadFull(tcp, make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	tcp.Write(append([]byte{4, byte(len(ready))}, ready...))
	frame := binary.BigEndian.AppendUint64([]byte{2}, n)
	if _, err := tcp.Write(append(frame, "the beginning"...)); err != nil {
		t.Fatal(err)
	}
}

// forEachPort opens a DEALER to each port.
func forEachPort(t *testing.T, conn *wire.ClientConnection, ports []int, f func(transport.Socket)) {
	t.Helper()
	network, err := zmq.New()
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	for _, p := range ports {
		sock, err := network.Dial(transport.Dealer, conn.URL(p), transport.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f(sock)
		sock.Close()
	}
}

// A connection file that is missing, stale, not JSON or of another key gives
// one clear error that names it, and soon.
func TestConnectionFiles(t *testing.T) {
	s := newSite(t)
	security := filepath.Join(s.dir, "profile_default", "security")
	file := filepath.Join(security, "ipcontroller-client.json")
	connect := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		c, err := client.Connect(ctx, client.WithFile(file))
		if err == nil {
			c.Close()
			return errors.New("it connects")
		}
		return err
	}
	says := func(what string, words ...string) {
		t.Helper()
		err := connect()
		for _, w := range append(words, file) {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v\nit does not say %q", what, err, w)
			}
		}
	}
	says("missing", "does not exist", "ipcluster start")
	if _, out := s.fails("ipengine", "--wait=0.1"); !strings.Contains(out, "ipcontroller-engine.json") || !strings.Contains(out, "does not exist") {
		t.Errorf("ipengine without a file:\n%s", out)
	}

	s.run("ipcluster", "start", "-n", "1", "--daemonize")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		t.Helper()
		if err := os.MkdirAll(security, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var conn wire.ClientConnection
	if err := json.Unmarshal(good, &conn); err != nil {
		t.Fatal(err)
	}
	conn.Key = "another"
	other, err := json.Marshal(conn)
	if err != nil {
		t.Fatal(err)
	}
	write(other)
	says("another key", "key")
	write([]byte("mux = 3"))
	says("not JSON", "not a connection file")
	write(good)
	s.run("ipcluster", "stop")
	write(good)
	says("stale", "controller")
	os.Remove(file)
}
