// Package transporttest is the conformance suite of transport networks: an
// implementation's own test calls [Run].
package transporttest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"muster/transport"
)

// Run tries a network. endpoint is an address on which a port is free, such as
// "tcp://127.0.0.1:0", also another one such as "tcp://127.0.0.2:0".
func Run(t *testing.T, net transport.Network, endpoint, also string) {
	s := suite{net, endpoint, also}
	t.Run("RouterDealer", s.routerDealer)
	t.Run("Identity", s.identity)
	t.Run("Handover", s.handover)
	t.Run("Relisten", s.relisten)
	t.Run("UnknownIdentity", s.unknownIdentity)
	t.Run("Mandatory", s.mandatory)
	t.Run("PubSub", s.pubSub)
	t.Run("SendWhileReceiving", s.sendWhileReceiving)
	t.Run("SendEatsSignal", s.sendEatsSignal)
	t.Run("Give", s.give)
	t.Run("CloseEndsRecv", s.closeEndsRecv)
	t.Run("AddressInUse", s.addressInUse)
	t.Run("Also", s.listensAlso)
	t.Run("Probe", s.probe)
	t.Run("Departed", s.departed)
	t.Run("DepartedRouter", s.departedRouter)
}

type suite struct {
	net            transport.Network
	endpoint, also string
}

