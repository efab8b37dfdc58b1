package transport

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Memory is a network inside one process, for tests: sockets behave as
// ZeroMQ's do, messages arrive in the order in which they were sent, and
// nothing depends on the clock. The zero value is ready for use.
type Memory struct {
	mu        sync.Mutex // guards all sockets of the network
	listeners map[string]*memorySocket
	// orphans are dialled sockets whose listener has closed, by endpoint: they
	// connect to the next one.
	orphans map[string][]*memorySocket
	next    int
}

type memorySocket struct {
	net    *Memory
	kind   Kind
	opt    Options
	addr   string
	bound  []string // addr, and others at which it listens
	to     string   // where it was dialled
	id     string   // as this socket's peers know it
	peers  []*memorySocket
	queue  [][][]byte
	ready  *sync.Cond
	closed bool
}

// Listen implements Network. Any endpoint is free unless it is taken; one that
// ends in ":0" is completed by a number.
func (m *Memory) Listen(kind Kind, endpoint string, opt Options) (Socket, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	if n := len(endpoint); n > 2 && endpoint[n-2:] == ":0" {
		endpoint = fmt.Sprintf("%s%d", endpoint[:n-1], 10000+m.next)
	}
	s := m.socket(kind, endpoint, opt)
	s.bound = []string{endpoint}
	for _, also := range opt.Also {
		if host, any := strings.CutSuffix(also, ":0"); any {
			also = host + endpoint[strings.LastIndexByte(endpoint, ':'):]
		}
		s.bound = append(s.bound, also)
	}
	for _, endpoint := range s.bound {
		if _, taken := m.listeners[endpoint]; taken {
			return nil, fmt.Errorf("transport: listen %s: %w", endpoint, syscall.EADDRINUSE)
		}
	}
	if m.listeners == nil {
		m.listeners = make(map[string]*memorySocket)
	}
	for _, endpoint := range s.bound {
		m.listeners[endpoint] = s
		for _, p := range m.orphans[endpoint] {
			if !p.closed {
				p.connect(s)
			}
		}
		delete(m.orphans, endpoint)
	}
	return s, nil
}

// Probe implements Network.
func (m *Memory) Probe(_ context.Context, endpoint string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.listeners[endpoint] == nil {
		return fmt.Errorf("transport: %s: %w", endpoint, syscall.ECONNREFUSED)
	}
	return nil
}

// Dial implements Network. The listener must be there; when it closes, the
// socket connects to the next one that listens there.
func (m *Memory) Dial(kind Kind, endpoint string, opt Options) (Socket, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	peer := m.listeners[endpoint]
	if peer == nil {
		return nil, fmt.Errorf("transport: dial %s: nobody listens", endpoint)
	}
	m.next++
	s := m.socket(kind, "", opt)
	s.to = endpoint
	s.connect(peer)
	return s, nil
}

// connect makes a listener the peer of a dialled socket.
func (s *memorySocket) connect(peer *memorySocket) {
	s.peers = []*memorySocket{peer}
	if peer.kind == Router { // which has one connection of each identity
		for i, p := range peer.peers {
			if p.id == s.id {
				peer.peers = slices.Delete(peer.peers, i, i+1)
				p.peers = nil
				break
			}
		}
	}
	peer.peers = append(peer.peers, s)
}

func (m *Memory) socket(kind Kind, addr string, opt Options) *memorySocket {
	s := &memorySocket{net: m, kind: kind, opt: opt, addr: addr, id: opt.Identity}
	if s.id == "" {
		s.id = fmt.Sprintf("\x00%04d", m.next)
	}
	s.ready = sync.NewCond(&m.mu)
	return s
}

func (s *memorySocket) Addr() string { return s.addr }

func (s *memorySocket) Send(frames [][]byte) error {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	to := s.peers
	if s.kind == Router {
		id := string(frames[0])
		frames = frames[1:]
		i := slices.IndexFunc(to, func(p *memorySocket) bool { return p.id == id })
		if i < 0 && s.opt.Mandatory {
			return ErrUnreachable
		}
		if i < 0 {
			return nil
		}
		to = to[i : i+1]
	}
	for _, p := range to {
		p.put(s, frames)
	}
	return nil
}

// Give implements Socket. It copies all the same: a receiver may change what it
// receives.
func (s *memorySocket) Give(frames [][]byte, sent func()) error {
	if sent != nil {
		defer sent()
	}
	return s.Send(frames)
}

// put queues a copy of the frames for p, which may keep what it receives.
func (p *memorySocket) put(from *memorySocket, frames [][]byte) {
	if p.closed {
		return
	}
	msg := make([][]byte, 0, len(frames)+1)
	if p.kind == Router {
		msg = append(msg, []byte(from.id))
	}
	for _, f := range frames {
		msg = append(msg, bytes.Clone(f))
	}
	p.queue = append(p.queue, msg)
	p.ready.Signal()
}

func (s *memorySocket) Recv() ([][]byte, error) {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	for len(s.queue) == 0 && !s.closed {
		s.ready.Wait()
	}
	if s.closed {
		return nil, ErrClosed
	}
	msg := s.queue[0]
	s.queue = s.queue[1:]
	return msg, nil
}

func (s *memorySocket) Close() error {
	s.net.mu.Lock()
	if s.closed {
		s.net.mu.Unlock()
		return nil
	}
	s.closed = true
	for _, endpoint := range s.bound {
		delete(s.net.listeners, endpoint)
	}
	if len(s.bound) > 0 {
		if s.net.orphans == nil {
			s.net.orphans = make(map[string][]*memorySocket)
		}
		for _, p := range s.peers {
			s.net.orphans[p.to] = append(s.net.orphans[p.to], p)
		}
	}
	s.ready.Broadcast()
	var departed []func([]byte)
	for _, p := range s.peers {
		p.peers = slices.DeleteFunc(p.peers, func(q *memorySocket) bool { return q == s })
		if p.opt.Departed != nil && !p.closed {
			departed = append(departed, p.opt.Departed)
		}
	}
	s.net.mu.Unlock()
	for _, f := range departed {
		f([]byte(s.id))
	}
	return nil
}

// Discard implements Socket. What was sent has arrived already.
func (s *memorySocket) Discard() error { return s.Close() }
