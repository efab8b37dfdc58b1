package client

import "sync/atomic"

var alreadySent = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Sent returns a channel that closes when the arguments of the call may be
// changed, because they are on their way or will not be sent; where the
// controller can be restored, because it has recorded them. Without NoCopy that
// is so when the call returns.
func (ar *AsyncResult) Sent() <-chan struct{} {
	if ar.sent == nil {
		return alreadySent
	}
	return ar.sent
}

// A hold on the arguments of a call closes a channel when nobody has it any
// more: neither who sends, nor a socket, nor a request that is kept. A nil one
// holds nothing.
type hold struct {
	holders atomic.Int64
	free    chan struct{}
}

// newHold returns a hold that the caller has.
func newHold(free chan struct{}) *hold {
	if free == nil {
		return nil
	}
	h := &hold{free: free}
	h.take()
	return h
}

func (h *hold) take() {
	if h != nil {
		h.holders.Add(1)
	}
}

func (h *hold) release() {
	if h != nil && h.holders.Add(-1) == 0 {
		close(h.free)
	}
}
