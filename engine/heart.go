package engine

import (
	"time"

	"muster/wire"
)

// restoreWait is how long an engine waits for a controller that can be restored:
// a night, and the morning on which somebody looks.
const restoreWait = 24 * time.Hour

// heartbeat answers the controller's pings with the same bytes (protocol section
// 5) until the ping socket is closed. It has a goroutine of its own and the
// runtime preempts user code, so it beats whatever the worker does. A ping that
// names another instance, which stands in the controller's place, is not
// answered: the engine has to join that one first.
func (e *Engine) heartbeat(ch *channels, m *membership) {
	for {
		frames, err := ch.ping.Recv()
		if err != nil {
			return
		}
		if i := wire.InstanceOf(frames[0]); i != "" && i != m.instance {
			close(ch.replaced)
			return
		}
		e.silence.Reset(m.silence)
		ch.beat.Store(time.Now().UnixNano())
		if ch.pong.Send(frames) != nil {
			return
		}
	}
}
