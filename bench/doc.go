// Package bench measures a cluster as its user meets it: round trips, requests
// a second, megabytes a second, start-up, memory and idleness of real processes
// on this machine.
//
// Beside each figure stands that of a bare ZeroMQ router (transport/zmq/bare)
// which moves the same frames over the same hops in the same run, turn by turn:
// machines are noisy and shared, so it is the ratio that can be compared.
package bench
