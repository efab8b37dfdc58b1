package zmq

/*
#cgo pkg-config: libzmq
#cgo noescape muster_receive
#cgo nocallback muster_receive
#cgo noescape muster_send
#cgo nocallback muster_send
#include "frames.h"
*/
import "C"

import (
	"reflect"
	"syscall"
	"unsafe"

	"github.com/pebbe/zmq4"
)

// The binding moves one frame with four to seven calls into C, so a request of
// eight frames costs about fifty on each of its four hops, which was more than
// half of a hop's time (BenchmarkPipeline). Here a message is one call.

// large is the size from which a frame is handled by itself: received ones
// get memory of their own, so that a small neighbour does not keep them.
const large = 16 << 10

// frames moves whole messages through a socket of the binding.
type frames struct {
	socket unsafe.Pointer
	box    C.muster_box
	packed []byte
	sizes  []C.size_t
}

func newFrames(s *zmq4.Socket) *frames {
	// The binding keeps libzmq's socket to itself, but does nothing else to it.
	return &frames{socket: reflect.ValueOf(s).Elem().FieldByName("soc").UnsafePointer()}
}

// receive returns the next message, and the descriptor of the connection that
// it came by when asked for. Its error is an errno.
func (f *frames) receive(wantFD bool) (msg [][]byte, fd int, err error) {
	var want C.int
	if wantFD {
		want = 1
	}
	n, err := C.muster_receive(f.socket, &f.box, want)
	if n < 0 {
		return nil, 0, err
	}
	sizes := unsafe.Slice(f.box.sizes, n)
	data := unsafe.Slice(f.box.data, n)
	small := 0
	for _, size := range sizes {
		if size < large {
			small += int(size)
		}
	}
	msg = make([][]byte, n)
	arena := make([]byte, 0, small)
	for i, size := range sizes {
		from := unsafe.Slice((*byte)(data[i]), int(size))
		if size >= large {
			msg[i] = append([]byte(nil), from...) // memory that append grows is not zeroed first
			continue
		}
		start := len(arena)
		arena = append(arena, from...)
		msg[i] = arena[start:len(arena):len(arena)]
	}
	if len(msg) > 0 && small < total(sizes) {
		C.muster_clear(&f.box)
	}
	return msg, int(f.box.fd), nil
}

func total(sizes []C.size_t) (n int) {
	for _, s := range sizes {
		n += int(s)
	}
	return n
}

// send sends a message. Frames that are given are not copied when they are
// large; the notice, if any, tells when they are free. Its error is an errno.
func (f *frames) send(msg [][]byte, given bool, n *notice) error {
	for i := 0; i < len(msg); {
		f.packed, f.sizes = f.packed[:0], f.sizes[:0]
		for ; i < len(msg) && len(msg[i]) < large; i++ {
			f.packed = append(f.packed, msg[i]...)
			f.sizes = append(f.sizes, C.size_t(len(msg[i])))
		}
		if len(f.sizes) > 0 {
			if err := f.copy(f.packed, f.sizes, more(i < len(msg))); err != nil {
				return err
			}
		}
		if i < len(msg) { // a large one
			frame, goesOn := msg[i], more(i < len(msg)-1)
			var err error
			if given {
				err = f.give(frame, n, goesOn)
			} else {
				err = f.copy(frame, []C.size_t{C.size_t(len(frame))}, goesOn)
			}
			if err != nil {
				return err
			}
			i++
		}
	}
	return nil
}

func more(goesOn bool) C.int {
	if goesOn {
		return 1
	}
	return 0
}

func (f *frames) copy(packed []byte, sizes []C.size_t, more C.int) error {
	rc, err := C.muster_send(f.socket, (*C.char)(unsafe.Pointer(unsafe.SliceData(packed))), &sizes[0], C.int(len(sizes)), more)
	if rc < 0 {
		return err
	}
	return nil
}

func (f *frames) give(frame []byte, n *notice, more C.int) error {
	rc, err := C.muster_give(f.socket, (*C.char)(unsafe.Pointer(unsafe.SliceData(frame))), C.size_t(len(frame)), own(frame, n), more)
	if rc < 0 {
		return err
	}
	return nil
}

func (f *frames) free() { C.muster_free(&f.box) }

// again says that there is no message to receive.
const again = syscall.EAGAIN
