package reach_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/controller"
	"muster/transport"
	"muster/transport/reach"
	"muster/transport/zmq"
	"muster/wire"
)

// start starts a controller, and returns what it tells clients.
func start(t *testing.T, cfg controller.Config) wire.Endpoint {
	t.Helper()
	c, err := controller.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c.Client().Endpoint
}

func network(t *testing.T) *zmq.Network {
	t.Helper()
	n, err := zmq.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func limited(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, errors.New("out of patience"))
	t.Cleanup(cancel)
	return ctx
}

// mute accepts connections at the port of e on another address, and says nothing.
func mute(t *testing.T, e wire.Endpoint, host string) {
	t.Helper()
	at := e.At(host)
	l, err := net.Listen("tcp", strings.TrimPrefix(at.URL(e.Registration), "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
}

// The one that answers is found among those where nobody listens, where somebody
// does that says nothing, and where another controller does.
func TestController(t *testing.T) {
	for name, cfg := range map[string]controller.Config{"signed": {}, "curve": {Curve: true}} {
		t.Run(name, func(t *testing.T) {
			e := start(t, cfg)
			mute(t, e, "127.0.0.7")
			stranger := cfg
			stranger.IP, stranger.Ports = "127.0.0.8", controller.Ports{e.Registration}
			start(t, stranger)
			e.Interface = "tcp://127.0.0.7"
			e.Addresses = []string{"127.0.0.8", "127.0.0.9", "127.0.0.1"}
			begun := time.Now()
			host, err := reach.Controller(limited(t, time.Minute), network(t), &e)
			if err != nil || host != "127.0.0.1" {
				t.Errorf("found at %q: %v", host, err)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// The best of several that answer is the first in the list, which has a start.
func TestTheBestComesFirst(t *testing.T) {
	e := start(t, controller.Config{IP: "127.0.0.2,127.0.0.3"})
	memory := &counting{Network: network(t)}
	if host, err := reach.Controller(limited(t, time.Minute), memory, &e); err != nil || host != memory.dialled[0] {
		t.Errorf("found at %q of %q: %v", host, memory.dialled, err)
	}
}

// A single address is taken for granted, and asked if that is wanted.
func TestASingleAddress(t *testing.T) {
	e := start(t, controller.Config{})
	n := &counting{Network: network(t)}
	if host, err := reach.Controller(t.Context(), n, &e); err != nil || host != "127.0.0.1" || len(n.dialled) > 0 {
		t.Errorf("found at %q: %v, dialled %q", host, err, n.dialled)
	}
	if host, err := reach.Ask(limited(t, time.Minute), n, &e); err != nil || host != "127.0.0.1" || len(n.dialled) != 1 {
		t.Errorf("answered at %q: %v, dialled %q", host, err, n.dialled)
	}
}

// counting is a network that counts what is dialled.
type counting struct {
	transport.Network
	dialled []string // hosts, of one caller
}

func (n *counting) Dial(kind transport.Kind, endpoint string, opt transport.Options) (transport.Socket, error) {
	host, _, err := net.SplitHostPort(strings.TrimPrefix(endpoint, "tcp://"))
	if err != nil {
		return nil, err
	}
	n.dialled = append(n.dialled, host)
	return n.Network.Dial(kind, endpoint, opt)
}

func TestNobodyAnswers(t *testing.T) {
	e := start(t, controller.Config{})
	mute(t, e, "127.0.0.7")
	e.Interface, e.Addresses = "tcp://127.0.0.8", []string{"127.0.0.9"}
	n := network(t)
	_, err := reach.Controller(limited(t, time.Minute), n, &e)
	var tried *reach.Error
	if !errors.As(err, &tried) || len(tried.Attempts) != 2 || !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "stale") {
		t.Errorf("nobody listens anywhere: %v", err)
	}
	e.Addresses = append(e.Addresses, "127.0.0.7", "no-such-host.invalid")
	_, err = reach.Controller(limited(t, time.Second), n, &e)
	if !errors.As(err, &tried) || len(tried.Attempts) != 4 {
		t.Fatalf("nobody answers: %v", err)
	}
	for i, want := range []string{"connection refused", "connection refused", "out of patience: somebody listens there, and does not answer", "no-such-host.invalid"} {
		if got := tried.Attempts[i]; !strings.Contains(got.Err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", got.URL, got.Err, want)
		}
	}
	if !strings.Contains(err.Error(), "ipcontroller --ip") {
		t.Errorf("%v does not say what to do", err)
	}
}

func TestListen(t *testing.T) {
	for spec, want := range map[string]string{
		"127.0.0.1":                   "127.0.0.1",
		"*":                           "0.0.0.0",
		"::":                          "::",
		"[fd00::1]":                   "fd00::1",
		"10.0.0.1, 10.0.0.2,10.0.0.1": "10.0.0.1 10.0.0.2",
		"10.0.0.1,0.0.0.0":            "10.0.0.1 0.0.0.0",
		"0.0.0.0,lo,::":               "0.0.0.0 127.0.0.1",
		"lo":                          "127.0.0.1",
		"::ffff:10.0.0.1":             "10.0.0.1",
		"none":                        `"none" is no address, and no interface of this host: it has lo (127.0.0.1`,
		"":                            `"" is no address`,
		"10.0.0.1,":                   `"" is no address`,
		"10.0.0.300":                  `"10.0.0.300" is no address`,
	} {
		on, err := reach.Listen(spec)
		var got []string
		for _, a := range on {
			got = append(got, a.String())
		}
		text := strings.Join(got, " ")
		if err != nil {
			text = err.Error()
		}
		if text != want && (err == nil && !strings.Contains(spec, "lo") || !strings.HasPrefix(text, want)) {
			t.Errorf("%q is %s, want %s", spec, text, want)
		}
	}
	if !reach.Has("lo") || reach.Has("none") {
		t.Error("this host has lo, and no interface none")
	}
}

func TestBound(t *testing.T) {
	for spec, want := range map[string]string{
		"10.0.0.2,10.0.0.1,fd00::1":     "10.0.0.1 10.0.0.2 fd00::1",
		"10.0.0.2,*,fd00::1,10.0.0.1":   "0.0.0.0 fd00::1",
		"10.0.0.2,*,fd00::1,::,fd00::2": "::",
	} {
		on, err := reach.Listen(spec)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range reach.Bound(on) {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is bound to %v, want %s", spec, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	all, err := reach.Listen("*")
	if err != nil {
		t.Fatal(err)
	}
	lo, err := reach.Listen("lo")
	if err != nil {
		t.Fatal(err)
	}
	got, err := reach.Addresses(all, "lo")
	if err != nil || len(got) > 0 && got[len(got)-1] != "127.0.0.1" || slices.Contains(got, "::1") {
		t.Errorf("on all: %q, %v", got, err)
	}
	if got, err := reach.Addresses(lo[:1], ""); err != nil || got != nil {
		t.Errorf("on one: %q, %v", got, err)
	}
	best, err := reach.Listen("127.0.0.7,*,127.0.0.8")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := reach.Addresses(best, ""); err != nil || len(got) < 3 || got[0] != "127.0.0.7" || got[1] != "127.0.0.8" || got[len(got)-1] != "127.0.0.1" {
		t.Errorf("on all, and best on two: %q, %v", got, err)
	}
	many, err := reach.Listen("10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8,10.0.0.9,10.0.0.10,10.0.0.11,10.0.0.12,10.0.0.13,10.0.0.14,10.0.0.15,10.0.0.16,10.0.0.17")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := reach.Addresses(many, ""); err != nil || len(got) != wire.MaxAddresses || got[wire.MaxAddresses-1] != "10.0.0.17" {
		t.Errorf("on seventeen: %q, %v", got, err)
	}
}
