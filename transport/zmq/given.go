package zmq

// #include <stdint.h>
import "C"

import (
	"runtime"
	"runtime/cgo"
	"sync/atomic"
	"unsafe"
)

// A notice tells the giver of a message that libzmq has let go of all its
// frames. A nil one tells nobody.
type notice struct {
	held atomic.Int64 // frames, and the giving itself
	sent func()
}

func newNotice(sent func()) *notice {
	if sent == nil {
		return nil
	}
	n := &notice{sent: sent}
	n.held.Store(1)
	return n
}

func (n *notice) hold() {
	if n != nil {
		n.held.Add(1)
	}
}

func (n *notice) release() {
	if n != nil && n.held.Add(-1) == 0 {
		n.sent()
	}
}

// A gift is a frame in libzmq's hands.
type gift struct {
	pinned runtime.Pinner
	notice *notice
}

// own pins the memory of a frame, so that libzmq can send it from where it
// lies, and returns what musterGiven takes to let go of it.
func own(frame []byte, n *notice) C.uintptr_t {
	n.hold()
	g := &gift{notice: n}
	g.pinned.Pin(unsafe.SliceData(frame))
	return C.uintptr_t(cgo.NewHandle(g))
}

// musterGiven is called by libzmq, mostly from its I/O thread, when a frame has
// left or is dropped.
//
//export musterGiven
func musterGiven(owner C.uintptr_t) {
	h := cgo.Handle(owner)
	g := h.Value().(*gift)
	h.Delete()
	g.pinned.Unpin()
	g.notice.release()
}
