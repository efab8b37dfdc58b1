package wire

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestURL(t *testing.T) {
	here, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ iface, location, want string }{
		{"tcp://10.0.0.7", "login1", "tcp://10.0.0.7:99"},
		{"tcp://0.0.0.0", "elsewhere", "tcp://elsewhere:99"},
		{"tcp://*", here, "tcp://127.0.0.1:99"},
		{"tcp://0.0.0.0", "", "tcp://127.0.0.1:99"},
		{"ipc:///run/user/1000/muster-1/c", "elsewhere", "ipc:///run/user/1000/muster-1/c:99"},
	} {
		e := Endpoint{Interface: c.iface, Location: c.location}
		if err := e.validateHosts(); err != nil {
			t.Error(err)
		}
		if got := e.URL(99); got != c.want {
			t.Errorf("interface %s, location %s: %s, want %s", c.iface, c.location, got, c.want)
		}
	}
}

func TestHosts(t *testing.T) {
	here, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		iface, location, addresses, want string
	}{
		{"tcp://10.0.0.7", "login1", "", "10.0.0.7"},
		{"tcp://[fd00::7]", "login1", "", "fd00::7"},
		{"tcp://10.0.0.7", "login1", "10.0.0.7 10.1.0.7 fd00::7", "10.0.0.7 10.1.0.7 fd00::7"},
		{"tcp://10.0.0.9", "login1", "10.0.0.7 10.1.0.7", "10.0.0.9 10.0.0.7 10.1.0.7"}, // edited by hand
		{"tcp://0.0.0.0", "elsewhere", "10.0.0.7 10.1.0.7 127.0.0.1 ::1", "10.0.0.7 10.1.0.7 elsewhere"},
		{"tcp://0.0.0.0", here, "10.0.0.7 10.1.0.7 127.0.0.1", "127.0.0.1 10.0.0.7 10.1.0.7"},
		{"tcp://*", "", "", "127.0.0.1"},
		{"tcp://127.0.0.1", "elsewhere", "127.0.0.2 10.0.0.7", "127.0.0.1 127.0.0.2 10.0.0.7"}, // by a tunnel
		{"tcp://[::]", "elsewhere", "elsewhere 10.0.0.7", "elsewhere 10.0.0.7"},
	} {
		e := Endpoint{Interface: c.iface, Location: c.location, Addresses: strings.Fields(c.addresses)}
		if got := strings.Join(e.Hosts(), " "); got != c.want {
			t.Errorf("%+v is at %s, want %s", c, got, c.want)
		}
	}
}

func TestAt(t *testing.T) {
	c := &EngineConnection{Endpoint: endpoint(), HBPing: 7}
	c.Addresses = []string{"10.0.0.7", "fd00::7"}
	at := c.At("fd00::7")
	if got := at.URL(at.HBPing); got != "tcp://[fd00::7]:7" || len(at.Hosts()) != 1 || len(c.Addresses) != 2 {
		t.Errorf("at %s of %v", got, at.Hosts())
	}
	if err := at.validateHosts(); err != nil {
		t.Error(err)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, a := range []string{"", "0.0.0.0", "::", "*", "224.0.0.1", "a b", "host:1", "tcp://h", "[fd00::1]", "fe80::1%eth0", strings.Repeat("x", 256), "a\x00"} {
		e := ClientConnection{Endpoint: endpoint(), Notification: 1006, Broadcast: 1007}
		e.Addresses = []string{"10.0.0.1", a}
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseClientConnection(b); err == nil || !strings.Contains(err.Error(), `key "addresses"`) {
			t.Errorf("%q: %v", a, err)
		}
	}
	e := endpoint()
	e.Addresses = slices.Repeat([]string{"10.0.0.1"}, MaxAddresses+1)
	if err := e.validateHosts(); err == nil || !strings.Contains(err.Error(), "17 of them") {
		t.Error(err)
	}
}
