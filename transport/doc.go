// Package transport carries multipart messages between peers: the interface
// that every room speaks to, and an in-memory network for tests. The real
// network is in transport/zmq.
//
// The sockets are ZeroMQ's (RFC 28, request-reply; RFC 29, publish-subscribe):
// a Dealer talks to one router, a Router addresses each peer by its identity,
// a Pub sends to every Sub. High-water marks are unlimited, so Send never
// waits; a message for an identity that is not connected is dropped.
//
// A socket has one receiver. Send may be called from any goroutine, also while
// the receiver waits, so that a reply leaves from the goroutine that made it
// instead of being handed to an owner first: each hand-over between goroutines
// is a wake-up, and a round trip would pay for four of them.
package transport