func (s suite) listen(t *testing.T, k transport.Kind, opt transport.Options) transport.Socket {
	t.Helper()
	l, err := s.net.Listen(k, s.endpoint, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func (s suite) dial(t *testing.T, k transport.Kind, to transport.Socket, opt transport.Options) transport.Socket {
	t.Helper()
	d, err := s.net.Dial(k, to.Addr(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func send(t *testing.T, s transport.Socket, frames ...string) {
	t.Helper()
	b := make([][]byte, len(frames))
	for i, f := range frames {
		b[i] = []byte(f)
	}
	if err := s.Send(b); err != nil {
		t.Fatal(err)
	}
}

func recv(t *testing.T, s transport.Socket) [][]byte {
	t.Helper()
	m, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func want(t *testing.T, got [][]byte, frames ...string) {
	t.Helper()
	ok := len(got) == len(frames)
	for i := 0; ok && i < len(got); i++ {
		ok = string(got[i]) == frames[i]
	}
	if !ok {
		t.Fatalf("received %q, want %q", got, frames)
	}
}

// routerDealer sends frames of all sizes there and back.
func (s suite) routerDealer(t *testing.T) {
	r := s.listen(t, transport.Router, transport.Options{})
	d := s.dial(t, transport.Dealer, r, transport.Options{})
	big := string(bytes.Repeat([]byte("x"), 1<<20))
	for _, frames := range [][]string{{"a"}, {"", "b", ""}, {big, "c"}} {
		send(t, d, frames...)
		m := recv(t, r)
		want(t, m[1:], frames...)
		for _, answer := range []func([][]byte) error{r.Send, func(m [][]byte) error { return r.Give(m, nil) }} {
			if err := answer(m); err != nil {
				t.Fatal(err)
			}
			want(t, recv(t, d), frames...)
		}
	}
}

// identity addresses the dealer that announced a name.
func (s suite) identity(t *testing.T) {
	r := s.listen(t, transport.Router, transport.Options{})
	a := s.dial(t, transport.Dealer, r, transport.Options{Identity: "a"})
	b := s.dial(t, transport.Dealer, r, transport.Options{Identity: "b"})
	send(t, a, "from a")
	send(t, b, "from b")
	for range 2 {
		m := recv(t, r)
		want(t, m, string(m[0]), "from "+string(m[0]))
	}
	send(t, r, "b", "to b")
	send(t, r, "a", "to a")
	want(t, recv(t, a), "to a")
	want(t, recv(t, b), "to b")
}

// handover: a dealer that comes with an identity that another has takes its
// place, and the end of the other is nothing to the router.
func (s suite) handover(t *testing.T) {
	r := s.listen(t, transport.Router, transport.Options{Mandatory: true})
	old := s.dial(t, transport.Dealer, r, transport.Options{Identity: "d"})
	send(t, old, "old")
	want(t, recv(t, r), "d", "old")
	next := s.dial(t, transport.Dealer, r, transport.Options{Identity: "d"})
	send(t, next, "new")
	want(t, recv(t, r), "d", "new")
	send(t, r, "d", "to new")
	want(t, recv(t, next), "to new")
	old.Close()
	send(t, next, "new still")
	want(t, recv(t, r), "d", "new still")
	send(t, r, "d", "to new still")
	want(t, recv(t, next), "to new still")
}

// relisten: dealers and subscribers whose listener closed connect to the next one
// at its address. What they or it send before they have done so may be lost.
func (s suite) relisten(t *testing.T) {
	again := func(kind transport.Kind, endpoint string) transport.Socket {
		t.Helper()
		for { // the address is free as soon as the last listener has let go of it
			l, err := s.net.Listen(kind, endpoint, transport.Options{})
			if err == nil {
				t.Cleanup(func() { l.Close() })
				return l
			}
			time.Sleep(time.Millisecond)
		}
	}
	until := func(sender, receiver transport.Socket) {
		t.Helper()
		heard := make(chan error, 1)
		go func() { _, err := receiver.Recv(); heard <- err }()
		for late := time.After(30 * time.Second); ; {
			send(t, sender, "news")
			select {
			case err := <-heard:
				if err != nil {
					t.Fatal(err)
				}
				return
			case <-late:
				t.Fatal("nothing arrives")
			case <-time.After(time.Millisecond):
			}
		}
	}
	r, p := s.listen(t, transport.Router, transport.Options{}), s.listen(t, transport.Pub, transport.Options{})
	d, sub := s.dial(t, transport.Dealer, r, transport.Options{}), s.dial(t, transport.Sub, p, transport.Options{})
	until(d, r)
	until(p, sub)
	r.Close()
	p.Close()
	until(d, again(transport.Router, r.Addr()))
	until(again(transport.Pub, p.Addr()), sub)
}

// unknownIdentity: such a message is dropped, and harms no other.
func (s suite) unknownIdentity(t *testing.T) {
	r := s.listen(t, transport.Router, transport.Options{})
	d := s.dial(t, transport.Dealer, r, transport.Options{Identity: "d"})
	send(t, d, "hello")
	recv(t, r)
	send(t, r, "nobody", "lost", "lost")
	send(t, r, "d", "found")
	want(t, recv(t, d), "found")
}

// mandatory: the sender is told that the peer is not there, and that it is
// there no more.
func (s suite) mandatory(t *testing.T) {
	gone := make(chan struct{}, 1)
	r := s.listen(t, transport.Router, transport.Options{Mandatory: true, Departed: func([]byte) { gone <- struct{}{} }})
	lost := [][]byte{[]byte("d"), []byte("lost"), bytes.Repeat([]byte("x"), 1<<20), []byte("lost")}
	if err := r.Send(lost); !errors.Is(err, transport.ErrUnreachable) {
		t.Fatalf("Send to nobody: %v", err)
	}
	d := s.dial(t, transport.Dealer, r, transport.Options{Identity: "d"})
	send(t, d, "hello")
	recv(t, r)
	send(t, r, "d", "found", "whole")
	want(t, recv(t, d), "found", "whole")
	d.Close()
	<-gone
	for { // the connection has ended; the router learns of it a moment later
		if err := r.Send(lost); errors.Is(err, transport.ErrUnreachable) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// pubSub: every subscriber that has connected gets every message, in order.
func (s suite) pubSub(t *testing.T) {
	p := s.listen(t, transport.Pub, transport.Options{})
	subs := []transport.Socket{s.dial(t, transport.Sub, p, transport.Options{}), s.dial(t, transport.Sub, p, transport.Options{})}
	// A publisher does not say when it knows its subscribers: publish until
	// each has heard something.
	var wg sync.WaitGroup
	heard := make(chan struct{})
	for _, sub := range subs {
		wg.Go(func() {
			if _, err := sub.Recv(); err != nil {
				t.Error(err)
			}
		})
	}
	go func() { wg.Wait(); close(heard) }()
	for {
		send(t, p, "ping")
		select {
		case <-heard:
		default:
			continue
		}
		break
	}
	for i := range 100 {
		send(t, p, "n", fmt.Sprint(i))
	}
	for _, sub := range subs {
		for i := 0; i < 100; {
			if m := recv(t, sub); string(m[0]) == "n" {
				want(t, m, "n", fmt.Sprint(i))
				i++
			}
		}
	}
}

// sendWhileReceiving has both ends send from several goroutines while they
// receive: no message is lost, and no receiver sleeps on one that is there.
func (s suite) sendWhileReceiving(t *testing.T) {
	const senders, each = 4, 2000
	r := s.listen(t, transport.Router, transport.Options{})
	d := s.dial(t, transport.Dealer, r, transport.Options{Identity: "d"})
	send(t, d, "hello")
	recv(t, r)
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for range each {
				if err := errors.Join(d.Send([][]byte{[]byte("up")}), r.Send([][]byte{[]byte("d"), []byte("down")})); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for _, sock := range []transport.Socket{r, d} {
		wg.Go(func() {
			for range senders * each {
				if _, err := sock.Recv(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// sendEatsSignal has one message arrive while this end sends, over and over: a
// send that takes in the arrival must wake the receiver, for which nothing else
// comes.
func (s suite) sendEatsSignal(t *testing.T) {
	r := s.listen(t, transport.Router, transport.Options{})
	d := s.dial(t, transport.Dealer, r, transport.Options{Identity: "d"})
	send(t, d, "hello")
	recv(t, r)
	got := make(chan error)
	go func() {
		for {
			_, err := d.Recv()
			got <- err
			if err != nil {
				return
			}
		}
	}()
	for range 5000 {
		send(t, r, "d", "down")
		// Some sends about when it arrives, and then silence.
		for range 20 {
			send(t, d, "up")
		}
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	}
	d.Close()
	<-got
}

// give: the giver is told once when the frames are free, whatever became of
// them, and what arrives is what they held before.
func (s suite) give(t *testing.T) {
	r := s.listen(t, transport.Router, transport.Options{Mandatory: true})
	d := s.dial(t, transport.Dealer, r, transport.Options{Identity: "d"})
	send(t, d, "hello")
	recv(t, r)
	big := bytes.Repeat([]byte("x"), 1<<20)
	whole := string(big)
	var calls atomic.Int64
	given := func(s transport.Socket, frames ...[]byte) (free chan struct{}, err error) {
		free = make(chan struct{})
		err = s.Give(frames, func() { calls.Add(1); close(free) }) // a second close panics
		return free, err
	}
	for i, frames := range [][][]byte{{[]byte("small")}, {big}, {big, []byte("small"), big}, {}} {
		free, err := given(r, append([][]byte{[]byte("d")}, append(frames, []byte("end"))...)...)
		if err != nil {
			t.Fatal(err)
		}
		<-free
		clear(big)
		m := recv(t, d)
		for k := range frames {
			if len(frames[k]) == len(whole) && string(m[k]) != whole {
				t.Fatalf("message %d: frame %d arrived changed", i, k)
			}
		}
		copy(big, whole)
	}
	// To nobody.
	free, err := given(r, []byte("nobody"), big, big)
	if !errors.Is(err, transport.ErrUnreachable) {
		t.Fatalf("Give to nobody: %v", err)
	}
	<-free
	// Closed, with the message perhaps still on its way.
	free, err = given(d, big)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	<-free
	free, err = given(d, big)
	if !errors.Is(err, transport.ErrClosed) {
		t.Fatalf("Give on a closed socket: %v", err)
	}
	<-free
	if n := calls.Load(); n != 7 {
		t.Fatalf("%d notices of 7 messages", n)
	}
}

func (s suite) closeEndsRecv(t *testing.T) {
	r := s.listen(t, transport.Router, transport.Options{})
	done := make(chan error)
	go func() {
		_, err := r.Recv()
		done <- err
	}()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, transport.ErrClosed) {
		t.Fatalf("Recv of a closed socket: %v", err)
	}
	if err := r.Send([][]byte{[]byte("x"), []byte("y")}); !errors.Is(err, transport.ErrClosed) {
		t.Fatalf("Send on a closed socket: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatalf("second Close: %v", err)
	}
}

func (s suite) addressInUse(t *testing.T) {
	r := s.listen(t, transport.Router, transport.Options{})
	for _, opt := range []transport.Options{{}, {Also: []string{s.also}}} {
		if l, err := s.net.Listen(transport.Router, r.Addr(), opt); err == nil {
			l.Close()
			t.Fatalf("%s could be bound twice", r.Addr())
		}
	}
	if l, err := s.net.Listen(transport.Router, s.also, transport.Options{Also: []string{r.Addr()}}); !errors.Is(err, syscall.EADDRINUSE) {
		l.Close()
		t.Fatalf("%s could be bound twice: %v", r.Addr(), err)
	}
}

// listensAlso: a router hears who comes to any of its endpoints, at one port, and
// all of them are free when it has closed.
func (s suite) listensAlso(t *testing.T) {
	r := s.listen(t, transport.Router, transport.Options{Also: []string{s.also}})
	endpoints := []string{r.Addr(), strings.TrimSuffix(s.also, ":0") + r.Addr()[strings.LastIndexByte(r.Addr(), ':'):]}
	for _, endpoint := range endpoints {
		d, err := s.net.Dial(transport.Dealer, endpoint, transport.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		send(t, d, "by "+endpoint)
		m := recv(t, r)
		want(t, m[1:], "by "+endpoint)
		send(t, r, string(m[0]), "back")
		want(t, recv(t, d), "back")
	}
	r.Discard()
	for _, endpoint := range endpoints {
		if l, err := s.net.Listen(transport.Router, endpoint, transport.Options{}); err != nil {
			t.Errorf("closed, and still there: %v", err)
		} else {
			l.Close()
		}
	}
}

// probe tells whether somebody listens.
func (s suite) probe(t *testing.T) {
	r := s.listen(t, transport.Router, transport.Options{})
	if err := s.net.Probe(t.Context(), r.Addr()); err != nil {
		t.Errorf("%s: %v", r.Addr(), err)
	}
	r.Discard()
	if err := s.net.Probe(t.Context(), r.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%s, closed: %v", r.Addr(), err)
	}
}

// departed: the router is told who has gone, at once.
func (s suite) departed(t *testing.T) {
	gone := make(chan string, 2)
	r := s.listen(t, transport.Router, transport.Options{Departed: func(id []byte) { gone <- string(id) }})
	a := s.dial(t, transport.Dealer, r, transport.Options{Identity: "a"})
	b := s.dial(t, transport.Dealer, r, transport.Options{Identity: "b"})
	for _, d := range []transport.Socket{a, b} {
		send(t, d, "hello")
		recv(t, r)
	}
	b.Close()
	if id := <-gone; id != "b" {
		t.Fatalf("%q departed, want b", id)
	}
	a.Close()
	if id := <-gone; id != "a" {
		t.Fatalf("%q departed, want a", id)
	}
}

// departedRouter: the dealer is told that its router has gone.
func (s suite) departedRouter(t *testing.T) {
	gone := make(chan struct{}, 1)
	r := s.listen(t, transport.Router, transport.Options{})
	d := s.dial(t, transport.Dealer, r, transport.Options{Departed: func([]byte) { gone <- struct{}{} }})
	send(t, d, "hello")
	if err := r.Send(recv(t, r)); err != nil {
		t.Fatal(err)
	}
	want(t, recv(t, d), "hello")
	r.Close()
	<-gone
}
