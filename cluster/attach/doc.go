// Package attach makes a cluster behind ssh one of this machine: a profile here has
// a connection file that leads there, so that notebooks and programs connect by
// the profile's name. It also tells what became of calls while nobody looked.
//
//	a, err := attach.Open(ctx, attach.Config{
//		Tunnel: tunnel.Config{Destination: "me@login.example.org"},
//		Local:  profile, // login.example.org
//	})
//	...
//	c, err := client.Connect(ctx, client.WithFile(a.File()))
//	ended, err := attach.EndedSince(ctx, c, a.Seen())
//	...
//	err = a.Close() // the work goes on
//
// What is remembered of a cluster, when its news was last seen, is in the profile too.
package attach
