package mpi

import (
	"sync/atomic"
	"unsafe"
)

// #include <stdint.h>
import "C"

// communicator is a Comm of the MPI library.
type communicator struct {
	lib        *library
	handle     C.int64_t
	rank, size int
	isWorld    bool
	freed      atomic.Bool
}

var _ Comm = (*communicator)(nil)

// comm is the communicator that world or split returned.
func (l *library) comm(r result) *communicator {
	return &communicator{lib: l, handle: r.comm, rank: int(r.source), size: int(r.tag)}
}

// call makes a call on the communicator, unless that or MPI is gone.
func (c *communicator) call(name string, f function, a args) (result, error) {
	if c.freed.Load() {
		return result{}, fail(name, ErrComm, "the communicator was freed")
	}
	if !c.lib.gate.enter() {
		return result{}, fail(name, ErrComm, "MPI is finalized")
	}
	defer c.lib.gate.leave()
	a.comm = c.handle
	r := c.lib.do(f, a)
	if r.code != 0 {
		return r, c.lib.failure(name, r.code, c.lib.do)
	}
	return r, nil
}

// finish ends a call that wrote to r.
func finish(r *buffer, err error) error {
	if err == nil {
		r.unpack()
	}
	return err
}

func flag(b bool) C.int32_t {
	if b {
		return 1
	}
	return 0
}

func (c *communicator) Rank() int { return c.rank }
func (c *communicator) Size() int { return c.size }

func (c *communicator) Barrier() error {
	_, err := c.call("Barrier", c.lib.table.barrier, args{})
	return err
}

func (c *communicator) Bcast(buf any, root int) error {
	if err := checkRoot("Bcast", root, c.size); err != nil {
		return err
	}
	b, err := one("Bcast", "buf", buf)
	if err != nil {
		return err
	}
	_, err = c.call("Bcast", c.lib.table.bcast, args{
		recv: b.ptr, recvn: C.int64_t(b.n), kind: C.int32_t(b.kind), root: C.int32_t(root),
	})
	if c.rank == root {
		return err
	}
	return finish(&b, err)
}

func (c *communicator) Reduce(send, recv any, op Op, root int) error {
	if err := checkRoot("Reduce", root, c.size); err != nil {
		return err
	}
	s, r, err := reduceArgs("Reduce", send, recv, op, c.rank == root)
	if err != nil {
		return err
	}
	_, err = c.call("Reduce", c.lib.table.reduce, args{
		send: s.ptr, recv: r.ptr, recvn: C.int64_t(r.n), kind: C.int32_t(r.kind),
		op: C.int32_t(op), root: C.int32_t(root), in_place: flag(s.inPlace),
	})
	return finish(&r, err)
}

func (c *communicator) Allreduce(send, recv any, op Op) error {
	s, r, err := reduceArgs("Allreduce", send, recv, op, true)
	if err != nil {
		return err
	}
	_, err = c.call("Allreduce", c.lib.table.allreduce, args{
		send: s.ptr, recv: r.ptr, recvn: C.int64_t(r.n), kind: C.int32_t(r.kind),
		op: C.int32_t(op), in_place: flag(s.inPlace),
	})
	return finish(&r, err)
}

func (c *communicator) Gather(send, recv any, root int) error {
	if err := checkRoot("Gather", root, c.size); err != nil {
		return err
	}
	s, r, err := gatherArgs("Gather", send, recv, c.size, c.rank == root)
	if err != nil {
		return err
	}
	_, err = c.call("Gather", c.lib.table.gather, args{
		send: s.ptr, sendn: C.int64_t(s.n), recv: r.ptr, recvn: C.int64_t(r.n / c.size),
		kind: C.int32_t(r.kind), root: C.int32_t(root), in_place: flag(s.inPlace),
	})
	return finish(&r, err)
}

func (c *communicator) Gatherv(send, recv any, counts, displs []int, root int) error {
	if err := checkRoot("Gatherv", root, c.size); err != nil {
		return err
	}
	s, r, layout, err := gathervArgs("Gatherv", send, recv, counts, displs, c.rank, c.size, c.rank == root)
	if err != nil {
		return err
	}
	a := args{
		send: s.ptr, sendn: C.int64_t(s.n), recv: r.ptr,
		kind: C.int32_t(r.kind), root: C.int32_t(root), in_place: flag(s.inPlace),
	}
	a.counts, a.displs = c.layout(layout)
	_, err = c.call("Gatherv", c.lib.table.gatherv, a)
	return finish(&r, err)
}

func (c *communicator) Scatter(send, recv any, root int) error {
	if err := checkRoot("Scatter", root, c.size); err != nil {
		return err
	}
	s, r, err := scatterArgs("Scatter", send, recv, c.size, c.rank == root)
	if err != nil {
		return err
	}
	_, err = c.call("Scatter", c.lib.table.scatter, args{
		send: s.ptr, sendn: C.int64_t(s.n / c.size), recv: r.ptr, recvn: C.int64_t(r.n),
		kind: C.int32_t(r.kind), root: C.int32_t(root), in_place: flag(r.inPlace),
	})
	return finish(&r, err)
}

