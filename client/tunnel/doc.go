// Package tunnel reaches a controller behind ssh: a login node, or a node that
// is reached from there.
//
// It is the user's own ssh, with its configuration, keys, agents and jumps. One
// connection carries everything: the connection file comes by it, and the
// controller's ports are forwarded from Unix sockets in a folder that only the
// user may enter. (A port on loopback could be connected to by everybody who
// works on this machine, and what engines print is sent to whoever does.) The
// sockets keep their names when the connection breaks and is made again, so
// that what is connected to them connects again by itself.
//
//	t, err := tunnel.Open(ctx, tunnel.Config{Destination: "me@login.example.org"})
//	...
//	conn := t.Connection() // as if the controller were here
//	<-t.Done()             // the connection has ended
//	err = t.Renew(ctx)     // and is made again
//
// An ssh that the user keeps open to the same destination (ControlMaster) is
// used instead of one of its own, so that nobody logs in twice.
//
// Nothing is left behind: a small shell waits for the end of the process that
// opened the tunnel, however it comes, ends its ssh and removes its folder.
package tunnel
