package engine

import (
	"errors"
	"sync"

	"muster/transport"
)

// errAway says that there is nobody to send to: the engine is between the
// controller that it lost and the one that it will join again.
var errAway = errors.New("the controller is away")

// A line is a channel by which requests come and replies go (protocol section
// 1). It outlives its socket: when the engine rejoins it gets another, and a
// request is answered by whichever it has by then. Any goroutine may use it.
type line struct {
	mu     sync.Mutex
	socket transport.Socket // nil while the controller is away
}

// connect gives the line a socket, or takes it away.
func (l *line) connect(s transport.Socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.socket = s
}

// send sends frames, of which a copy is made.
func (l *line) send(frames [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket == nil {
		return errAway
	}
	return l.socket.Send(frames)
}

// give sends frames that nobody changes any more.
func (l *line) give(frames [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket == nil {
		return errAway
	}
	return l.socket.Give(frames, nil)
}
