package zmq

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pebbe/zmq4"
	"golang.org/x/sys/unix"

	"muster/transport"
)

// linger is how long a closed socket goes on delivering what was sent.
const linger = 2 * time.Second

// backlog is how many connections may wait to be accepted: the engines of a large job
// come all at once, and one that finds no room tries again after a second. The system
// has a bound of its own, which on Linux is this (net.core.somaxconn).
const backlog = 4096

// Network is a libzmq context. Close it after its sockets.
type Network struct {
	ctx *zmq4.Context
}

// New opens a network. One serves a whole process.
func New() (*Network, error) {
	ctx, err := zmq4.NewContext()
	if err != nil {
		return nil, fmt.Errorf("zmq: open context: %w", err)
	}
	if err := ctx.SetMaxSockets(math.MaxUint16); err != nil {
		return nil, fmt.Errorf("zmq: open context: %w", err)
	}
	return &Network{ctx}, nil
}

// Close waits until what closed sockets still had to deliver is out, at most
// two seconds, and frees the context. Every socket must have been closed.
func (n *Network) Close() error { return n.ctx.Term() }

var kinds = map[transport.Kind]zmq4.Type{
	transport.Dealer: zmq4.DEALER,
	transport.Router: zmq4.ROUTER,
	transport.Pub:    zmq4.PUB,
	transport.Sub:    zmq4.SUB,
}

// Listen implements transport.Network for endpoints "tcp://ip:port".
func (n *Network) Listen(kind transport.Kind, endpoint string, opt transport.Options) (transport.Socket, error) {
	for try := 1; ; try++ {
		s, err := n.listen(kind, endpoint, opt)
		// A port that is free at the first endpoint may be taken at another.
		if errors.Is(err, syscall.EADDRINUSE) && strings.HasSuffix(endpoint, ":0") && try < anyPortTries {
			continue
		}
		return s, err
	}
}

// anyPortTries is how many ports are tried, where any will do, for one that is
// free at several endpoints.
const anyPortTries = 20

func (n *Network) listen(kind transport.Kind, endpoint string, opt transport.Options) (transport.Socket, error) {
	s, err := n.open(kind, opt)
	if err != nil {
		return nil, fmt.Errorf("zmq: listen on %s: %w", endpoint, err)
	}
	if err = s.bind(endpoint); err == nil {
		s.addr, err = s.s.GetLastEndpoint()
	}
	for _, also := range opt.Also {
		if err != nil {
			break
		}
		if host, any := strings.CutSuffix(also, ":0"); any {
			also = host + s.addr[strings.LastIndexByte(s.addr, ':'):]
		}
		endpoint, err = also, s.bind(also)
	}
	if err != nil {
		s.Discard()
		return nil, fmt.Errorf("zmq: listen on %s: %w", endpoint, err)
	}
	return s, nil
}

func (s *socket) bind(endpoint string) error {
	err := errors.Join(s.family(endpoint), s.s.SetBacklog(backlog))
	if err == nil {
		err = s.s.Bind(endpoint)
	}
	if no, ok := err.(zmq4.Errno); ok {
		return syscall.Errno(no)
	}
	return err
}

// family has the socket take what it binds or connects to next for an address of
// IPv6, if it is one. A name is looked up in IPv4.
func (s *socket) family(endpoint string) error {
	return s.s.SetIpv6(strings.Contains(endpoint, "["))
}

// Dial implements transport.Network.
func (n *Network) Dial(kind transport.Kind, endpoint string, opt transport.Options) (transport.Socket, error) {
	s, err := n.open(kind, opt)
	if err == nil {
		if err = errors.Join(s.family(endpoint), s.s.Connect(endpoint)); err != nil {
			s.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("zmq: connect to %s: %w", endpoint, err)
	}
	return s, nil
}

// Probe implements transport.Network.
func (n *Network) Probe(ctx context.Context, endpoint string) error {
	network, address := "tcp", strings.TrimPrefix(endpoint, "tcp://")
	if path, ok := strings.CutPrefix(endpoint, "ipc://"); ok {
		network, address = "unix", path
	}
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return fmt.Errorf("zmq: %w", err)
	}
	return c.Close()
}

func (n *Network) open(kind transport.Kind, opt transport.Options) (*socket, error) {
	z, err := n.ctx.NewSocket(kinds[kind])
	if err != nil {
		return nil, err
	}
	s := &socket{s: z, frames: newFrames(z)}
	maxFrame := opt.MaxFrame
	if maxFrame == 0 {
		maxFrame = -1
	}
	err = errors.Join(z.SetSndhwm(0), z.SetRcvhwm(0), z.SetLinger(linger), z.SetMaxmsgsize(maxFrame))
	if opt.Identity != "" {
		err = errors.Join(err, z.SetIdentity(opt.Identity))
	}
	if kind == transport.Sub {
		err = errors.Join(err, z.SetSubscribe(""))
	}
	if kind == transport.Router {
		err = errors.Join(err, z.SetRouterHandover(true))
	}
	if opt.Mandatory {
		err = errors.Join(err, z.SetRouterMandatory(1))
	}
	err = errors.Join(err, curve(z, opt))
	if err == nil && kind != transport.Pub {
		err = s.poll()
	}
	if err == nil && opt.Departed != nil {
		err = s.watch(opt.Departed)
	}
	if err != nil {
		z.Close()
		return nil, err
	}
	return s, nil
}