func (c *communicator) Scatterv(send any, counts, displs []int, recv any, root int) error {
	if err := checkRoot("Scatterv", root, c.size); err != nil {
		return err
	}
	s, r, layout, err := scattervArgs("Scatterv", send, counts, displs, recv, c.rank, c.size, c.rank == root)
	if err != nil {
		return err
	}
	a := args{
		send: s.ptr, recv: r.ptr, recvn: C.int64_t(r.n),
		kind: C.int32_t(r.kind), root: C.int32_t(root), in_place: flag(r.inPlace),
	}
	a.counts, a.displs = c.layout(layout)
	_, err = c.call("Scatterv", c.lib.table.scatterv, a)
	return finish(&r, err)
}

func (c *communicator) Allgather(send, recv any) error {
	s, r, err := gatherArgs("Allgather", send, recv, c.size, true)
	if err != nil {
		return err
	}
	_, err = c.call("Allgather", c.lib.table.allgather, args{
		send: s.ptr, sendn: C.int64_t(s.n), recv: r.ptr, recvn: C.int64_t(r.n / c.size),
		kind: C.int32_t(r.kind), in_place: flag(s.inPlace),
	})
	return finish(&r, err)
}

func (c *communicator) Allgatherv(send, recv any, counts, displs []int) error {
	s, r, layout, err := gathervArgs("Allgatherv", send, recv, counts, displs, c.rank, c.size, true)
	if err != nil {
		return err
	}
	a := args{
		send: s.ptr, sendn: C.int64_t(s.n), recv: r.ptr,
		kind: C.int32_t(r.kind), in_place: flag(s.inPlace),
	}
	a.counts, a.displs = c.layout(layout)
	_, err = c.call("Allgatherv", c.lib.table.allgatherv, a)
	return finish(&r, err)
}

// layout is the two halves of a layout, or two nils.
func (c *communicator) layout(both []int32) (counts, displs *C.int32_t) {
	if both == nil {
		return nil, nil
	}
	return (*C.int32_t)(unsafe.Pointer(&both[0])), (*C.int32_t)(unsafe.Pointer(&both[c.size]))
}

func (c *communicator) Send(buf any, dest, tag int) error {
	if err := checkTo("Send", dest, tag, c.size); err != nil {
		return err
	}
	b, err := one("Send", "buf", buf)
	if err != nil {
		return err
	}
	_, err = c.call("Send", c.lib.table.send, args{
		send: b.ptr, sendn: C.int64_t(b.n), kind: C.int32_t(b.kind), root: C.int32_t(dest), tag: C.int32_t(tag),
	})
	return err
}

func (c *communicator) Recv(buf any, source, tag int) (Status, error) {
	if err := checkFrom("Recv", source, tag, c.size); err != nil {
		return Status{}, err
	}
	b, err := one("Recv", "buf", buf)
	if err != nil {
		return Status{}, err
	}
	r, err := c.call("Recv", c.lib.table.recv, args{
		recv: b.ptr, recvn: C.int64_t(b.n), kind: C.int32_t(b.kind), source: C.int32_t(source), recvtag: C.int32_t(tag),
	})
	return statusOf(r), finish(&b, err)
}

func statusOf(r result) Status {
	return Status{Source: int(r.source), Tag: int(r.tag), Bytes: int(r.bytes)}
}

func (c *communicator) Sendrecv(send any, dest, sendtag int, recv any, source, recvtag int) (Status, error) {
	s, b, err := sendrecvArgs(send, dest, sendtag, recv, source, recvtag, c.size)
	if err != nil {
		return Status{}, err
	}
	r, err := c.call("Sendrecv", c.lib.table.sendrecv, args{
		send: s.ptr, sendn: C.int64_t(s.n), kind: C.int32_t(s.kind), root: C.int32_t(dest), tag: C.int32_t(sendtag),
		recv: b.ptr, recvn: C.int64_t(b.n), recvkind: C.int32_t(b.kind), source: C.int32_t(source), recvtag: C.int32_t(recvtag),
	})
	return statusOf(r), finish(&b, err)
}

func (c *communicator) Probe(source, tag int) (Status, error) {
	if err := checkFrom("Probe", source, tag, c.size); err != nil {
		return Status{}, err
	}
	r, err := c.call("Probe", c.lib.table.probe, args{source: C.int32_t(source), recvtag: C.int32_t(tag)})
	return statusOf(r), err
}

func (c *communicator) Iprobe(source, tag int) (Status, bool, error) {
	if err := checkFrom("Iprobe", source, tag, c.size); err != nil {
		return Status{}, false, err
	}
	r, err := c.call("Iprobe", c.lib.table.iprobe, args{source: C.int32_t(source), recvtag: C.int32_t(tag)})
	return statusOf(r), r.flag != 0, err
}

func (c *communicator) Split(color, key int) (Comm, error) {
	if err := checkSplit(color, key); err != nil {
		return nil, err
	}
	r, err := c.call("Split", c.lib.table.split, args{root: C.int32_t(color), tag: C.int32_t(key)})
	if err != nil || r.tag == 0 { // no size: MPI_COMM_NULL
		return nil, err
	}
	return c.lib.comm(r), nil
}

func (c *communicator) Free() error {
	if c.isWorld {
		return fail("Free", ErrComm, "the world cannot be freed")
	}
	if _, err := c.call("Free", c.lib.table.free, args{}); err != nil {
		return err
	}
	c.freed.Store(true)
	return nil
}

// Abort goes past the gate and past the owner, who may be blocked for ever.
func (c *communicator) Abort(code int) error {
	r := invoke(c.lib.table.abort, args{comm: c.handle, tag: C.int32_t(code)})
	return fail("Abort", ErrOther, "MPI_Abort returned code %d", r.code)
}
