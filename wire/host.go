package wire

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// MaxAddresses is how many addresses a connection file may list.
const MaxAddresses = 16

// loopback is where a peer on the controller's host finds one that listens on
// every interface.
const loopback = "127.0.0.1"

// Hosts returns where the controller may be found from this host, best first:
// IP addresses and names, of which there is one at least. They are the host of
// Interface and those of Addresses. In the place of a wildcard stands loopback on
// the controller's own host, and elsewhere, as the last, its Location. Loopback
// addresses of another host lead nowhere, and are left out unless Interface is one.
func (e *Endpoint) Hosts() []string {
	name, _ := os.Hostname()
	return e.HostsFrom(name)
}

// HostsFrom is Hosts for a host of that name.
func (e *Endpoint) HostsFrom(name string) []string {
	host := e.host()
	here := e.Location == "" || e.Location == name || isLoopback(host)
	wildcard := isWildcard(host)
	var hosts []string
	switch {
	case !wildcard:
		hosts = []string{host}
	case here:
		hosts = []string{loopback}
	}
	for _, a := range e.Addresses {
		if here || !isLoopback(a) {
			hosts = append(hosts, a)
		}
	}
	if wildcard && !here {
		hosts = append(hosts, e.Location)
	}
	for i := len(hosts) - 1; i > 0; i-- {
		if slices.Contains(hosts[:i], hosts[i]) {
			hosts = slices.Delete(hosts, i, i+1)
		}
	}
	return hosts
}

// At returns the endpoint of a controller that is at one host.
func (e Endpoint) At(host string) Endpoint {
	e.Interface, e.Addresses = InterfaceOf(host), nil
	return e
}

// At returns the connection to a controller that is at one host.
func (c *ClientConnection) At(host string) *ClientConnection {
	at := *c
	at.Endpoint = at.Endpoint.At(host)
	return &at
}

// At returns the connection to a controller that is at one host.
func (c *EngineConnection) At(host string) *EngineConnection {
	at := *c
	at.Endpoint = at.Endpoint.At(host)
	return &at
}

// InterfaceOf returns a host as Endpoint.Interface has it: an address of IPv6 is
// in brackets. A path stands for Unix sockets.
func InterfaceOf(host string) string {
	if strings.HasPrefix(host, "/") {
		return "ipc://" + host
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return "tcp://" + host
}

// URL returns the address to connect to for a port, at the first of Hosts.
func (e *Endpoint) URL(port int) string {
	return InterfaceOf(e.Hosts()[0]) + ":" + strconv.Itoa(port)
}

// host is that of Interface.
func (e *Endpoint) host() string {
	_, host, ok := strings.Cut(e.Interface, "://")
	if !ok {
		host = e.Interface
	}
	if bare, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(bare, "]")
	}
	return host
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func isWildcard(host string) bool {
	return host == "" || host == "*" || host == "0.0.0.0" || host == "::"
}

// validateHosts checks the keys by which peers find the controller.
func (e *Endpoint) validateHosts() error {
	scheme, _, ok := strings.Cut(e.Interface, "://")
	host := e.host()
	sockets := scheme == "ipc" && strings.HasPrefix(host, "/")
	if !sockets && (!ok || scheme != "tcp" || !isWildcard(host) && !IsHost(host)) {
		return fmt.Errorf("key \"interface\": %q, want tcp://HOST", e.Interface)
	}
	if len(e.Addresses) > MaxAddresses {
		return fmt.Errorf("key \"addresses\": %d of them, want %d at most", len(e.Addresses), MaxAddresses)
	}
	for _, a := range e.Addresses {
		if !IsHost(a) {
			return fmt.Errorf("key \"addresses\": %q is no address of a host, and no name of one", a)
		}
	}
	return nil
}

// IsHost tells whether one can try to connect to s: an address of one host (without
// brackets), or what looks like a name of one.
func IsHost(s string) bool {
	if ip := net.ParseIP(s); ip != nil {
		return !ip.IsUnspecified() && !ip.IsMulticast()
	}
	return s != "" && len(s) < 256 && !strings.ContainsFunc(s, func(r rune) bool {
		return r > '~' || !strings.ContainsRune("-._", r) && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	})
}
