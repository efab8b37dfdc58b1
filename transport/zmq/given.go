package zmq

// #include <stdint.h>
import "C"

import (
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// own pins the memory of a frame, so that libzmq can send it from where it
// lies, and returns what musterGiven takes to let go of it.
func own(frame []byte) C.uintptr_t {
	p := new(runtime.Pinner)
	p.Pin(unsafe.SliceData(frame))
	return C.uintptr_t(cgo.NewHandle(p))
}

// musterGiven is called by libzmq, mostly from its I/O thread, when a frame has
// left or is dropped.
//
//export musterGiven
func musterGiven(owner C.uintptr_t) {
	h := cgo.Handle(owner)
	h.Value().(*runtime.Pinner).Unpin()
	h.Delete()
}
