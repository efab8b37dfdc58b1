package mpitest

import (
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"muster/mpi"
)

// ring passes a value all around, so that each rank sees each other's.
func ring(t *testing.T, c mpi.Comm) {
	rank, size := c.Rank(), c.Size()
	right, left := (rank+1)%size, (rank+size-1)%size
	token := []float64{float64(rank), -1}
	for step := 1; step <= size; step++ {
		got := make([]float64, 2)
		st, err := c.Sendrecv(token, right, step, got, left, step)
		ok(t, "Sendrecv", err)
		if want := (mpi.Status{Source: left, Tag: step, Bytes: 16}); st != want {
			t.Fatalf("Sendrecv: status %+v, want %+v", st, want)
		}
		same(t, "Sendrecv", got, []float64{float64((rank + size - step) % size), -1})
		token = got
	}
	// The two sides may differ in type, and one of them may be nobody.
	words, number := []byte{1, 2, 3, byte(rank)}, make([]uint16, 5)
	switch {
	case rank == 0 && size > 1:
		st, err := c.Sendrecv(words, 1, 0, number, mpi.ProcNull, 0)
		ok(t, "Sendrecv from nobody", err)
		if st.Source != mpi.ProcNull || st.Bytes != 0 {
			t.Fatalf("Sendrecv from nobody: status %+v", st)
		}
	case rank == 1:
		st, err := c.Sendrecv(number, mpi.ProcNull, 0, words, 0, 0)
		ok(t, "Sendrecv to nobody", err)
		same(t, "Sendrecv to nobody", words, []byte{1, 2, 3, 0})
		if st.Count(words) != 4 || st.Count(number) != 2 || st.Count([]float64(nil)) != -1 || st.Count("") != -1 {
			t.Fatalf("counts of %+v: %d bytes, %d uint16, %d float64", st, st.Count(words), st.Count(number), st.Count([]float64(nil)))
		}
	}
}

// messages sends from all others to rank 0, who takes them in various orders.
func messages(t *testing.T, c mpi.Comm) {
	rank, size := c.Rank(), c.Size()
	if rank != 0 {
		ok(t, "Send a", c.Send([]int32{int32(rank), 7}, 0, 1))
		ok(t, "Send b", c.Send([]int32{int32(rank), 8, 9}, 0, 2))
		ok(t, "Send nothing", c.Send([]byte{}, 0, 3))
		m := mat.NewDense(4, 4, nil)
		m.Set(1, 1, 5)
		m.Set(2, 2, float64(rank))
		ok(t, "Send a view", c.Send(m.Slice(1, 3, 1, 3), 0, 4))
		ok(t, "Barrier", c.Barrier())
		return
	}
	seen := make([]bool, size)
	for range size - 1 { // tag 2 first, from whoever comes, with the length unknown
		st, err := c.Probe(mpi.AnySource, 2)
		ok(t, "Probe", err)
		got := make([]int32, st.Count([]int32(nil)))
		st2, err := c.Recv(got, st.Source, st.Tag)
		ok(t, "Recv", err)
		if st != st2 || seen[st.Source] {
			t.Fatalf("probed %+v, received %+v", st, st2)
		}
		seen[st.Source] = true
		same(t, "Recv", got, []int32{int32(st.Source), 8, 9})
	}
	for source := 1; source < size; source++ {
		longer := []int32{-1, -1, -1}
		st, err := c.Recv(longer, source, mpi.AnyTag) // one source's come in order
		ok(t, "Recv", err)
		if st != (mpi.Status{Source: source, Tag: 1, Bytes: 8}) {
			t.Fatalf("Recv from %d: %+v", source, st)
		}
		same(t, "Recv a shorter one", longer, []int32{int32(source), 7, -1})
		st, err = c.Recv([]byte(nil), source, 3)
		ok(t, "Recv nothing", err)
		if st.Bytes != 0 {
			t.Fatalf("Recv nothing: %+v", st)
		}
		m := mat.NewDense(4, 4, nil)
		_, err = c.Recv(m.Slice(2, 4, 2, 4), source, 4)
		ok(t, "Recv into a view", err)
		want := mat.NewDense(4, 4, nil)
		want.Set(2, 2, 5)
		want.Set(3, 3, float64(source))
		equal(t, "Recv into a view", m, want)
	}
	_, found, err := c.Iprobe(mpi.AnySource, mpi.AnyTag)
	ok(t, "Iprobe", err)
	if found {
		t.Fatal("Iprobe: there is a message that nobody sent")
	}
	ok(t, "Barrier", c.Barrier())
}

