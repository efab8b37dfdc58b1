package engine

import (
	"fmt"
	"sync/atomic"

	"muster/transport"
	"muster/wire"
)

// channels are an engine's sockets (protocol section 1), all connecting. Towards
// the controller's ROUTERs they are DEALERs with the engine's uuid as identity,
// one for each: what arrives carries the rest of its route, and a reply that
// begins with the same frames finds its way back.
type channels struct {
	network transport.Network
	conn    *wire.EngineConnection // at the address where the controller answers
	uuid    string

	registration         transport.Socket
	control              transport.Socket
	mux, task, broadcast transport.Socket
	iopub                transport.Socket
	ping, pong           transport.Socket

	all []transport.Socket
	// departed gets a value when the connection to the controller ends that the
	// engine registered by: at once, where a heart that stops takes long.
	departed chan struct{}
	// replaced is closed when another controller beats in the place of that one.
	replaced chan struct{}
	beat     atomic.Int64 // when its last ping came, as time.Time.UnixNano
}

// dial opens what does not depend on the engine's id. iopub is connected early:
// a publisher drops what it sends before its subscriber is there.
func dial(network transport.Network, c *wire.EngineConnection, uuid string) (*channels, error) {
	ch := &channels{
		network: network, conn: c, uuid: uuid,
		departed: make(chan struct{}, 1), replaced: make(chan struct{}),
	}
	err := ch.open(
		channel{transport.Pub, "iopub", c.URL(c.IOPub), &ch.iopub},
		channel{transport.Dealer, "control", c.URL(c.Control), &ch.control},
		channel{transport.Dealer, "mux", c.URL(c.Mux), &ch.mux},
		channel{transport.Dealer, "task", c.URL(c.Task), &ch.task},
		channel{transport.Dealer, "registration", c.URL(c.Registration), &ch.registration},
	)
	return ch, err
}

// dialRest opens what a registered engine needs: its leaf of the broadcast tree,
// and then its heart.
func (ch *channels) dialRest(id wire.EngineID) error {
	c := ch.conn
	return ch.open(
		channel{transport.Dealer, "broadcast", c.URL(c.Broadcast[int(id)%len(c.Broadcast)]), &ch.broadcast},
		channel{transport.Dealer, "hb_pong", c.URL(c.HBPong), &ch.pong},
		channel{transport.Sub, "hb_ping", c.URL(c.HBPing), &ch.ping},
	)
}

type channel struct {
	kind      transport.Kind
	name, url string
	socket    *transport.Socket
}

// open connects channels, or none of them.
func (ch *channels) open(list ...channel) error {
	for _, c := range list {
		opt := transport.Options{CurveServer: ch.conn.ServerKey()}
		if c.kind == transport.Dealer {
			opt.Identity = ch.uuid
		}
		if c.socket == &ch.registration {
			opt.Departed = func([]byte) {
				select {
				case ch.departed <- struct{}{}:
				default:
				}
			}
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

// close closes the channels, and delivers what was sent.
func (ch *channels) close() {
	for _, s := range ch.all {
		s.Close()
	}
	ch.all = nil
}

// discard closes the channels, and drops what was sent and has not left.
func (ch *channels) discard() {
	for _, s := range ch.all {
		s.Discard()
	}
	ch.all = nil
}
