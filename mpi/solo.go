package mpi

import (
	"os"
	"slices"
	"sync"
)

// Solo is a world of one process, in pure Go. Messages can be sent to oneself;
// they are kept until received. As nobody else can send, Recv and Probe do not
// wait for a message that is not there but fail.
//
// The zero value is ready for use.
type Solo struct {
	mu      sync.Mutex
	pending []letter
}

// letter is a message that was sent and not yet received.
type letter struct {
	tag  int
	body []byte
}

var _ Comm = (*Solo)(nil)

// Rank is 0.
func (*Solo) Rank() int { return 0 }

// Size is 1.
func (*Solo) Size() int { return 1 }

// Barrier returns at once.
func (*Solo) Barrier() error { return nil }

// Bcast leaves buf as it is.
func (*Solo) Bcast(buf any, root int) error {
	if err := checkRoot("Bcast", root, 1); err != nil {
		return err
	}
	_, err := one("Bcast", "buf", buf)
	return err
}

// Reduce copies send to recv.
func (*Solo) Reduce(send, recv any, op Op, root int) error {
	if err := checkRoot("Reduce", root, 1); err != nil {
		return err
	}
	s, r, err := reduceArgs("Reduce", send, recv, op, true)
	return transfer(&s, &r, err)
}

// Allreduce copies send to recv.
func (*Solo) Allreduce(send, recv any, op Op) error {
	s, r, err := reduceArgs("Allreduce", send, recv, op, true)
	return transfer(&s, &r, err)
}

// Gather copies send to recv.
func (*Solo) Gather(send, recv any, root int) error {
	if err := checkRoot("Gather", root, 1); err != nil {
		return err
	}
	s, r, err := gatherArgs("Gather", send, recv, 1, true)
	return transfer(&s, &r, err)
}

// Gatherv copies send to its place in recv.
func (*Solo) Gatherv(send, recv any, counts, displs []int, root int) error {
	if err := checkRoot("Gatherv", root, 1); err != nil {
		return err
	}
	return gatherv("Gatherv", send, recv, counts, displs)
}

// Scatter copies send to recv.
func (*Solo) Scatter(send, recv any, root int) error {
	if err := checkRoot("Scatter", root, 1); err != nil {
		return err
	}
	s, r, err := scatterArgs("Scatter", send, recv, 1, true)
	return transfer(&s, &r, err)
}

// Scatterv copies the part of send to recv.
func (*Solo) Scatterv(send any, counts, displs []int, recv any, root int) error {
	if err := checkRoot("Scatterv", root, 1); err != nil {
		return err
	}
	s, r, layout, err := scattervArgs("Scatterv", send, counts, displs, recv, 0, 1, true)
	if err != nil || r.inPlace {
		return err
	}
	copy(r.bytes(), s.bytes()[int(layout[1])*s.kind.size():])
	r.unpack()
	return nil
}

// Allgather copies send to recv.
func (*Solo) Allgather(send, recv any) error {
	s, r, err := gatherArgs("Allgather", send, recv, 1, true)
	return transfer(&s, &r, err)
}

// Allgatherv copies send to its place in recv.
func (*Solo) Allgatherv(send, recv any, counts, displs []int) error {
	return gatherv("Allgatherv", send, recv, counts, displs)
}

// transfer copies s to r unless one of them is in place.
func transfer(s, r *buffer, err error) error {
	if err != nil || s.inPlace || r.inPlace {
		return err
	}
	copy(r.bytes(), s.bytes())
	r.unpack()
	return nil
}

func gatherv(name string, send, recv any, counts, displs []int) error {
	s, r, layout, err := gathervArgs(name, send, recv, counts, displs, 0, 1, true)
	if err != nil || s.inPlace {
		return err
	}
	copy(r.bytes()[int(layout[1])*r.kind.size():], s.bytes())
	r.unpack()
	return nil
}