// longMessages sends more than MPI buffers, so that both sides must meet.
func longMessages(t *testing.T, c mpi.Comm) {
	rank, size := c.Rank(), c.Size()
	const n = 300_000
	out, in := make([]float64, n), make([]float64, n)
	for i := range out {
		out[i] = float64(rank*n + i)
	}
	left := (rank + size - 1) % size
	_, err := c.Sendrecv(out, (rank+1)%size, 0, in, left, 0)
	ok(t, "Sendrecv", err)
	for i := range in {
		if in[i] != float64(left*n+i) {
			t.Fatalf("element %d is %v", i, in[i])
		}
	}
	ok(t, "Allreduce", c.Allreduce(out, in, mpi.Sum))
	for i := range in {
		if in[i] != float64(n*size*(size-1)/2+i*size) {
			t.Fatalf("sum %d is %v", i, in[i])
		}
	}
}

// truncation receives into a buffer that is too short; the Comm must go on
// working. Open MPI 4.1 cuts what a rank sends to itself without a word, so it
// takes two.
func truncation(t *testing.T, c mpi.Comm) {
	rank, size := c.Rank(), c.Size()
	if size > 1 {
		_, err := c.Sendrecv([]int64{1, 2, 3}, (rank+1)%size, 5, make([]int64, 2), (rank+size-1)%size, 5)
		class(t, "Sendrecv of a longer message", err, mpi.ErrTruncate)
		if !strings.Contains(err.Error(), "truncated") { // as all libraries say it
			t.Fatalf("Sendrecv of a longer message: not the library's own words: %v", err)
		}
	}
	switch {
	case rank == 0 && size > 1:
		_, err := c.Recv(make([]int64, 2), 1, 5)
		class(t, "Recv of a longer message", err, mpi.ErrTruncate)
	case rank == 1:
		ok(t, "Send", c.Send([]int64{1, 2, 3}, 0, 5))
	}
	ok(t, "Barrier", c.Barrier())
	ring(t, c)
}

// nobody talks to the rank that is not there.
func nobody(t *testing.T, c mpi.Comm) {
	ok(t, "Send", c.Send([]int{1}, mpi.ProcNull, 0))
	kept := []int{42}
	st, err := c.Recv(kept, mpi.ProcNull, 0)
	ok(t, "Recv", err)
	want := mpi.Status{Source: mpi.ProcNull, Tag: mpi.AnyTag}
	if st != want || kept[0] != 42 {
		t.Fatalf("Recv from nobody: %+v, %v", st, kept)
	}
	st, err = c.Probe(mpi.ProcNull, mpi.AnyTag)
	ok(t, "Probe", err)
	if st != want {
		t.Fatalf("Probe of nobody: %+v", st)
	}
}

// split makes smaller communicators: odd and even, reversed, and none.
func split(t *testing.T, c mpi.Comm) {
	rank, size := c.Rank(), c.Size()
	half, err := c.Split(rank%2, -rank)
	ok(t, "Split", err)
	members, sum, before := 0, 0, 0
	for r := rank % 2; r < size; r += 2 {
		members++
		sum += r
		if r > rank {
			before++ // the keys turn the order round
		}
	}
	if half.Size() != members || half.Rank() != before {
		t.Fatalf("Split: rank %d of %d, want %d of %d", half.Rank(), half.Size(), before, members)
	}
	got := 0
	ok(t, "Allreduce in a part", half.Allreduce(&rank, &got, mpi.Sum))
	if got != sum {
		t.Fatalf("Allreduce in a part: %d, want %d", got, sum)
	}
	ok(t, "Free", half.Free())

	color := mpi.Undefined
	if rank == 0 {
		color = 3
	}
	alone, err := c.Split(color, 0)
	ok(t, "Split", err)
	if rank != 0 {
		if alone != nil {
			t.Fatalf("Split with Undefined: %v, want nil", alone)
		}
		return
	}
	if alone.Size() != 1 {
		t.Fatalf("Split of one: size %d", alone.Size())
	}
	ok(t, "Barrier", alone.Barrier())
	ok(t, "Free", alone.Free())
}