type socket struct {
	addr string

	// fd is a duplicate of the descriptor that tells of events, known to the
	// runtime's poller; raw waits on it. nil for a Pub, which never receives.
	fd  *os.File
	raw syscall.RawConn

	// The receiver's: step looks for a message and leaves it here. It is made
	// once, and not for each.
	step func(fd uintptr) bool
	msg  [][]byte
	err  error

	mu      sync.Mutex // guards s and what follows
	s       *zmq4.Socket
	frames  *frames
	asleep  bool // the receiver waits on fd
	closed  bool
	watcher *watcher
}

// poll makes the descriptor of the socket's events known to Go's poller.
func (s *socket) poll() error {
	fd, err := s.s.GetFd()
	if err != nil {
		return err
	}
	// The file closes its descriptor, which is libzmq's to keep.
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	s.fd = os.NewFile(uintptr(dup), "zmq")
	s.raw, err = s.fd.SyscallConn()
	s.step = func(uintptr) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.msg, s.err = s.receive()
		s.asleep = s.err == again
		return !s.asleep
	}
	return err
}

func (s *socket) Addr() string { return s.addr }

func (s *socket) Send(frames [][]byte) error { return s.send(frames, false, nil) }

func (s *socket) Give(frames [][]byte, sent func()) error {
	n := newNotice(sent)
	defer n.release()
	return s.send(frames, true, n)
}

func (s *socket) send(frames [][]byte, given bool, n *notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return transport.ErrClosed
	}
	err := s.frames.send(frames, given, n)
	// A send also takes in what happened to the socket and so may eat the
	// signal that the sleeping receiver waits for. Its next step is ours then.
	if s.asleep {
		if ev, err := s.s.GetEvents(); err != nil || ev&zmq4.POLLIN != 0 {
			s.wake()
		}
	}
	switch {
	case errors.Is(err, syscall.EHOSTUNREACH):
		return transport.ErrUnreachable
	case err != nil:
		return fmt.Errorf("zmq: send: %w", err)
	}
	return nil
}

// wake ends the receiver's sleep. The caller holds mu.
func (s *socket) wake() {
	if s.asleep {
		s.asleep = false
		s.fd.SetReadDeadline(time.Unix(1, 0))
	}
}

func (s *socket) Recv() (msg [][]byte, err error) {
	for {
		// The poller calls the function again whenever the descriptor has
		// become readable, until it returns true.
		wait := s.raw.Read(s.step)
		if wait == nil {
			msg, err, s.msg, s.err = s.msg, s.err, nil, nil
			return msg, err
		}
		if !errors.Is(wait, os.ErrDeadlineExceeded) {
			return nil, transport.ErrClosed
		}
		// Woken by Send or Close. What came before the deadline is lifted is
		// seen by the receive that follows.
		s.mu.Lock()
		s.asleep = false
		if !s.closed {
			s.fd.SetReadDeadline(time.Time{})
		}
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return nil, transport.ErrClosed
		}
	}
}

// receive returns the next message, or again. The caller holds mu.
func (s *socket) receive() ([][]byte, error) {
	if s.closed {
		return nil, transport.ErrClosed
	}
	msg, fd, err := s.frames.receive(s.watcher != nil)
	if err == again {
		return nil, again
	}
	if err != nil {
		return nil, fmt.Errorf("zmq: receive: %w", err)
	}
	if s.watcher != nil {
		s.watcher.note(fd, msg[0])
	}
	return msg, nil
}

func (s *socket) Close() error { return s.close(linger) }

// Discard implements Socket. It returns when libzmq has ended what connections
// the socket had: one that it is about to make again could come after that of the
// socket which is dialed next, and by its identity take over from it.
func (s *socket) Discard() error { return s.close(0) }

// close closes the socket, and gives what was sent so long to leave.
func (s *socket) close(linger time.Duration) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	if s.fd != nil {
		s.fd.Close() // waits until the receiver has let go of it, so outside of mu
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watcher != nil {
		s.s.Monitor("", 0)
		<-s.watcher.done
	}
	s.frames.free()
	if linger > 0 {
		return errors.Join(s.s.SetLinger(linger), s.s.Close())
	}
	mon, err := s.monitor(zmq4.EVENT_MONITOR_STOPPED)
	err = errors.Join(err, s.s.SetLinger(0), s.s.Close())
	if mon != nil {
		mon.RecvEvent(0) // there is none but the last
		err = errors.Join(err, mon.Close())
	}
	return err
}
