// Package bare is the least that a ZeroMQ cluster can do: a router that swaps
// two frames, workers that echo, a client that sends the same frames over and
// over, all over the binding itself with nothing of Muster between. What it
// reaches on a machine is the limit that `ipcluster bench` sets its own figures
// against, hop for hop and frame for frame:
//
//	client (DEALER) ── ROUTER router ROUTER ── worker (DEALER, by identity)
package bare
