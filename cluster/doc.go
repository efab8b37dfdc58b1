// Package cluster starts a whole cluster, a controller and its engines with a
// client connected to them, and finds, lists and stops clusters that were started before.
//
//	c, err := cluster.Start(ctx, cluster.Config{N: 4, Engines: "mpi"})
//	if err != nil {
//		return err
//	}
//	defer c.Stop(ctx)
//	all := c.Client.Direct(client.All)
//
// What was started is kept in a [Record] in the profile's pid folder from
// before the first process starts until after the last is gone, so that
// another shell, or the next one after a crash, can stop it.
//
// The rule of this room: it brings launcher, configs and client together and
// decides nothing that is theirs; its own are the names of programs and files.
package cluster
