// Package elastic is the machine that decides how many sets of engines a cluster
// has: it adds one, which is a whole job of a batch system, when tasks wait for
// engines, and removes one that nobody needs.
//
// It is told what there is ([Seen]) and what could not be done ([Failed]), and
// answers with what to do ([Add], [Remove]), each with its reason. A set is
//
//	queued     submitted, and waiting for its turn in a batch system,
//	starting   its job runs, and none of its engines is registered,
//	running    at least one of them is,
//	leaving    told to end: it takes no more tasks, and is there until it is gone.
//
// Queued and starting sets count as the engines that they will be, so that a
// backlog is not answered twice.
//
// What keeps the number of sets from swinging: a backlog has to last before it
// counts, and no set goes while a task waits; between two changes there is a
// pause; one change at most doubles the sets, as nobody knows how long tasks take;
// and each failure doubles the pause, up to 64 times: a set that is refused, one that ends
// as soon as it has begun, one that never calls, one that never had a task
// before it was removed. A set that has worked for a pause makes up for them all.
//
// Time is counted in ticks, by those that [Seen] says have passed. The package
// imports nothing that knows more. Its rule: it decides, and neither asks nor acts.
package elastic
