package zmq

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pebbe/zmq4"
)

// A watcher tells whose connection ended. libzmq's monitor names connections
// by descriptor, messages tell the descriptor beside the identity: joined, they
// report the death of a peer's process as soon as its kernel closes the
// connection, where missed heartbeats would take half a minute.
type watcher struct {
	mon  *zmq4.Socket
	done chan struct{}

	mu   sync.Mutex // guards peer
	peer map[int]string
}

var monitors atomic.Uint64

// watch calls departed for each peer whose connection ends.
func (s *socket) watch(departed func(identity []byte)) error {
	mon, err := s.monitor(zmq4.EVENT_DISCONNECTED | zmq4.EVENT_MONITOR_STOPPED)
	if err != nil {
		return err
	}
	w := &watcher{mon: mon, done: make(chan struct{}), peer: make(map[int]string)}
	s.watcher = w
	go func() {
		defer close(w.done)
		defer mon.Close()
		for {
			// Disconnections are rare: a thread may wait for them here.
			ev, _, fd, err := mon.RecvEvent(0)
			if err != nil || ev == zmq4.EVENT_MONITOR_STOPPED {
				return
			}
			if id, ok := w.take(fd); ok {
				departed([]byte(id))
			}
		}
	}()
	return nil
}

// monitor returns a socket by which libzmq tells of events.
func (s *socket) monitor(events zmq4.Event) (*zmq4.Socket, error) {
	addr := fmt.Sprintf("inproc://monitor-%d", monitors.Add(1))
	if err := s.s.Monitor(addr, events); err != nil {
		return nil, err
	}
	ctx, err := s.s.Context()
	if err != nil {
		return nil, err
	}
	mon, err := ctx.NewSocket(zmq4.PAIR)
	if err != nil {
		return nil, err
	}
	if err := mon.Connect(addr); err != nil {
		mon.Close()
		return nil, err
	}
	return mon, nil
}

// note learns whose messages come by a connection.
func (w *watcher) note(fd int, identity []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.peer[fd] != string(identity) { // mostly equal, and then nothing is allocated
		w.peer[fd] = string(identity)
	}
}

func (w *watcher) take(fd int) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id, ok := w.peer[fd]
	delete(w.peer, fd)
	return id, ok
}
