package doctor

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"muster/transport/reach"
)

// network: a controller can listen here where the profile says, and tells engines of
// addresses that they may reach.
func network(_ context.Context, x *examination) []Finding {
	c := x.controller(x.profile.Engines)
	on, endpoint, err := c.EngineSide()
	if err == nil && !slices.ContainsFunc(on, netip.Addr.IsUnspecified) {
		err = isOurs(on)
	}
	if err != nil {
		return []Finding{failure("%v", err).because("the controller would not start").remedy("give an address or an interface of this machine: controller.engine_ip, or controller.ip")}
	}
	const do = "say by which address or interface nodes reach this machine: --ip, or controller.engine_ip in the profile; or start the controller in the job (ipcluster script)"
	hosts := endpoint.Hosts()
	loopback := !slices.ContainsFunc(hosts, func(h string) bool {
		ip, err := netip.ParseAddr(h)
		return err != nil || !ip.IsLoopback()
	})
	switch name := c.Interface; {
	case !x.profile.Engines.Elsewhere():
		return []Finding{ok("engines of this machine come to %s", hosts[0])}
	case loopback && slices.ContainsFunc(on, netip.Addr.IsUnspecified):
		return []Finding{warning("this machine has no address but loopback").because("engines on other machines cannot reach it").remedy(do)}
	case loopback:
		return []Finding{failure("the profile has the controller listen on loopback (%s)", hosts[0]).because("engines on other machines cannot reach it").remedy("leave controller.engine_ip and controller.ip out, or give an interface that nodes reach")}
	case name != "" && !reach.Has(name):
		return []Finding{warning("there is no interface %s here", name).because("nodes of " + x.site() + " reach each other by it (site.network.interface); engines try " + strings.Join(hosts, ", ")).remedy(do)}
	}
	return []Finding{ok("engines try %s", strings.Join(hosts, ", "))}
}

// isOurs is an error if one of the addresses is not of this machine.
func isOurs(on []netip.Addr) error {
	for _, a := range on {
		if a.IsLoopback() {
			continue
		}
		if all, err := reach.Addresses([]netip.Addr{netip.IPv6Unspecified()}, ""); err == nil && !slices.Contains(all, a.String()) {
			return errNotOurs{a, all}
		}
	}
	return nil
}

type errNotOurs struct {
	address netip.Addr
	ours    []string
}

func (e errNotOurs) Error() string {
	return "the profile has the controller listen on " + e.address.String() + ", which is no address of this machine: it has " + strings.Join(e.ours, ", ")
}

// site names the machine.
func (x *examination) site() string { return cmp.Or(x.profile.Site.Name, "this cluster") }
