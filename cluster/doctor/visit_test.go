package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/controller"
	"muster/wire"
)

func listening(t *testing.T) (*listener, wire.Endpoint) {
	t.Helper()
	l, e, err := listen(controller.Config{}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l, e
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// blackhole makes a port of another address of loopback one at which connections are neither
// made nor refused: those that somebody listens for are there already.
func blackhole(t *testing.T, host string, port int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		t.Cleanup(func() { syscall.Close(fd) })
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: netip.MustParseAddr(host).As4(), Port: port})
	}
	if err == nil {
		err = syscall.Listen(fd, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 16 {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", host, port), time.Second)
		if err != nil {
			return
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatal("it goes on accepting")
}

// Of several addresses each is told for itself, and the one that answers is used.
func TestVisit(t *testing.T) {
	l, e := listening(t)
	blackhole(t, "127.0.0.7", e.Registration)
	other, _, err := listen(controller.Config{EngineIP: "127.0.0.8", EnginePorts: controller.Ports{e.Registration}}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	e.Interface = "tcp://127.0.0.7"
	e.Addresses = []string{"127.0.0.9", "127.0.0.8", "127.0.0.1"}
	r := request{Doctor: e}
	v, routes := r.visit(limited(t))
	defer v.leave()
	for i, want := range []string{"no answer within 5s", "refused", "does not answer", ""} {
		if !strings.Contains(routes[i].Error, want) || (want == "") != (routes[i].Error == "") {
			t.Errorf("%s: %q, want %q", routes[i].Host, routes[i].Error, want)
		}
	}
	report := Report{Copy: "one", Routes: routes}
	if best := report.answers(); best == nil || best.Host != "127.0.0.1" {
		t.Errorf("reached at %+v", best)
	}
	if s := v.fresh(limited(t), l.dir); s.Error != "" {
		t.Errorf("fresh file: %+v", s)
	}
	told := make(chan Report, 1)
	go func() { told <- <-l.reports }()
	if err := v.report(limited(t), &report); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got.Copy != "one" || len(got.Routes) != 4 {
		t.Errorf("it is told %+v", got)
	}
	if f := nodeNetwork(nil, []Report{{Host: "n1", Routes: routes[:2]}})[0]; f.State != Failure || !strings.Contains(f.Found, "127.0.0.7: no answer within 5s") {
		t.Errorf("found %+v", f)
	}
}

// A node that reaches nobody says so.
func TestNobodyIsReached(t *testing.T) {
	var v *visit
	if c := v.clock(t.Context()); c.Known {
		t.Errorf("clock %+v", c)
	}
	if s := v.fresh(t.Context(), "/"); s.Error == "" {
		t.Error("a fresh file is seen")
	}
	if err := v.report(t.Context(), &Report{}); err == nil {
		t.Error("the report arrives")
	}
	v.leave()
}

// The clock of the doctor is an hour slow: the node's is an hour ahead.
func TestClock(t *testing.T) {
	_, e := listening(t)
	v, _ := request{Doctor: e}.visit(limited(t))
	defer v.leave()
	if c := v.clock(limited(t)); !c.Known || c.Ahead.Abs() > c.Error+time.Second {
		t.Errorf("clocks of one machine: %+v", c)
	}
	slow, e, err := open(controller.Config{}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	slow.now = func() time.Time { return time.Now().Add(-time.Hour) }
	go slow.serve()
	defer slow.close()
	w, _ := request{Doctor: e}.visit(limited(t))
	defer w.leave()
	c := w.clock(limited(t))
	if !c.Known || (c.Ahead-time.Hour).Abs() > c.Error+time.Second {
		t.Errorf("an hour apart: %+v", c)
	}
	found := nodeClock(nil, []Report{{Host: "n1", Clock: Clock{Known: true}}, {Host: "n2", Clock: c}})
	if len(found) != 1 || found[0].State != Warning || found[0].Nodes != "n2" || found[0].Found != "1h0m0s ahead of that of this machine" {
		t.Errorf("found %+v", found)
	}
}
