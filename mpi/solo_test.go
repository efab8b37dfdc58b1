package mpi_test

import (
	"errors"
	"testing"

	"muster/mpi"
	"muster/mpi/mpitest"
)

func TestSolo(t *testing.T) { mpitest.Run(t, new(mpi.Solo)) }

// Messages to oneself are kept until received, each communicator's apart.
func TestSoloKeepsMessages(t *testing.T) {
	var c mpi.Solo
	part, err := c.Split(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for tag, text := range []string{"zero", "one", "", "three"} {
		if err := c.Send([]byte(text), 0, tag); err != nil {
			t.Fatal(err)
		}
	}
	if _, found, err := part.Iprobe(mpi.AnySource, mpi.AnyTag); found || err != nil {
		t.Errorf("a message of another communicator was found: %v, %v", found, err)
	}
	st, err := c.Probe(0, 3)
	if want := (mpi.Status{Tag: 3, Bytes: 5}); err != nil || st != want {
		t.Errorf("Probe: %+v, %v; want %+v", st, err, want)
	}
	for _, want := range []struct {
		tag  int
		text string
	}{{3, "three"}, {mpi.AnyTag, "zero"}, {mpi.AnyTag, "one"}, {2, ""}} {
		buf := make([]byte, 9)
		st, err := c.Recv(buf, mpi.AnySource, want.tag)
		if got := string(buf[:st.Bytes]); err != nil || got != want.text {
			t.Errorf("Recv of tag %d: %q, %v; want %q", want.tag, got, err, want.text)
		}
	}
	if err := c.Send([]int64{1, 2}, 0, 0); err != nil {
		t.Fatal(err)
	}
	_, err = c.Recv([]int64{0}, 0, 0)
	if e := new(mpi.Error); !errors.As(err, &e) || e.Class != mpi.ErrTruncate {
		t.Errorf("Recv of a longer message: %v", err)
	}
}

// Where a real MPI would wait for ever, Solo says so.
func TestSoloDoesNotWait(t *testing.T) {
	var c mpi.Solo
	if err := c.Send([]int{1}, 0, 1); err != nil {
		t.Fatal(err)
	}
	_, recvErr := c.Recv([]int{0}, 0, 2)
	_, probeErr := c.Probe(mpi.AnySource, 2)
	for _, err := range []error{recvErr, probeErr} {
		if e := new(mpi.Error); !errors.As(err, &e) || e.Class != mpi.ErrOther {
			t.Errorf("got %v, want that there is no such message", err)
		}
	}
	if err := c.Free(); err != nil {
		t.Fatal(err)
	}
	if _, found, err := c.Iprobe(mpi.AnySource, mpi.AnyTag); found || err != nil {
		t.Errorf("Iprobe after Free: %v, %v", found, err)
	}
}
