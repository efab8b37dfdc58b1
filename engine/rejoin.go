package engine

import (
	"reflect"
	"time"

	"muster/transport"
	"muster/wire"
)

// blip is how long after the end of a connection a ping may still be one that
// was on its way before.
const blip = time.Second

// maxWait bounds the wait between two attempts to rejoin a controller that is
// there, and does not answer or refuses.
const maxWait = 5 * time.Second

// attend waits while a controller is served. It returns true when the engine has
// to join another, which stands in the controller's place or has written a
// connection file of its own, and false when the engine's life has ended.
func (e *Engine) attend(ch *channels) bool {
	look := time.NewTicker(time.Hour)
	defer look.Stop()
	look.Stop() // until the connection ends
	var departed time.Time
	for {
		select {
		case <-e.life.Done():
			return false
		case <-ch.replaced:
			e.log.Info("another controller stands in the place of the last", "engine", e.id())
			return true
		case <-ch.departed:
			e.log.Warn("the connection to the controller has ended", "engine", e.id(), "wait", e.member.Load().silence)
			departed = time.Now()
			look.Reset(5 * filePoll)
			e.pub.hold()
		case <-look.C:
			switch {
			case e.reread():
				e.log.Info("another controller has written the connection file", "engine", e.id(), "file", e.cfg.ConnectionFile)
				return true
			case ch.beat.Load() > departed.Add(blip).UnixNano():
				e.log.Info("the controller is there again", "engine", e.id())
				look.Stop()
				e.pub.resume()
			}
		}
	}
}

// leave closes the channels to a controller. Nothing that lies in them counts
// any more: what was not received will not be run, and what was not delivered
// is kept, or nobody waits for it.
func (e *Engine) leave(ch *channels) {
	e.pub.hold()
	for _, l := range []*line{&e.lines.hub, &e.lines.mux, &e.lines.task, &e.lines.broadcast, &e.lines.control} {
		l.connect(nil)
	}
	ch.discard()
	e.receivers.Wait()
}

// rejoin joins a controller that stands where the last one was, or where the
// connection file says now: as the same engine, and with the requests that it
// has (protocol section 17). The worker does not notice. It returns nil when the
// engine's life has ended.
func (e *Engine) rejoin(network transport.Network) *channels {
	for wait := filePoll; ; wait = min(2*wait, maxWait) {
		e.reread()
		m := e.member.Load()
		reg := wire.Registration{ID: &m.id}
		if e.site.session != m.session { // of another cluster, where the id means nothing
			reg.ID = e.cfg.ID
			e.kept.keep(false)
		}
		reg.Tasks = e.kept.ids()
		e.site.session.Forget()
		ch, err := e.enter(network, reg)
		if err == nil {
			e.log.Info("registered again", "engine", e.id(), "was", m.id, "tasks", len(reg.Tasks))
			return ch
		}
		if e.life.Err() != nil {
			return nil
		}
		e.log.Warn("not registered again yet", "engine", m.id, "err", err)
		if pause(e.life, wait) != nil || !e.awaits(network) {
			return nil
		}
	}
}

// reread reads a connection file that was written anew, and tells whether it
// says something else than before.
func (e *Engine) reread() bool {
	if !e.replaced(e.site.file) {
		return false
	}
	conn, file, err := e.connection(e.life)
	if err != nil {
		e.log.Warn("the connection file was replaced", "err", err)
		return false
	}
	e.site.file = file
	if reflect.DeepEqual(conn, e.site.conn) {
		return false
	}
	next := &site{conn, file, e.site.session}
	if conn.Key != e.site.conn.Key {
		next.session = wire.NewSession(conn.Key, string(e.uuid))
	}
	e.site = next
	return true
}

// awaits waits until it is worth while to try to rejoin once more: a controller
// beats, or the connection file is replaced. It returns false when the engine's
// life has ended.
func (e *Engine) awaits(network transport.Network) bool {
	heard := make(chan struct{}, 1)
	defer e.receivers.Wait()
	for _, host := range e.site.conn.Hosts() {
		conn := e.site.conn.At(host)
		ping, err := network.Dial(transport.Sub, conn.URL(conn.HBPing), transport.Options{CurveServer: conn.ServerKey()})
		if err != nil {
			return true // the next attempt tells why
		}
		defer ping.Close()
		e.receivers.Go(func() {
			if _, err := ping.Recv(); err == nil {
				select {
				case heard <- struct{}{}:
				default:
				}
			}
		})
	}
	look := time.NewTicker(5 * filePoll)
	defer look.Stop()
	for {
		select {
		case <-heard:
			return true
		case <-look.C:
			if e.replaced(e.site.file) {
				return true
			}
		case <-e.life.Done():
			return false
		}
	}
}
