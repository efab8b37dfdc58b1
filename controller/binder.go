package controller

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"muster/transport"
	"muster/transport/reach"
	"muster/wire"
)

// A binder opens sockets at the ports of a pool, until one fails.
type binder struct {
	c    *Controller
	on   []netip.Addr
	pool *Ports
	err  error
}

// side begins the sockets for one kind of peers.
func (b *binder) side(on []netip.Addr, pool Ports) {
	b.on, b.pool = reach.Bound(on), &pool
}

// bindPatience is how long a port may still be taken that a killed controller had: by
// its process that ends, or by a peer that tried to connect to it when nobody
// listened and happened to be given the same port.
const bindPatience = 5 * time.Second

// listen opens a socket at *port, or if that is 0 at the next of the pools, or
// at any free one; *port becomes where it is.
func (b *binder) listen(name string, kind transport.Kind, port *int, opt transport.Options) transport.Socket {
	if b.err != nil {
		return nil
	}
	if *port == 0 {
		*port = b.pool.next()
	}
	if *port == 0 {
		*port = b.c.cfg.Ports.next()
	}
	if b.c.cfg.Curve {
		opt.CurveSecret = b.c.cfg.CurveSecret
	}
	endpoint := tcp(b.on[0], *port)
	for _, a := range b.on[1:] {
		opt.Also = append(opt.Also, tcp(a, *port))
	}
	s, err := b.c.network.Listen(kind, endpoint, opt)
	for end := time.Now().Add(bindPatience); err != nil && b.c.cfg.Restore && time.Now().Before(end); {
		time.Sleep(bindPatience / 50)
		s, err = b.c.network.Listen(kind, endpoint, opt)
	}
	if err == nil {
		b.c.sockets = append(b.c.sockets, s)
		*port, err = portOf(s.Addr())
	}
	if err != nil {
		hint := "give it an address or an interface of this machine (--ip): " + reach.Describe()
		if *port != 0 {
			hint = "is another controller running? choose other ports (--ports), or none for any that are free"
		}
		b.err = fmt.Errorf("%s channel: %w: %s", name, err, hint)
		return nil
	}
	return s
}

// next takes the first port, or returns 0.
func (p *Ports) next() int {
	if len(*p) == 0 {
		return 0
	}
	port := (*p)[0]
	*p = (*p)[1:]
	return port
}

// tcp is the endpoint of a port.
func tcp(a netip.Addr, port int) string {
	return "tcp://" + netip.AddrPortFrom(a, uint16(port)).String()
}

// where finds out on which addresses the controller listens that is told ip, and
// fills in what the connection file says of them. Python's peers read of one
// address alone.
func where(e *wire.Endpoint, ip string, cfg *Config) (on []netip.Addr, err error) {
	if on, err = reach.Listen(ip); err != nil {
		return nil, fmt.Errorf("ip %q: %w", ip, err)
	}
	if e.Addresses, err = reach.Addresses(on, cfg.Interface); err != nil {
		return nil, err
	}
	e.Interface = wire.InterfaceOf(on[0].String())
	if slices.ContainsFunc(on, netip.Addr.IsUnspecified) {
		e.Interface = "tcp://0.0.0.0"
		if name, _ := os.Hostname(); cfg.Location != name { // somebody knows better than the system
			if !wire.IsHost(cfg.Location) {
				return nil, fmt.Errorf("location %q: want the name or an address of this machine", cfg.Location)
			}
			e.Addresses = append([]string{cfg.Location}, e.Addresses...)
		}
	}
	e.Addresses = e.Addresses[:min(len(e.Addresses), wire.MaxAddresses)]
	return on, nil
}

// EngineSide tells to which addresses a controller of this configuration binds its
// ports for engines, and what its connection file says of how to find it there.
func (c Config) EngineSide() (on []netip.Addr, e wire.Endpoint, err error) {
	c = c.withDefaults()
	e.Location = c.Location
	on, err = where(&e, c.EngineIP, &c)
	return reach.Bound(on), e, err
}
