package engine

import (
	"time"

	"muster/transport"
)

// heartbeat answers the controller's pings with the same bytes (protocol
// section 5) until the ping socket is closed. It has a goroutine of its own and
// the runtime preempts user code, so it beats whatever the worker does. If no
// ping comes for so long, lost is called, once.
func heartbeat(ping, pong transport.Socket, patience time.Duration, lost func()) {
	timer := time.AfterFunc(patience, lost)
	defer timer.Stop()
	for {
		frames, err := ping.Recv()
		if err != nil {
			return
		}
		timer.Reset(patience)
		if pong.Send(frames) != nil {
			return
		}
	}
}
