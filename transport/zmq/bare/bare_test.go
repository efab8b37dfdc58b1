package bare_test

import (
	"testing"

	"muster/transport/zmq/bare"
)

// The router and the workers run until their process ends, so they share this
// test binary's life.
func TestBare(t *testing.T) {
	type addrs struct{ clients, workers string }
	ready := make(chan addrs, 1)
	go func() {
		if err := bare.Router(func(c, w string) { ready <- addrs{c, w} }); err != nil {
			t.Error(err)
		}
	}()
	at := <-ready
	names := []string{"a", "b"}
	for _, n := range names {
		go func() {
			if err := bare.Worker(at.workers, n); err != nil {
				t.Error(err)
			}
		}()
	}
	crowd := []string{"c", "d", "e"}
	go func() {
		if err := bare.Workers(at.workers, crowd); err != nil {
			t.Error(err)
		}
	}()
	names = append(names, crowd...)
	c, err := bare.Dial(at.clients)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ready(names...); err != nil {
		t.Fatal(err)
	}
	small := [][]byte{[]byte("one"), {}, []byte("two")}
	if m, err := c.RoundTrip("b", small); err != nil || len(m) != 4 || string(m[0]) != "b" || string(m[3]) != "two" {
		t.Errorf("echo: %q, %v", m, err)
	}
	if m, err := c.RoundTrip("a", append(small, make([]byte, 1<<20))); err != nil || len(m) != 4 {
		t.Errorf("a large buffer: %d frames back, %v", len(m), err)
	}
	if m, err := c.RoundTrip("a", [][]byte{[]byte(bare.Give), []byte("1000000")}); err != nil || len(m[len(m)-1]) != 1e6 {
		t.Errorf("a buffer asked for: %d frames, %v", len(m), err)
	}
	if m, err := c.RoundTrip("d", small); err != nil || len(m) != 4 || string(m[0]) != "d" || string(m[3]) != "two" {
		t.Errorf("echo of one in a crowd: %q, %v", m, err)
	}
	if err := c.Broadcast(small, len(names)); err != nil {
		t.Error(err)
	}
	if m, err := c.RoundTrip("a", small); err != nil || string(m[0]) != "a" {
		t.Errorf("after the broadcast: %q, %v: more than %d answered it", m, err, len(names))
	}
	if err := c.Pipeline(names, small, 1000, 100); err != nil {
		t.Error(err)
	}
}
