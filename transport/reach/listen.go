package reach

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"muster/wire"
)

var (
	any4 = netip.IPv4Unspecified()
	any6 = netip.IPv6Unspecified()
)

// Listen returns where a controller listens that is told spec: addresses of this
// host and names of its network interfaces, separated by commas, in that order. An
// interface stands for all its addresses, those of IPv4 first, but for link-local
// ones of IPv6. "0.0.0.0" and "*" are all of IPv4, "::" is all there are; what is
// named beside them is better than the rest.
func Listen(spec string) ([]netip.Addr, error) {
	var out []netip.Addr
	for word := range strings.SplitSeq(spec, ",") {
		addrs, err := listen(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		for _, a := range addrs {
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out, nil
}

// Bound are the addresses to bind a port to for one who listens there: each once.
func Bound(listens []netip.Addr) []netip.Addr {
	if slices.Contains(listens, any6) {
		return []netip.Addr{any6} // that is all
	}
	out := slices.Clone(listens)
	if slices.Contains(listens, any4) {
		out = append(slices.DeleteFunc(out, netip.Addr.Is4), any4)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

func listen(word string) ([]netip.Addr, error) {
	if word == "*" {
		return []netip.Addr{any4}, nil
	}
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(word, "["), "]")); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	all, err := interfaces()
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		if i.name == word && len(i.addrs) > 0 {
			return i.addrs, nil
		}
		if i.name == word {
			return nil, fmt.Errorf("interface %s has no address, or is down: %s", word, describe(all))
		}
	}
	return nil, fmt.Errorf("%q is no address, and no interface of this host: %s", word, describe(all))
}

// Has tells whether this host has an interface of that name, with an address.
func Has(name string) bool {
	all, err := interfaces()
	return err == nil && slices.ContainsFunc(all, func(i iface) bool { return i.name == name && len(i.addrs) > 0 })
}

// Addresses returns what a controller that listens there tells its peers, best
// first: the addresses that are named and, where it listens on all interfaces, all
// others, those of the interface called first before the rest and loopback last. One
// that has a single address has nothing to tell.
func Addresses(listens []netip.Addr, first string) ([]string, error) {
	if six := slices.Contains(listens, any6); six || slices.Contains(listens, any4) {
		all, err := interfaces()
		if err != nil {
			return nil, err
		}
		listens = slices.Concat(listens, allOf(all, first, six))
	}
	var out []string
	for _, a := range listens {
		if !a.IsUnspecified() && !slices.Contains(out, a.String()) {
			out = append(out, a.String())
		}
	}
	switch {
	case len(out) == 1:
		return nil, nil
	case len(out) > wire.MaxAddresses:
		out = append(out[:wire.MaxAddresses-1], out[len(out)-1])
	}
	return out, nil
}

// allOf are the addresses by which one that listens on all may be reached: those
// of IPv4 and then, if it is meant, of IPv6.
func allOf(all []iface, first string, six bool) []netip.Addr {
	slices.SortStableFunc(all, func(a, b iface) int { return rank(a, first) - rank(b, first) })
	var four, rest, loopback []netip.Addr
	for _, i := range all {
		for _, a := range i.addrs {
			switch {
			case a.IsLoopback():
				if a.Is4() {
					loopback = append(loopback, a)
				}
			case a.IsLinkLocalUnicast(): // of cables that nobody has configured
			case a.Is4():
				four = append(four, a)
			case six:
				rest = append(rest, a)
			}
		}
	}
	return slices.Concat(four, rest, loopback[:min(1, len(loopback))])
}

func rank(i iface, first string) int {
	if i.name == first {
		return 0
	}
	return 1
}

// An iface is a network interface of this host that is up, and its addresses.
type iface struct {
	name  string
	addrs []netip.Addr
}

// interfaces returns those of this host, in the order of the system.
func interfaces() ([]iface, error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list the network interfaces of this host: %w", err)
	}
	var out []iface
	for _, i := range list {
		of := iface{name: i.Name}
		addrs, err := i.Addrs()
		if err != nil || i.Flags&net.FlagUp == 0 {
			addrs = nil // it may have gone meanwhile
		}
		for _, a := range addrs {
			n, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			if ip, ok := netip.AddrFromSlice(n.IP); ok && (n.IP.To4() != nil || !ip.IsLinkLocalUnicast()) {
				of.addrs = append(of.addrs, ip.Unmap())
			}
		}
		slices.SortStableFunc(of.addrs, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
		out = append(out, of)
	}
	return out, nil
}

// Describe lists the interfaces of this host for who has to choose one: "it has lo
// (127.0.0.1, ::1), eth0 (10.0.0.7)". It is "" where the system does not tell.
func Describe() string {
	all, err := interfaces()
	if err != nil {
		return ""
	}
	return describe(all)
}

func describe(all []iface) string {
	var words []string
	for _, i := range all {
		if len(i.addrs) > 0 {
			words = append(words, i.name+" ("+join(i.addrs)+")")
		}
	}
	return "it has " + strings.Join(words, ", ")
}

func join(addrs []netip.Addr) string {
	var words []string
	for _, a := range addrs {
		words = append(words, a.String())
	}
	return strings.Join(words, ", ")
}
