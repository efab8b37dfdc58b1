package client

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"muster/client/tunnel"
	"muster/transport"
	"muster/wire"
)

// A link is one connection to the controller, by all channels.
type link struct {
	gone bool // the connection of the registration channel has ended; Client.mu guards it
}

const (
	// controllerGrace is how long a controller may be away, to be started again
	// with the ports that it had.
	controllerGrace = 5 * time.Second
	// restoreGrace is how long one may that can be restored.
	restoreGrace = 10 * time.Minute

	// While it is away it is looked for so often, and has so long to answer. That
	// something listens is not enough: a process that is ending may still do so.
	seekPeriod   = 250 * time.Millisecond
	greetTimeout = 1250 * time.Millisecond

	// The way to a controller that is far may be closed for long, as long as an
	// engine waits for a controller. It is looked for ever more rarely, and where
	// somebody would have to log in, so rarely that no host takes it for an attack.
	farGrace    = 24 * time.Hour
	farTimeout  = 2 * time.Minute
	farPeriod   = 15 * time.Second
	loginPeriod = time.Minute
)

// departed is called when a connection to the controller has ended.
func (c *Client) departed(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.gone = true; l == c.link && !c.seeking && c.err == nil {
		c.seeking = true
		c.receivers.Go(c.seek)
	}
}

// seek looks for the controller until it is back. When it stays away too long,
// nobody need wait for answers that will not come.
func (c *Client) seek() {
	for {
		c.mu.Lock()
		if c.seeking = c.err == nil && c.link.gone; !c.seeking {
			c.mu.Unlock()
			return
		}
		c.link.gone = false
		instance, restores := c.instance, c.restores
		c.mu.Unlock()
		grace, seek := controllerGrace, c.await
		if c.keeps.Load() {
			seek = c.reconnect
		}
		if restores {
			grace = restoreGrace
		}
		if c.far {
			c.log.Warn("connection to the controller lost", "instance", instance, "via", c.source.conn.Via)
		} else {
			c.log.Warn("controller is away", "instance", instance, "grace", grace)
		}
		if !seek(grace) {
			c.stop(ErrGone)
			return
		}
	}
}

// await waits for a controller that does not restore, and tells whether it is
// back. The sockets connect again by themselves, and deliver what they were given
// meanwhile.
func (c *Client) await(grace time.Duration) bool {
	broke := time.Now()
	said := c.poll(grace, func(ctx context.Context) bool { return c.listens(ctx, c.at) == nil })
	if said == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	lost := 0
	if said.Instance != c.instance {
		lost = c.giveUp(broke)
	} else {
		c.inquireAfter()
	}
	for _, t := range c.pending {
		t.broken = true
	}
	c.meet(said, func(uuid wire.EngineUUID) { c.engineDown(uuid, "") })
	c.log.Info("controller is back", "instance", said.Instance, "engines", len(c.engines), "lost", lost)
	return true
}

// giveUp fails what an earlier controller had to answer, and counts it. The
// caller holds mu.
func (c *Client) giveUp(broke time.Time) (lost int) {
	for _, t := range c.pending {
		if t.reply == nil && t.submitted.Before(broke) {
			t.release()
			c.settle(t, ErrRestarted)
			lost++
		}
	}
	maps.DeleteFunc(c.wholes, func(_ wire.MsgID, tasks []*task) bool { return tasks[0].ended })
	for _, n := range c.dropped {
		*n--
	}
	clear(c.dropped)
	return lost
}

// reconnect waits for a controller that restores, or is far, and tells whether it is back.
// What lies in the sockets counts for nothing any more: they are made anew, and
// what is pending is sent again before anything else is.
func (c *Client) reconnect(grace time.Duration) bool {
	c.gate.Lock()
	c.away = true
	c.hangUp(transport.Socket.Discard)
	c.gate.Unlock()
	c.incoming.Wait()
	c.mu.Lock()
	c.link.gone = true
	c.mu.Unlock()
	said := c.poll(grace, c.redial)
	if said == nil {
		return false
	}
	c.gate.Lock()
	defer c.gate.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return true
	}
	same := said.Instance == c.instance
	c.meet(said, func(uuid wire.EngineUUID) { c.forgetEngine(uuid, "") })
	again, lost := c.resume(said.Restores, said.Restores || said.Remembers && same, same)
	c.away = false
	c.log.Info("controller is back", "instance", said.Instance, "engines", len(c.engines), "again", again, "lost", lost)
	return true
}

