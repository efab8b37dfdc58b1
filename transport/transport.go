package transport

import (
	"context"
	"errors"
)

// ErrClosed is returned by a socket that has been closed.
var ErrClosed = errors.New("transport: socket closed")

// ErrUnreachable is returned by Send on a Mandatory router whose peer is not
// connected.
var ErrUnreachable = errors.New("transport: peer is not connected")

// A Kind is a socket type of ZeroMQ.
type Kind int

// The socket types in use.
const (
	Dealer Kind = iota
	Router
	Pub
	Sub // receives everything
)

func (k Kind) String() string { return [...]string{"dealer", "router", "pub", "sub"}[k] }

// Options of a socket. The zero value is usable.
type Options struct {
	// Also are further endpoints that a listening socket is bound to, and those
	// alone. A port of 0 is the port of the first endpoint.
	Also []string
	// Identity is what routers know this socket by; "" lets them make one up.
	// Of two connections with the same identity, a router has the later one.
	Identity string
	// MaxFrame bounds a frame that a peer may send, in bytes: a peer that
	// announces a longer one is disconnected before a byte of it is stored.
	// 0 means no bound but memory.
	MaxFrame int64
	// Mandatory, on a Router, makes Send report ErrUnreachable where it would
	// drop the message: the peer has not connected yet, or its connection ended.
	Mandatory bool
	// CurveSecret, on a listening socket, and CurveServer, on one that dials,
	// encrypt the connection by CURVE (RFC 26) in Z85: the listener's secret
	// key, and the public one that belongs to it, by which the dialler knows
	// that it talks to no other. Diallers' own keys are made up: any is
	// accepted. "" is a plain connection.
	CurveSecret, CurveServer string
	// Departed, on a listening Router, is called with the identity of a peer
	// from which something came and whose connection ended; on a Dealer that
	// dials, when the connection to its router ended, and the bytes mean
	// nothing. It is a hint that comes at once, not a verdict: the connection
	// may be being made again. It must not block.
	Departed func(identity []byte)
}

// A Network opens sockets.
type Network interface {
	// Listen binds a socket. A port of 0 is replaced by a free one: see Addr.
	Listen(kind Kind, endpoint string, opt Options) (Socket, error)
	// Dial connects a socket. It does not wait for the peer: what is sent
	// before the peer is there is kept for it.
	Dial(kind Kind, endpoint string, opt Options) (Socket, error)
	// Probe finds out whether somebody listens at an endpoint, which Dial, that
	// waits for nobody, does not tell. The error of an endpoint where nobody does
	// is syscall.ECONNREFUSED, if its host says so.
	Probe(ctx context.Context, endpoint string) error
}

// A Socket sends and receives whole multipart messages.
type Socket interface {
	// Send queues a message and returns. It keeps no reference to the frames.
	// On a Router the first frame is the identity to send to.
	Send(frames [][]byte) error
	// Give is Send of frames that are left alone: they may be sent from where
	// they lie, later, instead of being copied. When they may be changed again
	// sent is called, once: where the frames have left or been dropped, also by
	// Close, and where Give returns an error. It may be called before Give
	// returns, and must neither block nor use the socket. It is nil where
	// nobody changes them any more, such as received ones.
	Give(frames [][]byte, sent func()) error
	// Recv waits for the next message. On a Router the first frame is the
	// sender's identity. It returns ErrClosed once the socket is closed.
	Recv() ([][]byte, error)
	// Addr is the endpoint that a listening socket is bound to, "tcp://ip:port".
	Addr() string
	// Close ends Recv and frees the socket. What was sent is still delivered
	// for a short while.
	Close() error
	// Discard is Close, but what was sent and has not left yet is dropped: none
	// of it reaches a peer that comes to stand where the last one was.
	Discard() error
}
