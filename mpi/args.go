package mpi

import "math"

// The functions here check the arguments of one kind of call, for Solo and for
// the library alike, and return the buffers with what MPI must be told filled
// in even where the user may pass nil.

// get is bufferOf with the error of a call; what is "send" or "recv".
func get(op, what string, x any) (buffer, error) {
	b, err := bufferOf(x)
	if err != nil {
		return b, fail(op, ErrBuffer, "%s %v", what, err)
	}
	return b, nil
}

// one is the buffer of a call that has only one.
func one(op, what string, x any) (buffer, error) {
	b, err := get(op, what, x)
	if err == nil && b.inPlace {
		err = fail(op, ErrBuffer, "%s is InPlace, which has no meaning here", what)
	}
	return b, err
}

// pair is the buffers of a call that this rank both sends and receives in. The
// one of them that may be InPlace takes the kind of the other.
func pair(op string, send, recv any, mayBeInPlace *buffer, s, r *buffer) error {
	var err error
	if *s, err = get(op, "send", send); err != nil {
		return err
	}
	if *r, err = get(op, "recv", recv); err != nil {
		return err
	}
	switch {
	case s.inPlace && s == mayBeInPlace:
		s.kind = r.kind
	case r.inPlace && r == mayBeInPlace:
		r.kind = s.kind
	}
	if s.inPlace && (s != mayBeInPlace || r.inPlace) || r.inPlace && r != mayBeInPlace {
		return fail(op, ErrBuffer, "InPlace where a buffer must be")
	}
	if s.kind != r.kind {
		return fail(op, ErrType, "send has %s, recv has %s: the types differ", s.String(), r.String())
	}
	if s.overlaps(r) {
		return fail(op, ErrBuffer, "send and recv overlap; use mpi.InPlace or two buffers")
	}
	return nil
}

// reduceArgs checks a reduction; receives says whether its result comes here.
func reduceArgs(name string, send, recv any, op Op, receives bool) (s, r buffer, err error) {
	if receives {
		if err = pair(name, send, recv, &s, &s, &r); err != nil {
			return
		}
		if !s.inPlace && s.n != r.n {
			return s, r, fail(name, ErrCount, "send has %s, recv has %s: the lengths differ", s.String(), r.String())
		}
	} else {
		if s, err = one(name, "send", send); err != nil {
			return
		}
		r = buffer{n: s.n, kind: s.kind}
	}
	if !op.valid() {
		return s, r, fail(name, ErrOp, "there is no operation %v", op)
	}
	if !op.takes(r.kind) {
		return s, r, fail(name, ErrOp, "%v is not defined for %v", op, r.kind)
	}
	return s, r, nil
}

// gatherArgs checks a gathering of equal parts.
func gatherArgs(name string, send, recv any, size int, receives bool) (s, r buffer, err error) {
	if !receives {
		s, err = one(name, "send", send)
		return s, buffer{kind: s.kind}, err
	}
	if err = pair(name, send, recv, &s, &s, &r); err != nil {
		return
	}
	return s, r, parts(name, "recv", &r, "send", &s, size)
}

// scatterArgs checks a scattering of equal parts; sends says whether they
// come from here.
func scatterArgs(name string, send, recv any, size int, sends bool) (s, r buffer, err error) {
	if !sends {
		r, err = one(name, "recv", recv)
		return buffer{kind: r.kind}, r, err
	}
	if err = pair(name, send, recv, &r, &s, &r); err != nil {
		return
	}
	return s, r, parts(name, "send", &s, "recv", &r, size)
}

// parts checks that whole is size times part, or any multiple of size where
// the part is in place.
func parts(name, wholeName string, whole *buffer, partName string, part *buffer, size int) error {
	if part.inPlace && whole.n%size != 0 {
		return fail(name, ErrCount, "%s has %s, which %d ranks cannot share evenly", wholeName, whole.String(), size)
	}
	if !part.inPlace && whole.n != size*part.n {
		return fail(name, ErrCount, "%s has %s and %s %s: for %d ranks it must be %d", wholeName, whole.String(), partName, part.String(), size, size*part.n)
	}
	return nil
}

// gathervArgs checks a gathering of unequal parts. layout is the counts and
// then the displacements, or nil if nothing is received here.
func gathervArgs(name string, send, recv any, counts, displs []int, rank, size int, receives bool) (s, r buffer, layout []int32, err error) {
	if !receives {
		s, err = one(name, "send", send)
		if err == nil && s.n > math.MaxInt32 {
			err = fail(name, ErrCount, "send has %s: a part may have at most %d", s.String(), math.MaxInt32)
		}
		return s, buffer{kind: s.kind}, nil, err
	}
	if err = pair(name, send, recv, &s, &s, &r); err != nil {
		return
	}
	layout, err = layoutOf(name, "recv", &r, "send", &s, counts, displs, rank, size)
	return
}