// poll greets the controller, once it is reached, until it answers or the grace
// is over or the client is closed; then the answer is nil. The way to one that is far
// is no matter of its grace.
func (c *Client) poll(grace time.Duration, reach func(context.Context) bool) *greeting {
	limit, timeout := grace, greetTimeout
	if c.far {
		limit, timeout = farGrace, farPeriod
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	go func() {
		select {
		case <-c.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	try := func() *greeting {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		if !reach(ctx) {
			return nil
		}
		said, err := c.connected(ctx, c.greet)
		if err != nil {
			return nil
		}
		return said
	}
	w := way{period: seekPeriod}
	for {
		if c.opened(ctx, &w) {
			if said := try(); said != nil {
				return said
			}
		}
		if w.missed(grace) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(w.period):
		}
		if c.far && w.period < farPeriod {
			w.period = min(w.period*3/2, farPeriod)
		}
	}
}

// A way is that to a controller which is far, while it is looked for.
type way struct {
	period  time.Duration // until the next attempt
	open    time.Time     // since when a tunnel leads there, and nobody answers; zero while none does
	trouble string        // as it was last told
}

// missed tells whether a controller is away for longer than a grace that could be reached.
func (w *way) missed(grace time.Duration) bool {
	return !w.open.IsZero() && time.Since(w.open) > grace
}

// opened opens the way, if it is the client's to open, and tells whether it may be.
func (c *Client) opened(ctx context.Context, w *way) bool {
	if c.source.tunnel == nil {
		return true
	}
	bounded, cancel := context.WithTimeout(ctx, farTimeout)
	defer cancel()
	err := c.source.tunnel.Renew(bounded)
	switch {
	case err == nil, errors.Is(err, tunnel.ErrNoController):
		if w.open.IsZero() {
			w.open, w.period = time.Now(), seekPeriod
		}
	default:
		w.open = time.Time{}
		if errors.Is(err, tunnel.ErrLogin) {
			w.period = loginPeriod
		}
	}
	if err != nil && err.Error() != w.trouble && ctx.Err() == nil {
		w.trouble = err.Error()
		c.log.Warn("no way to the controller", "err", err)
	}
	return err == nil
}

// redial makes the sockets where there are none, or none that lead to where the
// connection file says the controller is, and tells whether there are.
func (c *Client) redial(ctx context.Context) bool {
	conn := c.conn
	if now, err := c.source.read(); err == nil {
		conn = now
	}
	c.mu.Lock()
	gone := c.link.gone
	c.mu.Unlock()
	if !gone && reflect.DeepEqual(conn, c.conn) {
		return true
	}
	at, err := c.reach(ctx, conn)
	if err != nil {
		return false
	}
	c.gate.Lock()
	c.hangUp(transport.Socket.Discard)
	c.gate.Unlock()
	c.incoming.Wait() // nobody checks a signature
	c.gate.Lock()
	defer c.gate.Unlock()
	select {
	case <-c.closed:
		return false
	default:
	}
	if conn.Key != c.conn.Key {
		c.session.SetKey(conn.Key)
	}
	c.conn, c.at = conn, at
	if err = c.dial(); err != nil {
		c.mu.Lock()
		c.link.gone = true
		c.mu.Unlock()
	}
	return err == nil
}

// resume sends what is pending, in the order of the calls, and returns how many
// requests were sent again and how many were given up. It is told whether the controller
// restores, answers what is sent again, and is the same. The caller holds gate and mu.
func (c *Client) resume(restores, answers, same bool) (again, lost int) {
	clear(c.wholes) // their tasks are sent one by one
	clear(c.dropped)
	for _, e := range c.engines {
		e.outstanding = [2]int{}
	}
	if restores {
		c.remind(same) // first: others may depend on these
	} else {
		clear(c.answered)
	}
	var tasks, missed []*task
	for _, t := range c.pending {
		t.outstanding, t.coalesced = nil, false
		switch {
		case t.asked:
		case t.reply != nil: // what is missing of its output went to nobody
			missed = append(missed, t)
		case t.kept != nil:
			tasks = append(tasks, t)
		case t.result.kind == toEngines: // sent when the controller did not restore yet
			c.settle(t, ErrRestarted)
			lost++
		}
	}
	c.catchUp(missed...)
	slices.SortFunc(tasks, func(a, b *task) int {
		return cmp.Or(cmp.Compare(a.kept.number, b.kept.number), cmp.Compare(a.place, b.place))
	})
	for i, t := range tasks {
		k := t.kept
		known, err := c.sendAgain(t, answers, same)
		switch {
		case err != nil:
			c.settle(t, err)
			lost++
		case known:
			again++
		}
		if i == len(tasks)-1 || tasks[i+1].kept != k {
			k.sent = true
			k.sendings++
		}
	}
	return again, lost
}

// sendAgain sends a task's request, and tells whether it was sent before. The
// caller holds gate and mu.
func (c *Client) sendAgain(t *task, answers, same bool) (before bool, err error) {
	k, e := t.kept, c.engineOf(t)
	switch before = k.sent; {
	case before && t.result.kind == toController:
		if !c.renew(t) {
			return true, ErrRestarted
		}
	case before && !answers:
		return true, ErrRestarted
	case before:
		t.broken = true
	case e == nil && t.uuid != "":
		return false, died(t.engine, t.id, "")
	}
	ch, m := c.again(t, same)
	if err := ch.send(c.session.Encode(m), true, k.hold); err != nil {
		return before, err
	}
	if e != nil && t.result.kind == toEngines {
		e.outstanding[byMux]++
		t.outstanding = &e.outstanding[byMux]
	}
	return before, nil
}

// engineOf is the engine that a task was sent to, nil if none was chosen or it is
// gone. The caller holds mu.
func (c *Client) engineOf(t *task) *engine {
	if at, found := c.find(t.engine); found && c.engines[at].uuid == t.uuid {
		return c.engines[at]
	}
	return nil
}

// questions are the requests to the controller that change nothing, or nothing
// more when they come twice.
var questions = []string{
	wire.ConnectionRequest, wire.QueueRequest, wire.ResultRequest, wire.HistoryRequest, wire.DBRequest,
	wire.ExplainRequest, wire.AbortRequest, "kernel_info_request",
}

// renew gives a question a new id, since the same message would be a replay to
// an engine that had it, and tells whether it is one. The caller holds mu.
func (c *Client) renew(t *task) bool {
	var h wire.Header
	if wire.ParseHeader(t.kept.header, &h) != nil || !slices.Contains(questions, h.MsgType) {
		return false
	}
	delete(c.pending, t.id)
	t.id, t.kept.header = c.session.Header(h.MsgType)
	c.pending[t.id] = t
	return true
}
