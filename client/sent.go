package client

var alreadySent = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Sent returns a channel that closes when the arguments of the call may be
// changed, because they are on their way or will not be sent. Without NoCopy
// that is so when the call returns.
func (ar *AsyncResult) Sent() <-chan struct{} {
	if ar.sent == nil {
		return alreadySent
	}
	return ar.sent
}
