package controller_test

import (
	"fmt"
	"testing"
	"time"

	"muster/controller"
	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
)

// BenchmarkEcho sends empty applies to an engine that echoes them, over real
// sockets: through a controller, and through a bare relay that does the same
// hops with the same frames and nothing else. Client, relay and engine share
// the process.
func BenchmarkEcho(b *testing.B) {
	for _, outstanding := range []int{1, 100} {
		b.Run(fmt.Sprintf("bare/%d", outstanding), func(b *testing.B) {
			network := newNetwork(b)
			toClient, toEngine := newRelay(b, network)
			p := &peer{b, network, wire.NewSession("key", "")}
			e := &engine{peer: *p}
			ps := p.dial(transport.Dealer, toClient, transport.Options{Identity: "client"})
			es := p.dial(transport.Dealer, toEngine, transport.Options{Identity: "engine"})
			meet(b, ps, es)
			go e.echo(es, nil)
			pipeline(b, p, ps, outstanding, []byte("engine"))
		})
		for _, channel := range []string{"mux", "task"} {
			b.Run(fmt.Sprintf("%s/%d", channel, outstanding), func(b *testing.B) {
				network := newNetwork(b)
				c := start(b, controller.Config{Network: network, HWM: -1})
				p := newClient(b, network, c)
				e := newEngine(b, network, c)
				p.engines(1)
				if channel == "task" {
					go e.echo(e.task, nil)
					pipeline(b, &p.peer, p.task, outstanding)
				} else {
					go e.echo(e.mux, nil)
					pipeline(b, &p.peer, p.mux, outstanding, []byte(e.uuid))
				}
			})
		}
	}
}

func newNetwork(tb testing.TB) *zmq.Network {
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

// newRelay starts two routers that pass messages to each other, and returns
// their addresses.
func newRelay(b *testing.B, network transport.Network) (client, engine string) {
	var sides [2]transport.Socket
	for i := range sides {
		s, err := network.Listen(transport.Router, "tcp://127.0.0.1:0", transport.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { s.Close() })
		sides[i] = s
	}
	for i, from := range sides {
		to := sides[1-i]
		go func() {
			for {
				m, err := from.Recv()
				if err != nil {
					return
				}
				m[0], m[1] = m[1], m[0]
				to.Send(m)
			}
		}()
	}
	return sides[0].Addr(), sides[1].Addr()
}

// meet waits until the relay knows both ends: before, messages to them are lost.
func meet(b *testing.B, client, engine transport.Socket) {
	met := make(chan error, 1)
	go func() {
		_, err := client.Recv()
		met <- err
	}()
	for {
		if err := engine.Send([][]byte{[]byte("client"), []byte("hello")}); err != nil {
			b.Fatal(err)
		}
		select {
		case err := <-met:
			if err != nil {
				b.Fatal(err)
			}
		case <-time.After(time.Millisecond):
			continue
		}
		break
	}
	engine.Send([][]byte{[]byte("client"), []byte("last")})
	for {
		if m, err := client.Recv(); err != nil || string(m[len(m)-1]) == "last" {
			return
		}
	}
}

// pipeline keeps so many requests under way until b.N are answered.
func pipeline(b *testing.B, p *peer, s transport.Socket, outstanding int, route ...[]byte) {
	b.ReportAllocs()
	b.ResetTimer()
	for sent, got := 0, 0; got < b.N; got++ {
		for ; sent < b.N && sent-got < outstanding; sent++ {
			p.send(s, wire.ApplyRequest, nil, nil, nil, route...)
		}
		if _, err := s.Recv(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