// scattervArgs checks a scattering of unequal parts.
func scattervArgs(name string, send any, counts, displs []int, recv any, rank, size int, sends bool) (s, r buffer, layout []int32, err error) {
	if !sends {
		r, err = one(name, "recv", recv)
		if err == nil && r.n > math.MaxInt32 {
			err = fail(name, ErrCount, "recv has %s: a part may have at most %d", r.String(), math.MaxInt32)
		}
		return buffer{kind: r.kind}, r, nil, err
	}
	if err = pair(name, send, recv, &r, &s, &r); err != nil {
		return
	}
	layout, err = layoutOf(name, "send", &s, "recv", &r, counts, displs, rank, size)
	return
}

// layoutOf checks where the parts of all ranks lie in whole, and that part is
// this rank's.
func layoutOf(name, wholeName string, whole *buffer, partName string, part *buffer, counts, displs []int, rank, size int) ([]int32, error) {
	if len(counts) != size || displs != nil && len(displs) != size {
		return nil, fail(name, ErrArg, "%d counts and %d displacements for %d ranks", len(counts), len(displs), size)
	}
	layout := make([]int32, 2*size)
	next := 0
	for i, n := range counts {
		at := next
		if displs != nil {
			at = displs[i]
		}
		if n < 0 || at < 0 || n > whole.n || at > whole.n-n {
			return nil, fail(name, ErrCount, "the part of rank %d, %d from %d on, is not within %s, which has %s", i, n, at, wholeName, whole.String())
		}
		if n > math.MaxInt32 || at > math.MaxInt32 {
			return nil, fail(name, ErrCount, "the part of rank %d, %d from %d on, is beyond what MPI counts, %d", i, n, at, math.MaxInt32)
		}
		layout[i], layout[size+i] = int32(n), int32(at)
		next = at + n
	}
	if !part.inPlace && part.n != counts[rank] {
		return nil, fail(name, ErrCount, "%s has %s, but counts[%d] is %d", partName, part.String(), rank, counts[rank])
	}
	return layout, nil
}

func checkRoot(name string, root, size int) error {
	if root < 0 || root >= size {
		return fail(name, ErrRoot, "root %d is not one of ranks 0 to %d", root, size-1)
	}
	return nil
}

// checkTo checks the destination of a message.
func checkTo(name string, dest, tag, size int) error {
	if (dest < 0 || dest >= size) && dest != ProcNull {
		return fail(name, ErrRank, "destination %d is not one of ranks 0 to %d", dest, size-1)
	}
	if tag < 0 || tag > math.MaxInt32 {
		return fail(name, ErrTag, "tag %d is not one of 0 to %d", tag, math.MaxInt32)
	}
	return nil
}

// checkFrom checks the source of a message.
func checkFrom(name string, source, tag, size int) error {
	if (source < 0 || source >= size) && source != ProcNull && source != AnySource {
		return fail(name, ErrRank, "source %d is not one of ranks 0 to %d, nor AnySource", source, size-1)
	}
	if (tag < 0 || tag > math.MaxInt32) && tag != AnyTag {
		return fail(name, ErrTag, "tag %d is not one of 0 to %d, nor AnyTag", tag, math.MaxInt32)
	}
	return nil
}

func checkSplit(color, key int) error {
	if (color < 0 || color > math.MaxInt32) && color != Undefined {
		return fail("Split", ErrArg, "color %d is not one of 0 to %d, nor Undefined", color, math.MaxInt32)
	}
	if key < math.MinInt32 || key > math.MaxInt32 {
		return fail("Split", ErrArg, "key %d does not fit in 32 bits", key)
	}
	return nil
}

// sendrecvArgs checks a Sendrecv, whose buffers may differ in type and length.
func sendrecvArgs(send any, dest, sendtag int, recv any, source, recvtag, size int) (s, r buffer, err error) {
	const name = "Sendrecv"
	if err = checkTo(name, dest, sendtag, size); err != nil {
		return
	}
	if err = checkFrom(name, source, recvtag, size); err != nil {
		return
	}
	if s, err = one(name, "send", send); err != nil {
		return
	}
	if r, err = one(name, "recv", recv); err != nil {
		return
	}
	if s.overlaps(&r) {
		err = fail(name, ErrBuffer, "send and recv overlap; use two buffers")
	}
	return
}
