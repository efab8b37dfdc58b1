// Package cluster starts a whole cluster, one controller and its engines, and
// finds, lists and stops clusters that were started before.
//
//	c, err := cluster.Start(ctx, cluster.Config{
//		Profile: profile,
//		Engines: launcher.Config{N: 4, Launcher: "mpi"},
//	})
//	if err != nil {
//		return err
//	}
//	defer c.Stop(ctx)
//	rc, err := client.Connect(ctx, client.WithFile(c.ClientFile()))
//
// What was started is kept in a [Record] in the profile's pid folder from
// before the first process starts until after the last is gone, so that
// another shell, or the next one after a crash, can stop it.
//
// The rule of this room: it knows that there are controllers and engines, which
// programs they are and which files they leave, and nothing of what they say to
// each other. Whether engines are registered it is told, by [Config].Registered.
package cluster
