package zmq_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"muster/transport"
	"muster/transport/transporttest"
	"muster/transport/zmq"
)

func network(tb testing.TB) *zmq.Network {
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

func TestZMQ(t *testing.T) {
	transporttest.Run(t, network(t), "tcp://127.0.0.1:0", "tcp://127.0.0.2:0")
}

// The addresses of a socket may be of IPv4 and of IPv6; a wildcard of IPv6 is both.
func TestIPv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skipf("NOT RUN: this machine has no IPv6: %v", err)
	} else {
		l.Close()
	}
	transporttest.Run(t, network(t), "tcp://[::1]:0", "tcp://127.0.0.1:0")
	n := network(t)
	r, err := n.Listen(transport.Router, "tcp://[::]:0", transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	port := r.Addr()[strings.LastIndexByte(r.Addr(), ':'):]
	for _, host := range []string{"tcp://127.0.0.1", "tcp://[::1]"} {
		d, err := n.Dial(transport.Dealer, host+port, transport.Options{})
		if err != nil {
			t.Fatal(err)
		}
		d.Send([][]byte{[]byte("hello")})
		if m, err := r.Recv(); err != nil || string(m[1]) != "hello" {
			t.Errorf("%s: received %q, %v", host, m, err)
		}
		d.Close()
	}
}

// A peer that announces a frame of 2 GB is cut off before a byte is stored,
// and the socket goes on serving others.
func TestMaxFrame(t *testing.T) {
	n := network(t)
	r, err := n.Listen(transport.Router, "tcp://127.0.0.1:0", transport.Options{MaxFrame: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := net.Dial("tcp", r.Addr()[len("tcp://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// ZMTP 3.0 greeting (RFC 23) and NULL handshake, then a long frame of 2^31 bytes.
	greeting := make([]byte, 64)
	copy(greeting, "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL")
	ready := "\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"[:]
	ready = "\x04" + string(rune(len(ready)-2)) + ready[2:]
	c.Write(greeting)
	c.Write([]byte(ready))
	c.Write([]byte("\x02\x00\x00\x00\x00\x80\x00\x00\x00"))
	buf := make([]byte, 4096)
	for err == nil {
		_, err = c.Read(buf)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatal("the connection stays open")
	}
	d, err := n.Dial(transport.Dealer, r.Addr(), transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.Send([][]byte{[]byte("hello")})
	if m, err := r.Recv(); err != nil || string(m[1]) != "hello" {
		t.Fatalf("received %q, %v", m, err)
	}
}

// With CURVE, a peer that has the listener's public key is heard, and one that
// has none, or another's, is not.
func TestCurve(t *testing.T) {
	n := network(t)
	public, secret, err := zmq.NewCurveKeys()
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := zmq.NewCurveKeys()
	if err != nil {
		t.Fatal(err)
	}
	r, err := n.Listen(transport.Router, "tcp://127.0.0.1:0", transport.Options{CurveSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for name, server := range map[string]string{"plain": "", "stranger": other, "friend": public} {
		d, err := n.Dial(transport.Dealer, r.Addr(), transport.Options{CurveServer: server})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Send([][]byte{[]byte(name)}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the friend, and then the answer to it
		m, err := r.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if string(m[1]) != "friend" {
			t.Fatalf("%s was heard", m[1])
		}
		friend, err := n.Dial(transport.Dealer, r.Addr(), transport.Options{CurveServer: public})
		if err != nil {
			t.Fatal(err)
		}
		defer friend.Close()
		if err := friend.Send([][]byte{[]byte("friend")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.Dial(transport.Dealer, r.Addr(), transport.Options{CurveServer: "short"}); err == nil {
		t.Error("a key of five characters was accepted")
	}
}

// BenchmarkRoundTrip is one message of seven frames there and back, one
// outstanding; BenchmarkPipeline has a thousand.
func BenchmarkRoundTrip(b *testing.B) { echo(b, 1) }
func BenchmarkPipeline(b *testing.B)  { echo(b, 1000) }

func echo(b *testing.B, outstanding int) {
	n := network(b)
	r, err := n.Listen(transport.Router, "tcp://127.0.0.1:0", transport.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	d, err := n.Dial(transport.Dealer, r.Addr(), transport.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	go func() {
		for {
			m, err := r.Recv()
			if err != nil {
				return
			}
			r.Send(m)
		}
	}()
	msg := make([][]byte, 7)
	for i := range msg {
		msg[i] = make([]byte, 100)
	}
	b.ResetTimer()
	sent := 0
	for range b.N {
		for ; sent < b.N && outstanding > 0; sent, outstanding = sent+1, outstanding-1 {
			if err := d.Send(msg); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := d.Recv(); err != nil {
			b.Fatal(err)
		}
		outstanding++
	}
}

// What a discarded socket had to deliver does not reach the listener that comes.
func TestDiscard(t *testing.T) {
	n := network(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := "tcp://" + l.Addr().String()
	l.Close() // nobody stands there for now
	dial := func(word string) transport.Socket {
		t.Helper()
		d, err := n.Dial(transport.Dealer, addr, transport.Options{})
		if err == nil {
			err = d.Send([][]byte{[]byte(word)})
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	discarded, closed := dial("discarded"), dial("closed")
	discarded.Discard()
	closed.Close()
	r, err := n.Listen(transport.Router, addr, transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer dial("later").Close()
	for heard := make(map[string]bool); !heard["closed"] || !heard["later"]; {
		m, err := r.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if heard[string(m[1])] = true; heard["discarded"] {
			t.Fatal("what was discarded is delivered")
		}
	}
}
