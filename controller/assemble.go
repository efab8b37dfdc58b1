package controller

import (
	"math/rand/v2"
	"time"

	"muster/controller/hub"
	"muster/controller/scheduler"
	"muster/wire"
)

// assemble puts the machines between the sockets of the loop and the channels,
// and tells each who the others are.
func (c *Controller) assemble(mux, task, control, broadcast *channel, rng *rand.Rand) {
	l := c.loop
	l.mail, l.session, l.instance, l.log = c.mail, c.session, c.instance, c.cfg.Log
	l.channels = []*channel{mux, task, control, broadcast}
	l.tasks, l.control = task, control
	for i, name := range [...]string{"mux", "task", "control", "broadcast"} {
		ch := l.channels[i]
		ch.name, ch.session, ch.instance, ch.log, ch.clock = name, c.session, c.instance, c.cfg.Log, l.clock
	}
	mux.machine, control.machine = scheduler.NewDirect(), scheduler.NewDirect()
	task.machine = scheduler.NewBalanced(scheduler.BalancedConfig{
		Scheme:     c.cfg.Scheme,
		HWM:        c.cfg.HWM,
		CrashLimit: c.cfg.CrashLimit,
		Tick:       tick.Seconds(),
		Grace:      inFlight,
		Recorded:   l.records != nil,
	}, rng)
	broadcast.machine = scheduler.NewBroadcast(broadcast.message)
	for _, ch := range [...]*channel{mux, task, broadcast} {
		ch.control, ch.observe, ch.records = control, c.mail.observe, l.records
	}
	mux.queue, task.queue, broadcast.queue = hub.Mux, hub.Task, hub.Broadcast
	for _, ch := range [...]*channel{mux, task} { // by which clients send again
		ch.ask, ch.verdicts, ch.broadcast = c.mail.post, make(chan hub.Verdict, 1), broadcast
	}
	l.hub = hub.New(hub.Config{
		Period:      int(c.cfg.HeartPeriod / tick),
		Misses:      c.cfg.HeartMisses,
		Grace:       int((c.cfg.Grace + tick - 1) / tick),
		Stall:       int(max(30*time.Second, 10*c.cfg.HeartPeriod) / tick),
		Young:       int(10 * time.Second / tick),
		Adoption:    int(10 * time.Second / tick),
		HeartPeriod: int(c.cfg.HeartPeriod.Milliseconds()),
		Instance:    c.instance,
		Connection:  &c.engine,
		Database:    c.cfg.DB.place(),
		Records:     max(0, c.cfg.Records),
		Bytes:       c.cfg.RecordBytes,
		NewID: func() wire.MsgID {
			id, _ := c.session.Header("")
			return id
		},
	})
}
