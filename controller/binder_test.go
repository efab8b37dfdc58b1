package controller_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/controller"
	"muster/transport/reach"
	"muster/transport/zmq"
	"muster/wire"
)

// What a controller is told of where to listen is what its files say, one address
// for Python's peers in interface and all in addresses.
func TestWhereItListens(t *testing.T) {
	here, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	all, err := reach.Listen("0.0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	others, err := reach.Addresses(all, "")
	if err != nil {
		t.Fatal(err)
	}
	network, err := zmq.New()
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	two := []string{"127.0.0.2", "127.0.0.3"}
	for _, c := range []struct {
		cfg            controller.Config
		client, engine wire.Endpoint
	}{
		{controller.Config{}, wire.Endpoint{Interface: "tcp://127.0.0.1"}, wire.Endpoint{Interface: "tcp://127.0.0.1"}},
		{controller.Config{IP: "127.0.0.2, 127.0.0.3"},
			wire.Endpoint{Interface: "tcp://127.0.0.2", Addresses: two}, wire.Endpoint{Interface: "tcp://127.0.0.2", Addresses: two}},
		{controller.Config{EngineIP: "127.0.0.2,127.0.0.3", ClientIP: "127.0.0.4"},
			wire.Endpoint{Interface: "tcp://127.0.0.4"}, wire.Endpoint{Interface: "tcp://127.0.0.2", Addresses: two}},
		{controller.Config{EngineIP: "*"}, wire.Endpoint{Interface: "tcp://127.0.0.1"}, wire.Endpoint{Interface: "tcp://0.0.0.0", Addresses: others}},
		{controller.Config{EngineIP: "127.0.0.2,0.0.0.0", Location: "head-ib0"},
			wire.Endpoint{Interface: "tcp://127.0.0.1"}, wire.Endpoint{Interface: "tcp://0.0.0.0", Addresses: append([]string{"head-ib0", "127.0.0.2"}, others...)}},
	} {
		made, err := controller.New(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		client, engine := made.Client(), made.Engine()
		for _, side := range []struct {
			name      string
			got, want wire.Endpoint
		}{{"client", client.Endpoint, c.client}, {"engine", engine.Endpoint, c.engine}} {
			if side.got.Interface != side.want.Interface || !slices.Equal(side.got.Addresses, side.want.Addresses) {
				t.Errorf("%+v: %s at %s %v, want %s %v", c.cfg, side.name, side.got.Interface, side.got.Addresses, side.want.Interface, side.want.Addresses)
			}
			if location := side.got.Location; location != c.cfg.Location && location != here {
				t.Errorf("%+v: location %q", c.cfg, location)
			}
		}
		done := make(chan error, 1)
		go func() { done <- made.Run(t.Context()) }()
		// The registration port serves both sides, wherever each is.
		for _, e := range []wire.Endpoint{client.Endpoint, engine.Endpoint} {
			for _, host := range e.Hosts() {
				if at := e.At(host); !strings.HasPrefix(host, "head") {
					if _, err := reach.Ask(ctx, network, &at); err != nil {
						t.Errorf("%+v: %v", c.cfg, err)
					}
				}
			}
		}
		if err := made.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
