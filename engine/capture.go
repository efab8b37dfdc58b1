package engine

import (
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// capture makes what compiled code prints through os.Stdout, os.Stderr and
// package log part of the running request's output, as what interpreted code
// prints is. File descriptors 1 and 2 stay what they were: the engine's log,
// C libraries and the Go runtime's last words go there. The process has one of
// each variable, so one engine of a process can do this.
func (e *Engine) capture() (restore func(), err error) {
	stdout, stderr := os.Stdout, os.Stderr
	var pipes []*pipe
	restore = func() {
		os.Stdout, os.Stderr = stdout, stderr
		log.SetOutput(stderr)
		for _, p := range pipes {
			p.close()
		}
	}
	for _, c := range []struct {
		file   **os.File
		stream string
	}{{&os.Stdout, "stdout"}, {&os.Stderr, "stderr"}} {
		p, err := newPipe(e.out.writer(c.stream))
		if err != nil {
			restore()
			return nil, fmt.Errorf("engine: capture %s: %w", c.stream, err)
		}
		pipes = append(pipes, p)
		*c.file = p.w
	}
	log.SetOutput(os.Stderr)
	e.drain = func() {
		if !anyFull(pipes) {
			return
		}
		for _, p := range pipes {
			p.drain()
		}
	}
	return restore, nil
}

// A pipe carries what is written to the file w to a writer.
type pipe struct {
	r, w *os.File
	raw  syscall.RawConn
	fd   int32 // of r, which polling is told; reading goes by raw
	done chan struct{}

	mu  sync.Mutex // one at a time empties the pipe
	to  io.Writer
	buf []byte
}

func newPipe(to io.Writer) (*pipe, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	raw, err := r.SyscallConn()
	if err != nil {
		r.Close()
		w.Close()
		return nil, err
	}
	p := &pipe{r: r, w: w, raw: raw, done: make(chan struct{}), to: to, buf: make([]byte, 32<<10)}
	_ = raw.Control(func(fd uintptr) { p.fd = int32(fd) })
	go func() {
		defer close(p.done)
		// Never content, so that the poller calls again when more has come.
		_ = p.raw.Read(func(fd uintptr) bool { p.empty(int(fd)); return false })
	}()
	return p, nil
}

// anyFull tells whether something that was written to the pipes has not been
// passed on. Mostly there is nothing, which one system call tells of both.
func anyFull(pipes []*pipe) bool {
	var fds [2]unix.PollFd
	for i, p := range pipes {
		fds[i] = unix.PollFd{Fd: p.fd, Events: unix.POLLIN}
	}
	if n, err := unix.Poll(fds[:], 0); n != 0 || err != nil {
		return true
	}
	for _, p := range pipes {
		if !p.mu.TryLock() { // the poller's goroutine has read something
			return true
		}
		p.mu.Unlock()
	}
	return false
}

// drain passes on what was written so far.
func (p *pipe) drain() {
	_ = p.raw.Control(func(fd uintptr) { p.empty(int(fd)) })
}

func (p *pipe) empty(fd int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		n, err := unix.Read(fd, p.buf)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 {
			return
		}
		p.to.Write(p.buf[:n])
	}
}

func (p *pipe) close() {
	p.w.Close()
	p.drain()
	p.r.Close()
	<-p.done
}
