package mpi

import "reflect"

// Special values of ranks, tags and colours.
const (
	AnySource = -1 // Recv and Probe: from whichever rank
	AnyTag    = -1 // Recv and Probe: with whichever tag
	ProcNull  = -2 // a rank that is not there: sending to it and receiving from it do nothing
	Undefined = -3 // Split: in none of the new communicators
)

// InPlace stands for the send buffer of a reduction or gathering, or for the
// receive buffer of the root of a scattering: the values are where the result
// will be, or stay where they are (MPI_IN_PLACE, MPI 4.0 section 6.2).
var InPlace any = inPlace{}

type inPlace struct{}

// Comm is a group of processes that talk to each other, numbered 0 to Size-1.
//
// All members must make the same collective calls (everything but Send, Recv,
// Sendrecv, Probe, Iprobe and Abort) in the same order. The package comment
// says what a buffer is; lengths count elements, and both buffers of a call
// have elements of the same type. What a method fills on the root alone may be
// nil elsewhere. Every error is an *Error.
//
// A Comm may be used by several goroutines at once, as long as no two of them
// are in a collective call.
type Comm interface {
	// Rank is the number of this process, Size how many there are.
	Rank() int
	Size() int

	// Barrier returns when all have called it.
	Barrier() error

	// Bcast copies buf of the root into buf of all others.
	Bcast(buf any, root int) error

	// Reduce combines the send buffers of all, element by element, into recv
	// of the root. On the root send may be InPlace.
	Reduce(send, recv any, op Op, root int) error

	// Allreduce is Reduce with the result for all. With InPlace as send, all
	// must say so.
	Allreduce(send, recv any, op Op) error

	// Gather joins the send buffers of all, of one length, in the order of
	// ranks into recv of the root, Size times as long. If send is InPlace on
	// the root, its part is in recv already.
	Gather(send, recv any, root int) error

	// Gatherv is Gather for parts of unequal length: counts[r] elements from
	// rank r to recv[displs[r]:] on the root. A nil displs packs the parts one
	// after the other. Other ranks may pass nil for recv, counts and displs.
	Gatherv(send, recv any, counts, displs []int, root int) error

	// Scatter deals send of the root out, a Size-th part to recv of each. On
	// the root recv may be InPlace: its part stays in send.
	Scatter(send, recv any, root int) error

	// Scatterv is Scatter for parts of unequal length: send[displs[r]:] of
	// the root, counts[r] elements of it, goes to rank r. A nil displs means
	// one after the other. Other ranks may pass nil for send, counts, displs.
	Scatterv(send any, counts, displs []int, recv any, root int) error

	// Allgather is Gather with the result for all. With InPlace as send, all
	// must say so.
	Allgather(send, recv any) error

	// Allgatherv is Gatherv with the result for all, who pass the same counts
	// and displs.
	Allgatherv(send, recv any, counts, displs []int) error

	// Send sends buf to rank dest with tag, which is at least 0. It may wait
	// for the receiver; how much MPI buffers is its own affair.
	Send(buf any, dest, tag int) error

	// Recv waits for a message from source (or AnySource) with tag (or
	// AnyTag). One longer than buf is an error of class ErrTruncate; one
	// shorter fills the beginning, and Status tells its length.
	Recv(buf any, source, tag int) (Status, error)

	// Sendrecv sends and receives at once, so that neighbours who exchange
	// data need not take turns. The two buffers may have different types.
	Sendrecv(send any, dest, sendtag int, recv any, source, recvtag int) (Status, error)

	// Probe waits for a message as Recv does, and leaves it there.
	Probe(source, tag int) (Status, error)

	// Iprobe asks whether Probe would return at once.
	Iprobe(source, tag int) (Status, bool, error)

	// Split makes a new Comm of those who pass the same color, at least 0,
	// ranked by key and then by their rank here. Who passes Undefined takes
	// part and gets nil. Free the Comm after use.
	Split(color, key int) (Comm, error)

	// Free gives a Comm made by Split back, and is collective. The world
	// cannot be freed.
	Free() error

	// Abort ends all processes of the Comm, and in practice of the job, with
	// the exit code. It returns only if MPI could not.
	Abort(code int) error
}

// Status describes a message that was received or probed.
type Status struct {
	Source, Tag int // who sent it, and with which tag
	Bytes       int // how long it is
}

// Count is the length of the message in elements of the type of buf, a buffer
// that may be empty such as []float64(nil); -1 if they do not fill the message
// evenly or buf is no buffer (MPI_UNDEFINED, MPI 4.0 section 3.2.5).
func (s Status) Count(buf any) int {
	b, err := bufferOf(buf)
	if err != nil || s.Bytes%b.kind.size() != 0 {
		return -1
	}
	return s.Bytes / b.kind.size()
}

// typeName is how messages speak of a value that is no buffer.
func typeName(x any) string {
	if x == nil {
		return "nil"
	}
	return reflect.TypeOf(x).String()
}