// Send keeps a copy of buf until it is received.
func (c *Solo) Send(buf any, dest, tag int) error {
	if err := checkTo("Send", dest, tag, 1); err != nil {
		return err
	}
	b, err := one("Send", "buf", buf)
	if err == nil && dest != ProcNull {
		c.post(&b, tag)
	}
	return err
}

// Recv takes the oldest message that fits; if there is none, it fails.
func (c *Solo) Recv(buf any, source, tag int) (Status, error) {
	if err := checkFrom("Recv", source, tag, 1); err != nil {
		return Status{}, err
	}
	b, err := one("Recv", "buf", buf)
	if err != nil {
		return Status{}, err
	}
	return c.take("Recv", &b, source, tag)
}

// Sendrecv sends, then receives.
func (c *Solo) Sendrecv(send any, dest, sendtag int, recv any, source, recvtag int) (Status, error) {
	s, r, err := sendrecvArgs(send, dest, sendtag, recv, source, recvtag, 1)
	if err != nil {
		return Status{}, err
	}
	if dest != ProcNull {
		c.post(&s, sendtag)
	}
	return c.take("Sendrecv", &r, source, recvtag)
}

// Probe describes the message that Recv would take; if there is none, it fails.
func (c *Solo) Probe(source, tag int) (Status, error) {
	st, ok, err := c.probe("Probe", source, tag)
	if err == nil && !ok {
		err = c.silence("Probe", tag)
	}
	return st, err
}

// Iprobe describes the message that Recv would take, if there is one.
func (c *Solo) Iprobe(source, tag int) (Status, bool, error) {
	return c.probe("Iprobe", source, tag)
}

func (c *Solo) probe(name string, source, tag int) (Status, bool, error) {
	if err := checkFrom(name, source, tag, 1); err != nil {
		return Status{}, false, err
	}
	if source == ProcNull {
		return Status{Source: ProcNull, Tag: AnyTag}, true, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.find(tag)
	if i < 0 {
		return Status{}, false, nil
	}
	return c.pending[i].status(), true, nil
}

func (l *letter) status() Status { return Status{Tag: l.tag, Bytes: len(l.body)} }

// find is the index of the oldest pending message with the tag, or -1. The
// caller holds mu.
func (c *Solo) find(tag int) int {
	return slices.IndexFunc(c.pending, func(l letter) bool { return tag == AnyTag || tag == l.tag })
}

func (c *Solo) post(b *buffer, tag int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, letter{tag, slices.Clone(b.bytes())})
}

func (c *Solo) take(name string, b *buffer, source, tag int) (Status, error) {
	if source == ProcNull {
		return Status{Source: ProcNull, Tag: AnyTag}, nil
	}
	c.mu.Lock()
	i := c.find(tag)
	if i < 0 {
		c.mu.Unlock()
		return Status{}, c.silence(name, tag)
	}
	l := c.pending[i]
	c.pending = slices.Delete(c.pending, i, i+1)
	c.mu.Unlock()
	n := copy(b.bytes(), l.body)
	b.unpack()
	if n < len(l.body) {
		return l.status(), fail(name, ErrTruncate, "the message has %d bytes, the buffer %d", len(l.body), n)
	}
	return l.status(), nil
}

func (*Solo) silence(name string, tag int) error {
	if tag == AnyTag {
		return fail(name, ErrOther, "no message was sent, and in a world of one nobody else will")
	}
	return fail(name, ErrOther, "no message with tag %d was sent, and in a world of one nobody else will", tag)
}

// Split returns a new Solo, or nil for Undefined.
func (*Solo) Split(color, key int) (Comm, error) {
	if err := checkSplit(color, key); err != nil || color == Undefined {
		return nil, err
	}
	return new(Solo), nil
}

// Free drops the messages that nobody received.
func (c *Solo) Free() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = nil
	return nil
}

// Abort ends the process, as MPI_Abort would.
func (*Solo) Abort(code int) error {
	os.Exit(code)
	return nil
}
