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
// # Deaths
//
// A [Cluster] is supervised until it is stopped. When the process of an engine
// ends, the controller is told why (protocol section 17), and the cause is in
// the errors of all that the engine had to do. What is done about it is said by
// [Config] or the profile: engines.restart starts an engine, or all of a set, again,
// with growing waits, until that is given up; controller.restore does so with the
// controller, which then comes back with its tasks. Each [Death] is a line of the
// log and stands in the record, for ipcluster list.
//
// # Sets that come and go
//
// With [Config].Elastic, or section [engines.elastic] of the profile, the number of sets
// follows the load. Once a second the controller is asked what waits and who has
// something to do, package elastic decides, and a set is added, or drained and
// removed. The latest decision stands in the record with its reason ([Elastic]).
//
// The rule of this room: it brings launcher, configs and client together and
// decides nothing that is theirs; its own are the names of programs and files.
package cluster
