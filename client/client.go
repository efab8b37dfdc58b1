package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
)

// A Client is a connection to a cluster: to its controller, and through it to
// every engine. It may be used by several goroutines. Close it in the end.
type Client struct {
	session *wire.Session
	mark    []byte // the session's id, by which its messages are told on iopub
	log     *slog.Logger
	network *zmq.Network // nil when the network is the caller's
	dialer  transport.Network
	source  *source // that conn is from
	far     bool    // the way to the controller may break: it is behind ssh
	deaf    bool    // it has no iopub

	// gate keeps the sockets from being replaced while they are sent by, and is
	// taken before mu. It guards those fields that follow down to away: the
	// sockets of the channels too, and whether the controller is away, so that
	// requests are kept for it instead of being sent.
	gate                                        sync.RWMutex
	conn                                        *wire.ClientConnection // as the file has it
	at                                          *wire.ClientConnection // the same, at the address where the controller answers
	query, control, mux, task, broadcast, greet *channel
	iopub, notification                         transport.Socket
	away                                        bool

	incoming  sync.WaitGroup // receivers of the sockets
	receivers sync.WaitGroup // all other goroutines
	closing   sync.Once
	closed    chan struct{} // when Close has begun
	keeps     atomic.Bool   // requests are kept, to be sent again

	mu       sync.Mutex                   // guards what follows, and the tasks in pending
	pending  map[wire.MsgID]*task         // sent, and not yet settled
	wholes   map[wire.MsgID][]*task       // of coalescing broadcasts whose reply has not come, by their id
	dropped  map[wire.MsgID]*int          // task.outstanding of what was flushed
	recorded bool                         // the controller answers for the dead in broadcasts, and records them (wire.BroadcastRecords)
	instance string                       // of the controller, "" where it names none
	restores bool                         // the controller does, and acknowledges what it has recorded
	link     *link                        // by which it is reached, or was
	seeking  bool                         // somebody looks for it, as the link is gone
	requests uint64                       // kept so far
	answered map[wire.MsgID]answered      // and not yet acknowledged
	memory   memory                       // of the latest calls
	engines  []*engine                    // registered now, by id; replaced and never changed
	ids      map[wire.EngineUUID]EngineID // every engine ever seen
	changed  chan struct{}                // closed and replaced when engines or err change
	news     *notice                      // of engines, the next
	err      error                        // why no more requests are taken
	sweeper  *time.Timer                  // armed while a reply waits for its output
	sweeps   time.Time                    // when
}

// A channel is a socket for requests.
type channel struct {
	socket transport.Socket
	name   string
}

// IDs returns the ids of the engines registered now, in order.
func (c *Client) IDs() []EngineID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return idsOf(c.engines)
}

// engineQueryPeriod is how often WaitForEngines asks the hub. Notifications
// tell sooner; the question covers one published while this client's
// subscription was on its way.
const engineQueryPeriod = 2 * time.Second

// WaitForEngines waits until at least n engines are registered.
func (c *Client) WaitForEngines(ctx context.Context, n int) error {
	ask := time.NewTicker(engineQueryPeriod)
	defer ask.Stop()
	for {
		c.mu.Lock()
		have, err, changed := len(c.engines), c.err, c.changed
		c.mu.Unlock()
		if err == nil && have >= n {
			return nil
		}
		if err == nil {
			select {
			case <-changed:
				continue
			case <-ask.C:
				if err = c.queryEngines(ctx); err == nil {
					continue
				}
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		return fmt.Errorf("client: wait for %d engines, %d are registered: %w", n, have, err)
	}
}

// Err returns why the client takes no more requests: ErrClosed, ErrShutdown,
// ErrGone, or nil while it does.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection. What is outstanding fails with ErrClosed; its
// code runs on in the engines. No goroutine of the client outlives Close.
func (c *Client) Close() (err error) {
	c.closing.Do(func() {
		c.stop(ErrClosed)
		close(c.closed)
		c.gate.Lock()
		err = c.hangUp(transport.Socket.Close)
		c.gate.Unlock()
		c.incoming.Wait()
		c.receivers.Wait()
		if c.network != nil {
			err = errors.Join(err, c.network.Close())
		}
		if c.source != nil {
			err = errors.Join(err, c.source.close())
		}
	})
	return err
}

// stop settles everything outstanding with err, which new requests get as well.
func (c *Client) stop(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == ErrClosed || c.err != nil && err == ErrGone {
		return
	}
	if c.err == nil {
		for _, e := range c.engines {
			c.note(EngineEvent{Engine: e.id, UUID: e.uuid})
		}
		close(c.news.ready) // the end of it
	}
	c.err = err
	for _, t := range c.pending {
		c.settle(t, err)
	}
	c.engines = nil
	if c.sweeper != nil {
		c.sweeper.Stop()
	}
	c.announce()
}

// announce wakes who waits for engines. The caller holds mu.
func (c *Client) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// engineUp notes a registered engine, in the place of one that had its id. The
// caller holds mu.
func (c *Client) engineUp(id EngineID, uuid wire.EngineUUID) {
	c.ids[uuid] = id
	if at, found := c.find(id); found {
		if c.engines[at].uuid == uuid {
			return
		}
		c.engineDown(c.engines[at].uuid, "")
	}
	at, _ := c.find(id)
	c.engines = slices.Insert(slices.Clone(c.engines), at, newEngine(id, uuid))
	c.note(EngineEvent{Engine: id, UUID: uuid, Up: true})
	c.announce()
}

// engineDown forgets an engine and fails the requests it had not answered. A
// reply that still comes finds its task settled and is ignored. The caller
// holds mu.
func (c *Client) engineDown(uuid wire.EngineUUID, cause string) {
	if !c.forgetEngine(uuid, cause) {
		return
	}
	for _, t := range c.pending {
		if t.uuid == uuid {
			if t.reply != nil {
				c.settle(t, nil) // its output ends here
			} else {
				c.settle(t, died(t.engine, t.id, cause))
			}
		}
	}
	c.abandon(uuid)
}

// forgetEngine takes an engine off the list, if it is there. The caller holds mu.
func (c *Client) forgetEngine(uuid wire.EngineUUID, cause string) bool {
	at := slices.IndexFunc(c.engines, func(e *engine) bool { return e.uuid == uuid })
	if at < 0 {
		return false
	}
	gone := c.engines[at]
	c.note(EngineEvent{Engine: gone.id, UUID: uuid, Cause: cause})
	c.engines = slices.Delete(slices.Clone(c.engines), at, at+1)
	maps.DeleteFunc(c.dropped, func(_ wire.MsgID, n *int) bool {
		return n == &gone.outstanding[byMux] || n == &gone.outstanding[byBroadcast]
	})
	c.announce()
	return true
}
