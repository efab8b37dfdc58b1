// Package controller is the gateway of a cluster: engines register with it,
// clients find the engines through it, and every request and reply passes it.
//
// A controller binds the sockets of protocol section 1 and leaves two
// connection files in a profile, one for clients and one for engines. It has
// three verbs: [New] binds, so that addresses are known before anything runs;
// [Controller.Run] serves until its context ends or a client asks for shutdown;
// [Controller.Close] frees what New took, where Run is never called.
//
//	clients                       controller                       engines
//	DEALER ── control, mux ────── scheduler.Direct ──────────────── ROUTER
//	DEALER ── task ────────────── scheduler.Balanced ────────────── ROUTER
//	DEALER ── broadcast ───────── scheduler.Broadcast ───────────── ROUTER
//	SUB ───── iopub ───────────── (unchanged) ───────────────────── PUB
//	SUB ───── notification ─────┐
//	DEALER ── registration ─────┴ hub.Machine ─── registration ──── DEALER
//	                              ├────────────── hb_ping, hb_pong ─ SUB, DEALER
//	                              └── store.Store: records in a file, when asked for
//
// A message is checked once, at the door: one that is malformed or not signed
// with the cluster's key is dropped, and costs nobody else anything. On the
// path of the data, the goroutine that received a message from one side steps
// the machine and sends to the other side itself. The hub looks on from a
// goroutine of its own: it is told of each request before the request leaves,
// so it never sees a reply first, and what it is told waits in batches.
//
// With its records in SQLite a controller may be killed at any moment and another
// be started in its place (Config.Restore), on the same ports: no task is lost,
// none without retries runs twice. What is noted before it happens is in package
// store; what is known afterwards, and by whom, is found out by the hub's
// adoption. Clients and engines keep what they send until it is acknowledged,
// which is when it is recorded (protocol section 17).
//
// The package imports its machines, wire and transport. Its rule: no decision
// is made here; an if about tasks belongs to a machine.
package controller
