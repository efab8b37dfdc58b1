package client

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
)

// echo is a controller with one engine, in one socket a channel: it answers every apply
// with None, at the least cost that a signed answer can have. What a benchmark
// against it measures is the client, the echo, and ZeroMQ twice.
func echo(b *testing.B) *Client {
	network, err := zmq.New()
	if err != nil {
		b.Fatal(err)
	}
	session := wire.NewSession(testKey, "")
	var conn wire.ClientConnection
	conn.Interface, conn.Key, conn.SignatureScheme = "tcp://127.0.0.1", testKey, wire.SignatureScheme
	conn.Pack, conn.Unpack, conn.Broadcast = "json", "json", 1
	listen := func(kind transport.Kind, port *int) transport.Socket {
		s, err := network.Listen(kind, "tcp://127.0.0.1:0", transport.Options{})
		if err != nil {
			b.Fatal(err)
		}
		fmt.Sscanf(s.Addr(), "tcp://127.0.0.1:%d", port)
		return s
	}
	query, mux, task := listen(transport.Router, &conn.Registration), listen(transport.Router, &conn.Mux), listen(transport.Router, &conn.Task)
	sockets := []transport.Socket{
		query, mux, task,
		listen(transport.Router, &conn.Control),
		listen(transport.Pub, &conn.IOPub), listen(transport.Pub, &conn.Notification),
	}
	none, err := codec.Serialize(nil)
	if err != nil {
		b.Fatal(err)
	}
	metadata := []byte(`{"started":"2026-11-20T16:41:07.308956Z","engine":"e","status":"ok","outputs":0}`)
	answer := func(s transport.Socket, routed int, msgType string, content []byte, buffers [][]byte) {
		for {
			frames, err := s.Recv()
			if err != nil {
				return
			}
			_, header := session.Header(msgType)
			s.Send(session.Encode(&wire.Message{
				Route: frames[:routed], RawHeader: header, RawParent: frames[routed+2],
				Metadata: metadata, Content: content, Buffers: buffers,
			}))
		}
	}
	go answer(query, 1, wire.ConnectionReply, []byte(`{"status":"ok","engines":{"0":"e"}}`), nil)
	go answer(mux, 2, wire.ApplyReply, []byte(`{"status":"ok"}`), none)
	go answer(task, 1, wire.ApplyReply, []byte(`{"status":"ok"}`), none)

	file := filepath.Join(b.TempDir(), "ipcontroller-client.json")
	if err := wire.WriteConnection(file, &conn); err != nil {
		b.Fatal(err)
	}
	c, err := Connect(b.Context(), WithFile(file))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		c.Close()
		for _, s := range sockets {
			s.Close()
		}
		network.Close()
	})
	return c
}

// cpu is the processor time that the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func perCall(b *testing.B, begun time.Duration) {
	b.ReportMetric(float64((cpu()-begun).Microseconds())/float64(b.N), "cpu-µs/op")
}

// BenchmarkRoundTrip is one empty call after the other.
func BenchmarkRoundTrip(b *testing.B) {
	v := echo(b).Direct(Engines(0))
	begun := cpu()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Apply(b.Context(), Ref("f")); err != nil {
			b.Fatal(err)
		}
	}
	perCall(b, begun)
}

// BenchmarkPipelined keeps a thousand empty calls outstanding.
func BenchmarkPipelined(b *testing.B) {
	for name, apply := range map[string]func(*Client) func() *AsyncResult{
		"direct": func(c *Client) func() *AsyncResult {
			v := c.Direct(Engines(0))
			return func() *AsyncResult { return v.ApplyAsync(Ref("f")) }
		},
		"balanced": func(c *Client) func() *AsyncResult {
			v := c.LoadBalanced()
			return func() *AsyncResult { return v.ApplyAsync(Ref("f")) }
		},
	} {
		b.Run(name, func(b *testing.B) {
			send := apply(echo(b))
			results := make(chan *AsyncResult, 1000)
			begun := cpu()
			b.ReportAllocs()
			b.ResetTimer()
			go func() {
				for range b.N {
					results <- send()
				}
				close(results)
			}()
			for ar := range results {
				if _, err := ar.Get(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			perCall(b, begun)
		})
	}
}

// BenchmarkPush sends 8 MB of float64.
func BenchmarkPush(b *testing.B) {
	v := echo(b).Direct(Engines(0))
	x := make([]float64, 1<<20)
	b.SetBytes(int64(8 * len(x)))
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Push(b.Context(), map[string]any{"x": x}); err != nil {
			b.Fatal(err)
		}
	}
}
