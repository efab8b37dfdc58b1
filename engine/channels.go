package engine

import (
	"fmt"

	"muster/transport"
	"muster/wire"
)

// channels are an engine's sockets (protocol section 1), all connecting. Towards
// the controller's ROUTERs they are DEALERs with the engine's uuid as identity,
// one for each: what arrives carries the rest of its route, and a reply that
// begins with the same frames finds its way back.
type channels struct {
	network   transport.Network
	uuid      string
	serverKey string // of a controller that speaks CURVE

	registration transport.Socket
	control      transport.Socket
	shell        []transport.Socket // mux, task, broadcast
	iopub        transport.Socket
	ping, pong   transport.Socket

	all []transport.Socket
}

// dial opens what does not depend on the engine's id. iopub is connected early:
// a publisher drops what it sends before its subscriber is there.
func dial(network transport.Network, c *wire.EngineConnection, uuid string) (*channels, error) {
	ch := &channels{network: network, uuid: uuid, serverKey: c.ServerKey()}
	var mux, task transport.Socket
	err := ch.open(
		channel{transport.Pub, "iopub", c.URL(c.IOPub), &ch.iopub},
		channel{transport.Dealer, "control", c.URL(c.Control), &ch.control},
		channel{transport.Dealer, "mux", c.URL(c.Mux), &mux},
		channel{transport.Dealer, "task", c.URL(c.Task), &task},
		channel{transport.Dealer, "registration", c.URL(c.Registration), &ch.registration},
	)
	ch.shell = []transport.Socket{mux, task}
	return ch, err
}

// dialRest opens what a registered engine needs: its leaf of the broadcast tree,
// and then its heart.
func (ch *channels) dialRest(c *wire.EngineConnection, id wire.EngineID) error {
	var broadcast transport.Socket
	err := ch.open(
		channel{transport.Dealer, "broadcast", c.URL(c.Broadcast[int(id)%len(c.Broadcast)]), &broadcast},
		channel{transport.Dealer, "hb_pong", c.URL(c.HBPong), &ch.pong},
		channel{transport.Sub, "hb_ping", c.URL(c.HBPing), &ch.ping},
	)
	ch.shell = append(ch.shell, broadcast)
	return err
}

type channel struct {
	kind      transport.Kind
	name, url string
	socket    *transport.Socket
}

// open connects channels, or none of them.
func (ch *channels) open(list ...channel) error {
	for _, c := range list {
		opt := transport.Options{CurveServer: ch.serverKey}
		if c.kind == transport.Dealer {
			opt.Identity = ch.uuid
		}
		s, err := ch.network.Dial(c.kind, c.url, opt)
		if err != nil {
			ch.close()
			return fmt.Errorf("engine: channel %s: %w", c.name, err)
		}
		*c.socket = s
		ch.all = append(ch.all, s)
	}
	return nil
}

func (ch *channels) close() {
	for _, s := range ch.all {
		s.Close()
	}
	ch.all = nil
}
