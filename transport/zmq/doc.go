// Package zmq is the real network: transport sockets over libzmq, by
// github.com/pebbe/zmq4. No other package knows the binding.
//
// libzmq's sockets may be used from any thread as long as uses are separated
// by a full fence (zmq_socket(3)), which a mutex is. A receiver waits on the
// socket's file descriptor (ZMQ_FD) in Go's own network poller: it holds no
// thread while it sleeps, and wakes as fast as a reader of a TCP connection
// does. A goroutine blocked in zmq_poll would hold a thread and, until the
// runtime's monitor notices, a processor that other goroutines need.
package zmq
